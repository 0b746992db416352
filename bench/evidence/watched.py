"""A scorer that says what was explained, and at what cost: windows read by the model, seconds. Imports no torch."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from model.checkpoint import Checkpoint
from model.inference import Forward, Ids
from model.scorer import BertScorer
from stream.scoring import Score, Surprise


@dataclass(frozen=True, slots=True)
class Explained:
    """The cost of one explanation: ``batches`` given to the model, ``windows`` in them, seconds."""

    batches: int
    windows: int
    seconds: float


class WatchedScorer:
    """TinyLogBERT behind the stream's seam; ``explained`` has one entry for each explanation."""

    def __init__(self, checkpoint: Checkpoint, memo: bool = True) -> None:
        self._counted = _Counted(checkpoint.forward)
        self._scorer = BertScorer(replace(checkpoint, forward=self._counted), memo)
        self.explained: list[Explained] = []
        self.checkpoint, self.material = self._scorer.checkpoint, self._scorer.material

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        """See ``Scorer.score``."""
        return self._scorer.score(windows, complete)

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        """See ``Scorer.explain``."""
        batches, windows, begun = self._counted.batches, self._counted.windows, time.perf_counter()
        found = self._scorer.explain(window, complete)
        seconds = time.perf_counter() - begun
        cost = self._counted.batches - batches, self._counted.windows - windows
        self.explained.append(Explained(*cost, seconds))
        return found


class _Counted:
    """A forward pass that counts what it was given."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self.batches = self.windows = 0

    def scores(self, windows: Sequence[Ids]) -> list[float]:
        """See ``Forward.scores``."""
        self.batches += bool(windows)
        self.windows += len(windows)
        return self._forward.scores(windows)

    def cls(self, windows: Sequence[Ids]) -> Any:
        """See ``Forward.cls``."""
        return self._forward.cls(windows)
