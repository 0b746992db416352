"""Token ids → the model's scores, with an exact memo. Knows neither lines nor calibration, nor how a score is computed.

The memo is exact because a score depends on its window alone, whatever else is scored with it (``model.flat``).
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from torch import Tensor

from model.bert import TinyLogBERT
from model.device import threads as threads_of_torch
from model.flat import FlatBert
from stream.distribution import Distribution
from stream.scoring import Work

Ids = tuple[int, ...]

DIGITS = 4
REMEMBERED = 200_000
_WINDOWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Forward(Protocol):
    """What computes: any number of windows in any order, each for itself."""

    def scores(self, windows: Sequence[Ids]) -> list[float]:
        """The score of each window."""

    def cls(self, windows: Sequence[Ids]) -> Tensor:
        """The [CLS] vector of each window: ``(windows, hidden)``."""


class Inference:
    """A model in evaluation, as it is now; ``memo`` remembers scores by content, ``most`` of them or a few more.

    ``threads``: see ``model.device.threads``. ``asked`` counts the sequences that it was asked for, ``computed`` those
    that the model had to read. Scores need no ``clock``, in s: it measures batches alone.
    """

    def __init__(
        self,
        model: TinyLogBERT | Forward,
        memo: bool = True,
        threads: int | None = None,
        most: int = REMEMBERED,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._forward = flat(model) if isinstance(model, TinyLogBERT) else model
        self._memo: dict[Ids, float] | None = {} if memo else None
        self._threads = threads
        self._most = most
        self._clock = clock
        self._windows, self._seconds = Distribution(_WINDOWS), Distribution(_SECONDS)
        self.asked = self.computed = 0

    def scores(self, encoded: Iterable[Ids]) -> dict[Ids, float]:
        """The model's score of each distinct sequence of token ids, rounded to four digits."""
        memo = self._memo if self._memo is not None else {}
        asked = list(encoded)
        wanted = dict.fromkeys(asked)
        self.asked += len(asked)
        fresh = self._fresh([ids for ids in wanted if ids not in memo])
        if len(memo) + len(fresh) > self._most:
            fresh = {**{ids: memo[ids] for ids in wanted if ids in memo}, **fresh}
            memo.clear()
        memo.update(fresh)
        return {ids: memo[ids] for ids in wanted}

    def vectors(self, encoded: Sequence[Ids]) -> Tensor:
        """The [CLS] vectors of sequences of token ids: ``(sequences, hidden)``."""
        with threads_of_torch(self._threads):
            return self._forward.cls(encoded)

    @property
    def remembered(self) -> float:
        """The share of all sequences asked for, in [0, 1], that did not have to be computed; 0 before the first."""
        return 1 - self.computed / self.asked if self.asked else 0.0

    @property
    def work(self) -> Work:
        """See ``stream.scoring.Measured``."""
        return Work(self.asked, self.computed, self._windows, self._seconds)

    def _fresh(self, new: list[Ids]) -> dict[Ids, float]:
        self.computed += len(new)
        if not new:
            return {}
        begun = self._clock()
        with threads_of_torch(self._threads):
            scores = self._forward.scores(new)
        self._windows.see(len(new))
        self._seconds.see(self._clock() - begun)
        return {ids: round(score, DIGITS) + 0.0 for ids, score in zip(new, scores, strict=True)}


def flat(model: TinyLogBERT, device: str = "cpu") -> FlatBert:
    """The forward pass of scoring, with this model's weights as they are now."""
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    return FlatBert(weights, model.encoder.config.to_dict(), device)
