"""TinyLogBERT behind the stream's seam: windows in, scores and evidence out; exact memo, fixed batch shapes.

A floating-point sum depends on the shape of the matrices, so a window is always computed in a batch of one fixed
number of rows and of a length that its own tokens decide: its score is the same whatever else is scored with it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch

from model.bert import padded
from model.checkpoint import Checkpoint, load_checkpoint
from model.explain import explain
from stream.scoring import Score, Surprise

_ROWS = 16
_DIGITS = 4
_REMEMBERED = 200_000

Ids = tuple[int, ...]


class BertScorer:
    """Implements ``stream.scoring.Scorer`` with a checkpoint; ``memo`` remembers scores by content."""

    material = 1.0

    def __init__(self, checkpoint: Checkpoint, memo: bool = True) -> None:
        self._checkpoint = checkpoint
        self._memo: dict[Ids, float] | None = {} if memo else None

    @classmethod
    def load(cls, folder: Path | None = None, memo: bool = True) -> "BertScorer":
        """A scorer from a checkpoint folder, or from the shipped one; raises InputError."""
        return cls(load_checkpoint(folder), memo)

    @property
    def checkpoint(self) -> str:
        """Name of the checkpoint."""
        return self._checkpoint.name

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        """See ``Scorer.score``."""
        encode, judge = self._checkpoint.encoder.encode, self._checkpoint.calibration.judge
        encoded = [encode(window, done) for window, done in zip(windows, complete, strict=True)]
        values = self.values(encoded)
        return [judge(values[ids], done) for ids, done in zip(encoded, complete, strict=True)]

    def values(self, encoded: Iterable[Ids]) -> dict[Ids, float]:
        """The model's score of each distinct sequence of token ids."""
        memo = self._memo if self._memo is not None else {}
        wanted = dict.fromkeys(encoded)
        new = sorted((ids for ids in wanted if ids not in memo), key=len)
        fresh: dict[Ids, float] = {}
        for length in dict.fromkeys(_padded_length(ids) for ids in new):
            same = [ids for ids in new if _padded_length(ids) == length]
            for i in range(0, len(same), _ROWS):
                fresh.update(self._batch(same[i : i + _ROWS], length))
        if len(memo) + len(fresh) > _REMEMBERED:
            fresh = {**{ids: memo[ids] for ids in wanted if ids in memo}, **fresh}
            memo.clear()
        memo.update(fresh)
        return {ids: memo[ids] for ids in wanted}

    def vectors(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> torch.Tensor:
        """The [CLS] vectors of windows: ``(windows, hidden)``."""
        encode = self._checkpoint.encoder.encode
        encoded = [encode(window, done) for window, done in zip(windows, complete, strict=True)]
        vectors: dict[Ids, torch.Tensor] = {}
        with torch.inference_mode():
            for ids in dict.fromkeys(encoded):
                vectors[ids] = self._checkpoint.model.cls(*padded([ids], _padded_length(ids), 1))[0]
        return torch.stack([vectors[ids] for ids in encoded])

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        """See ``Scorer.explain``: by occlusion, with the kinds and counts of lines as what can be taken away."""
        return explain(window, complete, self._checkpoint.encoder, self.values)

    def _batch(self, batch: list[Ids], length: int) -> dict[Ids, float]:
        with torch.inference_mode():
            scores = self._checkpoint.model(*padded(batch, length, _ROWS))[:, 0].tolist()
        return {ids: round(score, _DIGITS) for ids, score in zip(batch, scores, strict=False)}


def _padded_length(ids: Ids) -> int:
    return -(-len(ids) // 8) * 8
