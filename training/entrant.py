"""A scorer among others: what it says of blocks, window by window, and how long it takes. Knows no label.

A block's score is the highest of its windows, and it is called anomalous if one of them is. Memory: 10 bytes a block.
"""

import time
from array import array
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stream.scoring import Score, Scorer
from training.evaluate import Bools, Floats
from training.worth import Said


class Entrant:
    """``scores`` and ``verdicts`` are of blocks, by numbers that whoever asks gives them: 0, 1, 2 … as they come."""

    def __init__(self, name: str, scorer: Scorer) -> None:
        """The scorer is asked once now, so that it does not warm up later."""
        self.name, self.scorer = name, scorer
        self.windows, self.seconds = 0, 0.0
        self._scores, self._verdicts = array("d"), bytearray()
        scorer.score([["a line"]], [True])

    def judge(self, texts: Sequence[Sequence[str]], places: Sequence[int]) -> None:
        """Score complete windows of the blocks at these places."""
        begun = time.perf_counter()
        scores = self.scorer.score(texts, [True] * len(texts))
        self.seconds += time.perf_counter() - begun
        self.windows += len(texts)
        for place, score in zip(places, scores, strict=True):
            self._note(place, score)

    @property
    def scores(self) -> Floats:
        """Of each block, ``(blocks,)``."""
        return np.array(self._scores)

    @property
    def verdicts(self) -> Bools:
        """Whether each block is called anomalous, ``(blocks,)``."""
        return np.array(self._verdicts, np.bool_)

    def said(self, chosen: npt.NDArray[np.int64]) -> Said:
        """What it says of the blocks at these places."""
        return Said(self.name, self.scorer.checkpoint, self.scores[chosen], self.verdicts[chosen])

    def _note(self, place: int, score: Score) -> None:
        if place == len(self._scores):
            self._scores.append(score.value)
            self._verdicts.append(score.anomalous)
        else:
            self._scores[place] = max(self._scores[place], score.value)
            self._verdicts[place] |= score.anomalous
