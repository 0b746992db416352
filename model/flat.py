"""TinyLogBERT's forward pass as scoring does it: the function of ``model.bert`` in a third of the operations.

1. No padding: windows lie one behind the other (``model.tile``), only the end of a tile is empty.
2. The last layer at [CLS] alone (``model.layer``).
3. Rows of many windows in one matrix, so that its weights are read from memory once for all of them.

A floating-point sum depends on how a matrix product is blocked, which the library chooses by the number of rows. So
that a window's score depends on the window alone, the rows of a tile are few fixed numbers, and when a model is made
ready it is tried whether all of them give the same bits. Where they do not, the smallest is left out, which few windows
need a tile for; and where they still do not, there is one number of rows for all.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from model.layer import Layer
from model.tile import Ids, Tile, cut
from model.weights import Weights

_STEP = 64
_LADDERS = ((64, 128, 256, 512), (128, 256, 512))
_ALONE = 128
_ON_CUDA = 8192
_TRIED = (3, 5, 8, 11, 16, 21)
"""Lengths of windows that fill ``_STEP`` rows."""


class FlatBert:
    """A TinyLogBERT ready to score on ``device``: ``values`` is its state dict and ``config`` that of its encoder.

    The values must not change afterwards. Raises KeyError or ValueError, in one line, if they do not belong together.
    On CUDA it computes in half precision, so that scores differ in their third digit or so; none of that was ever run.
    """

    def __init__(self, values: Mapping[str, Tensor], config: Mapping[str, Any], device: str = "cpu") -> None:
        weights = Weights(values, config, torch.device(device))
        hidden, self._device = weights.hidden, weights.device
        here = "encoder.embeddings"
        self._words = weights.tensor(f"{here}.word_embeddings.weight", weights.vocabulary, hidden)
        types = weights.tensor(f"{here}.token_type_embeddings.weight", weights.types, hidden)
        self._positions = weights.tensor(f"{here}.position_embeddings.weight", weights.positions, hidden) + types[0]
        self._norm = weights.norm(f"{here}.LayerNorm")
        self._layers = [Layer(number, weights) for number in range(weights.layers)]
        self._head = (weights.linear("anomaly_head.0", 64, hidden), weights.linear("anomaly_head.2", 1, 64))
        self.sizes = self._chosen(-(-weights.positions // _STEP) * _STEP)

    def cls(self, windows: Sequence[Ids]) -> Tensor:
        """The [CLS] vectors of token ids, any number of windows in any order: ``(windows, hidden)``."""
        found = self._words.new_zeros(len(windows), self._words.shape[1])
        with torch.inference_mode():
            for places, vectors in self._tiles(windows, self.sizes):
                found[places] = vectors[: len(places)]
        return found.float().cpu()

    def scores(self, windows: Sequence[Ids]) -> list[float]:
        """The score of each window, as ``TinyLogBERT.forward`` has it."""
        return self._scores(windows, self.sizes)

    def _scores(self, windows: Sequence[Ids], sizes: Sequence[int]) -> list[float]:
        found = [math.nan] * len(windows)
        first, last = self._head
        with torch.inference_mode():
            for places, vectors in self._tiles(windows, sizes):
                scores = last(functional.relu(first(vectors)))[: len(places), 0].tolist()
                for place, score in zip(places, scores, strict=True):
                    found[place] = score
        return found

    def _tiles(self, windows: Sequence[Ids], sizes: Sequence[int]) -> Iterator[tuple[list[int], Tensor]]:
        """The places of the windows of each tile, and their [CLS] vectors, those of the tile's empty places behind."""
        order = sorted(range(len(windows)), key=lambda place: len(windows[place]))
        done = 0
        for group, rows in cut([windows[place] for place in order], sizes):
            yield order[done : done + len(group)], self._vectors(Tile(group, rows, self._device))
            done += len(group)

    def _vectors(self, tile: Tile) -> Tensor:
        words = functional.embedding(tile.ids, self._words)
        states = self._norm(words.add_(functional.embedding(tile.positions, self._positions)))  # (rows, hidden)
        for layer in self._layers[:-1]:
            states = layer.everywhere(states, tile)
        return self._layers[-1].at_cls(states, tile)

    def _chosen(self, longest: int) -> tuple[int, ...]:
        """The numbers of rows that a tile may have, ascending; the last holds the longest window."""
        if self._device.type == "cuda":
            return (max(_ON_CUDA, longest),)
        ladders = [ladder if longest <= ladder[-1] else (*ladder, longest) for ladder in _LADDERS]
        return next((ladder for ladder in ladders if self._agree(ladder)), (max(_ALONE, longest),))

    def _agree(self, sizes: Sequence[int]) -> bool:
        """Whether windows have the same score, bit for bit, in tiles of each of these sizes and wherever they lie."""
        some = [tuple((number * number) % len(self._words) for number in range(length)) for length in self._tried()]
        alone = self._scores(some, sizes[:1])
        return all(self._scores(some * (size // _STEP), [size]) == alone * (size // _STEP) for size in sizes)

    def _tried(self) -> Iterable[int]:
        return (min(length, len(self._positions)) for length in _TRIED)
