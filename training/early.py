"""How well blocks are told apart 1, 10 and 60 s after their first line: provisional scores at a stated age.

A block's score at an age is that of its first window's lines up to then, judged as a window that may go on. It is what
the daemon would say if it looked at that moment; when the daemon does look (``quiet_after``) is no part of it.
"""

from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stream.scoring import Scorer
from stream.windows.window import Window
from training.evaluate import at_threshold, average_precision, json_number, roc_auc

AGES_S = (1, 10, 60)


class EarlyScores:
    """Scores of blocks at each age. Memory: some 30 bytes a block, its name excepted."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._blocks: list[str] = []
        self._scores = array("d")  # len(AGES_S) a block
        self._verdicts = array("b")

    def add(self, windows: Sequence[Window]) -> None:
        """Score closed windows as they were; parts of a block beyond its first say nothing new."""
        first = [window for window in windows if window.part == 1]
        if not first:
            return
        early = [_until(window, 1000 * age) for window in first for age in AGES_S]
        for score in self._scorer.score(early, [False] * len(early)):
            self._scores.append(score.value)
            self._verdicts.append(score.anomalous)
        self._blocks.extend(window.block_id for window in first)

    def figures(self, labels: Mapping[str, bool]) -> dict[str, Any]:
        """Figures of labelled blocks by age, as JSON values: keys ``1s``, ``10s``, ``60s``."""
        chosen = sorted((block, i) for i, block in enumerate(self._blocks) if block in labels)
        places = np.array([i for _, i in chosen], np.int64)
        truth = np.array([labels[block] for block, _ in chosen], np.bool_)
        scores = np.array(self._scores).reshape(-1, len(AGES_S))[places]
        verdicts = np.array(self._verdicts, np.bool_).reshape(-1, len(AGES_S))[places]
        return {
            f"{age}s": {
                "roc_auc": json_number(roc_auc(scores[:, i], truth)),
                "average_precision": json_number(average_precision(scores[:, i], truth)),
                "at_threshold": at_threshold(scores[:, i], verdicts[:, i], truth),
            }
            for i, age in enumerate(AGES_S)
        }


def _until(window: Window, age: int) -> tuple[str, ...]:
    """The lines of a window that are no more than ``age`` ms younger than its first."""
    return window.texts[: bisect_right(window.times, window.times[0] + age)]
