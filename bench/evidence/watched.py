"""A scorer that says what was explained, and at what cost: windows read by the model, seconds. Imports no torch."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.checkpoint import Checkpoint
from model.scorer import BertScorer
from stream.scoring import Score, Surprise


@dataclass(frozen=True, slots=True)
class Explained:
    """The cost of one explanation: ``batches`` of the model, ``windows`` in them, seconds."""

    batches: int
    windows: int
    seconds: float


class WatchedScorer:
    """TinyLogBERT behind the stream's seam; ``explained`` has one entry for each explanation."""

    def __init__(self, checkpoint: Checkpoint, memo: bool = True) -> None:
        self._scorer = BertScorer(checkpoint, memo)
        self._batches = self._windows = 0
        self.explained: list[Explained] = []
        self.checkpoint, self.material = self._scorer.checkpoint, self._scorer.material
        checkpoint.model.register_forward_pre_hook(self._count)

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        """See ``Scorer.score``."""
        return self._scorer.score(windows, complete)

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        """See ``Scorer.explain``."""
        batches, windows, begun = self._batches, self._windows, time.perf_counter()
        found = self._scorer.explain(window, complete)
        seconds = time.perf_counter() - begun
        self.explained.append(Explained(self._batches - batches, self._windows - windows, seconds))
        return found

    def _count(self, _: Any, given: tuple[Any, Any]) -> None:
        self._batches += 1
        self._windows += int((given[1].sum(1) > 1).sum())  # the mask of a row that only fills the batch is 1, 0, 0 …
