"""Several scorers judge the same closed windows, and are held against the same labels. Knows no scorer by name.

A block's score is the highest of its windows, and it is called anomalous if one of them is. Blocks without a label are
not judged. Memory: some 150 bytes a block and 10 more a scorer.
"""

import time
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stream.scoring import Score, Scorer
from stream.windows.window import Window
from training.evaluate import Bools, Floats, figures
from training.projection import distinct


class Contest:
    """Show it windows with ``see``; ``rows`` are the figures so far."""

    def __init__(self, scorers: Sequence[tuple[str, Scorer]], labels: Mapping[str, bool]) -> None:
        """``scorers`` with their names in the rows; each is asked once now, so that none warms up later."""
        self.windows = self.unlabelled = 0
        self._labels = labels
        self._entrants = [_Entrant(name, scorer) for name, scorer in scorers]
        self._place: dict[str, int] = {}
        self._contents: dict[str, tuple[int, ...]] = {}
        self._bags: dict[frozenset[tuple[str, int]], int] = {}

    def see(self, windows: Sequence[Window]) -> None:
        """Let everyone judge these closed windows."""
        judged = [window for window in windows if window.block_id in self._labels]
        self.unlabelled += len(windows) - len(judged)
        self.windows += len(judged)
        for window in judged:
            self._place.setdefault(window.block_id, len(self._place))
            bag = self._bags.setdefault(frozenset(Counter(window.texts).items()), len(self._bags))
            self._contents[window.block_id] = (*self._contents.get(window.block_id, ()), bag)
        places = [self._place[window.block_id] for window in judged]
        for entrant in self._entrants:
            entrant.judge([window.texts for window in judged], places)

    def rows(self) -> list[dict[str, Any]]:
        """Figures as JSON values: each scorer over all blocks, then over distinct ones (bag of lines and label)."""
        blocks = list(self._place)
        labels = np.array([self._labels[block] for block in blocks], np.bool_)
        once = np.array(distinct(blocks, labels, self._contents), np.int64)
        whole = [entrant.row("blocks", labels, np.arange(len(blocks))) for entrant in self._entrants]
        return whole + [entrant.row("distinct", labels, once) for entrant in self._entrants]


class _Entrant:
    """A scorer with what it said of each block, in the order of the blocks' places."""

    def __init__(self, name: str, scorer: Scorer) -> None:
        self._name, self._scorer = name, scorer
        self._scores = array("d")
        self._verdicts = bytearray()
        self._windows, self._seconds = 0, 0.0
        scorer.score([["a line"]], [True])

    def judge(self, texts: Sequence[Sequence[str]], places: Sequence[int]) -> None:
        begun = time.perf_counter()
        scores = self._scorer.score(texts, [True] * len(texts))
        self._seconds += time.perf_counter() - begun
        self._windows += len(texts)
        for place, score in zip(places, scores, strict=True):
            self._note(place, score)

    def row(self, over: str, labels: Bools, chosen: "np.typing.NDArray[np.int64]") -> dict[str, Any]:
        scores: Floats = np.array(self._scores)[chosen]
        found = figures(scores, np.array(self._verdicts, np.bool_)[chosen], labels[chosen])
        at = found["at_threshold"]
        return {
            "detector": self._name,
            "checkpoint": self._scorer.checkpoint,
            "over": over,
            **{name: found[name] for name in ("anomalous", "normal", "roc_auc", "average_precision")},
            **{name: at[name] for name in ("f1", "precision", "recall")},
            "best_f1_oracle": found["best_f1_oracle"]["f1"],
            "false_alarms": at["false_positives"],
            "false_alarm_share": at["false_positives"] / found["normal"] if found["normal"] else None,
            "windows_per_second": round(self._windows / self._seconds) if self._seconds and over == "blocks" else None,
        }

    def _note(self, place: int, score: Score) -> None:
        if place == len(self._scores):
            self._scores.append(score.value)
            self._verdicts.append(score.anomalous)
        else:
            self._scores[place] = max(self._scores[place], score.value)
            self._verdicts[place] |= score.anomalous
