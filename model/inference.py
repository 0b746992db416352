"""Token ids → the model's scores: exact memo, batches of a fixed shape. Knows neither lines nor calibration.

A floating-point sum depends on the shape of the matrices, so a window is always computed in a batch of one fixed
number of rows and of a length that its own tokens decide: its score is the same whatever else is scored with it.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from model.bert import TinyLogBERT, padded

Ids = tuple[int, ...]

_ROWS = 8
DIGITS = 4
_REMEMBERED = 200_000


class Inference:
    """A model in evaluation; ``memo`` remembers scores by content, up to 200,000 of them."""

    def __init__(self, model: TinyLogBERT, memo: bool = True) -> None:
        self._model = model
        self._memo: dict[Ids, float] | None = {} if memo else None

    def scores(self, encoded: Iterable[Ids]) -> dict[Ids, float]:
        """The model's score of each distinct sequence of token ids, rounded to four digits."""
        memo = self._memo if self._memo is not None else {}
        wanted = dict.fromkeys(encoded)
        fresh = self._fresh([ids for ids in wanted if ids not in memo])
        if len(memo) + len(fresh) > _REMEMBERED:
            fresh = {**{ids: memo[ids] for ids in wanted if ids in memo}, **fresh}
            memo.clear()
        memo.update(fresh)
        return {ids: memo[ids] for ids in wanted}

    def vectors(self, encoded: Sequence[Ids]) -> Tensor:
        """The [CLS] vectors of sequences of token ids: ``(sequences, hidden)``."""
        vectors: dict[Ids, Tensor] = {}
        with torch.inference_mode():
            for ids in dict.fromkeys(encoded):
                vectors[ids] = self._model.cls(*padded([ids], _padded_length(ids), 1))[0]
        return torch.stack([vectors[ids] for ids in encoded])

    def _fresh(self, new: list[Ids]) -> dict[Ids, float]:
        fresh: dict[Ids, float] = {}
        by_length: dict[int, list[Ids]] = {}
        for ids in new:
            by_length.setdefault(_padded_length(ids), []).append(ids)
        for length, same in by_length.items():
            for i in range(0, len(same), _ROWS):
                fresh.update(self._batch(same[i : i + _ROWS], length))
        return fresh

    def _batch(self, batch: list[Ids], length: int) -> dict[Ids, float]:
        with torch.inference_mode():
            scores = self._model(*padded(batch, length, _ROWS))[:, 0].tolist()
        return {ids: round(score, DIGITS) + 0.0 for ids, score in zip(batch, scores, strict=False)}


def _padded_length(ids: Ids) -> int:
    return -(-len(ids) // 8) * 8
