"""Labelled lines through the pipeline of the daemon, and the figures as they come. Knows no broker and no file.

One ``WindowTask`` takes all lines in the order in which they are given and closes every window at the end. What it
scores depends on the lines alone: not on the speed, nor on how often anybody looks.
"""

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from stream.errors import InputError
from stream.lines import BadLine, LineReader, windowed_blocks
from stream.scoring import Scorer, Surprise
from stream.windows.judge import Judged
from stream.windows.settings import WindowSettings
from stream.windows.task import WindowTask
from training.blockscores import BlockScores
from training.evaluate import figures
from training.pvalues import PValues, calibration_figures
from training.report import Running

_BATCH = 4_000  # lines between two batches of the model: a fixed number, so that two replays are alike
_CURVE_STEP = 1.02  # the running figures are noted whenever there are so many times the lines

Closed = Callable[[list[dict[str, Any]]], None]
"""Is given the events of closed windows, with their evidence."""


class Replay:
    """Feed it with ``line``, end with ``finish``. ``labels`` are known beforehand; others may come with the lines."""

    def __init__(
        self,
        scorer: Scorer,
        settings: WindowSettings,
        reader: LineReader,
        labels: Mapping[str, bool] | None = None,
        closed: Closed | None = None,
    ) -> None:
        self.lines = self.no_block = self.windows = self.provisional = 0
        self.bad: dict[str, int] = {}
        self.blocks = BlockScores(labels)
        self.running = Running([], [], [])
        self._judged_blocks: list[str] = []
        self._p_values = array("d")
        self._checkpoint = scorer.checkpoint
        judge = _Unexplained(scorer, closed_too=closed is None)
        self._task = WindowTask(settings, judge, reader, ("replay", 0), own_clock=True)
        self._closed = closed
        self._next_note = 0.0

    def line(self, raw: bytes, offset: int, key: bytes | None = None, label: bool | None = None) -> None:
        """Take a line. With a ``key`` it belongs to that block alone, as in a topic keyed by block.

        ``label`` is that of the line's block; of several blocks it says nothing. Raises InputError if a block has two.
        """
        self.lines += 1
        try:
            blocks = windowed_blocks(raw)
            if label is not None and len(blocks) == 1:
                self._label(blocks[0].decode(), label)
            targets = blocks if key is None else [key] if key in blocks else []
            if not targets:
                self.no_block += 1
            for block in targets:
                self._task.line(block, raw, offset, more=block != targets[-1])
        except BadLine as bad:
            self.bad[bad.reason] = self.bad.get(bad.reason, 0) + 1
        # At every line, not once a batch: what is provisional then depends on the log alone.
        self._task.store.advance(self._task.clock.progress)
        if self.lines % _BATCH == 0:
            self._take(self._task.events())
            if self.lines >= self._next_note:
                self._note()

    def finish(self) -> None:
        """The lines have ended: close every window."""
        self._take(self._task.finish())
        self._note()

    def figures(self) -> dict[str, Any]:
        """Every figure so far, as JSON values."""
        _, scores, verdicts, labels = self.blocks.judged()
        return {
            "checkpoint": self._checkpoint,
            "lines": self.lines,
            "lines_without_block": self.no_block,
            "unreadable_lines": dict(sorted(self.bad.items())),
            "late_lines": self._task.store.late,
            "windows": self.windows,
            "provisional_scores": self.provisional,
            "blocks": len(self.blocks.scores),
            "unlabelled_blocks": self.blocks.unlabelled,
            "unscored_labels": self.blocks.unscored,
            **figures(scores, verdicts, labels),
            "calibration": calibration_figures(self.p_values()),
        }

    def p_values(self) -> PValues:
        """Those of the closed windows so far."""
        every = np.array(self._p_values)
        normal = [self.blocks.labels.get(block) is False for block in self._judged_blocks]
        return PValues(every[np.array(normal, bool)], every)

    def _label(self, block: str, label: bool) -> None:
        if not self.blocks.label(block, label):
            raise InputError(f"the lines of {block} carry label 0 and label 1; a block has one label")

    def _note(self) -> None:
        self._next_note = self.lines * _CURVE_STEP
        self.running.times.append(self._task.clock.progress)
        self.running.aucs.append(self.blocks.auc.roc_auc())
        self.running.precisions.append(self.blocks.auc.average_precision())

    def _take(self, judged: list[Judged]) -> None:
        events = [j.event for j in judged]
        for event in events:
            final = event["status"] == "closed"
            self.blocks.see(event["block_id"], event["score"], event["anomalous"], final)
            self.windows += final
            if final:
                self._judged_blocks.append(event["block_id"])
                self._p_values.append(event["p_value"])
            self.provisional += not final
        if self._closed is not None:
            self._closed([event for event in events if event["status"] == "closed"])


class _Unexplained:
    """A scorer without the explanations that nobody will see: they cost far more than the scores."""

    def __init__(self, scorer: Scorer, closed_too: bool) -> None:
        self._scorer = scorer
        self._closed_too = closed_too
        self.checkpoint, self.material = scorer.checkpoint, scorer.material
        self.score = scorer.score

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        return self._scorer.explain(window, complete) if complete and not self._closed_too else []
