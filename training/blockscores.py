"""From scored windows to one score a block, which is what a label can be held against.

The rule: a block's score is the highest of its closed parts; while none is closed, the latest provisional one. A block
is called anomalous if any closed part is; while none is closed, if the latest provisional verdict says so.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.auc import StreamingAuc


class BlockScore(NamedTuple):
    """What is thought of a block so far."""

    score: float
    anomalous: bool
    closed: bool


class BlockScores:
    """Scores of blocks by the rule above, their labels, and the running figures of those that have both.

    Scores and labels may come in any order. Memory: some 300 bytes a block.
    """

    def __init__(self, labels: Mapping[str, bool] | None = None) -> None:
        self.auc = StreamingAuc()
        self.labels = dict(labels or {})
        self.scores: dict[str, BlockScore] = {}
        self.relabelled = 0
        """How often a label came, changed or went after a score that it judges."""

    def see(self, block: str, score: float, anomalous: bool, closed: bool) -> None:
        """Take the score of a window of this block into account; raise ValueError for NaN."""
        old = self.scores.get(block)
        if old and old.closed:
            if not closed:
                return
            new = BlockScore(max(score, old.score), anomalous or old.anomalous, True)
        else:
            new = BlockScore(score, anomalous, closed)
        label = self.labels.get(block)
        if label is not None and (old is None or old.score != new.score):
            if old is not None:
                self.auc.remove(old.score, label)
            self.auc.add(new.score, label)
        self.scores[block] = new

    def label(self, block: str, anomalous: bool) -> bool:
        """Learn the label of a block; return whether it agrees with what was known."""
        known = self.labels.get(block)
        if known is None:
            self.labels[block] = anomalous
            if block in self.scores:
                self.auc.add(self.scores[block].score, anomalous)
                self.relabelled += 1
        return known in (None, anomalous)

    def relabel(self, labels: Mapping[str, bool]) -> None:
        """From now on these are the labels of all blocks, whatever was known of them."""
        for block in set(labels) | set(self.labels):
            before, now = self.labels.get(block), labels.get(block)
            if block in self.scores and before is not now:
                self.relabelled += 1
                if before is not None:
                    self.auc.remove(self.scores[block].score, before)
                if now is not None:
                    self.auc.add(self.scores[block].score, now)
        self.labels = dict(labels)

    @property
    def unlabelled(self) -> int:
        """Scored blocks without a label."""
        return len(self.scores) - self.auc.anomalous - self.auc.normal

    @property
    def unscored(self) -> int:
        """Labelled blocks without a score."""
        return len(self.labels) - self.auc.anomalous - self.auc.normal

    def judged(self) -> "Judged":
        """The blocks that have both, in the order of their names, so that nothing depends on the order of arrival."""
        names = sorted(block for block in self.scores if block in self.labels)
        return Judged(
            tuple(names),
            np.array([self.scores[name].score for name in names], np.float64),
            np.array([self.scores[name].anomalous for name in names], np.bool_),
            np.array([self.labels[name] for name in names], np.bool_),
        )


class Judged(NamedTuple):
    """Blocks with scores, verdicts and labels: four sequences of one length."""

    blocks: tuple[str, ...]
    scores: npt.NDArray[np.float64]
    verdicts: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.bool_]
