"""One layer of BERT as scoring computes it: over the rows of a tile or, the last one, at the [CLS] tokens alone.

Of the last layer only [CLS] is read, so each window has one query. Its keys are then not computed: a query times
(K x + b) is (Kᵀ query) times x, and a number that is the same for all tokens, which softmax does not see. Likewise a
window's values are projected once, after their sum. So the matrices of that layer meet windows and not tokens.
"""

import torch
from torch import Tensor
from torch.nn import functional

from model.tile import Tile
from model.weights import Linear, Weights


class Layer:
    """The ``number``-th layer of an encoder."""

    def __init__(self, number: int, weights: Weights) -> None:
        hidden, heads = weights.hidden, weights.heads
        here = f"encoder.encoder.layer.{number}"
        query, key, value = (
            weights.linear(f"{here}.attention.self.{name}", hidden, hidden) for name in ("query", "key", "value")
        )
        self._heads, self._width = heads, hidden // heads
        self._three = Linear(*(torch.cat(parts) for parts in zip(query, key, value, strict=True)))
        self._query, self._value_bias = query, value.bias
        self._key = key.weight.view(heads, self._width, hidden)
        self._value = value.weight.view(heads, self._width, hidden).transpose(1, 2)
        self._out = weights.linear(f"{here}.attention.output.dense", hidden, hidden)
        self._up = weights.linear(f"{here}.intermediate.dense", weights.inner, hidden)
        self._down = weights.linear(f"{here}.output.dense", hidden, weights.inner)
        self._norms = (weights.norm(f"{here}.attention.output.LayerNorm"), weights.norm(f"{here}.output.LayerNorm"))
        self._activation = weights.activation

    def everywhere(self, states: Tensor, tile: Tile) -> Tensor:
        """The layer's output from its input, both ``(rows, hidden)``."""
        three = self._three(states)  # (R, 3 H): queries, keys, values
        seen = torch.zeros_like(states)
        for run in tile.runs:
            shape = (run.number, run.length, 3, self._heads, self._width)
            query, key, value = three[run.rows].view(shape).permute(2, 0, 3, 1, 4)  # each (windows, heads, length, H/h)
            found = functional.scaled_dot_product_attention(query, key, value)
            seen[run.rows].view(shape[0], shape[1], self._heads, self._width).copy_(found.transpose(1, 2))
        return self._after(seen, states)

    def at_cls(self, states: Tensor, tile: Tile) -> Tensor:
        """The layer's output at [CLS], ``(tile.windows, hidden)``, from its input ``(rows, hidden)``."""
        hidden = states.shape[1]
        asking = states.new_zeros(tile.windows, hidden)
        for run in tile.runs:
            asking[run.windows] = states[run.starts]
        query = self._query(asking).view(tile.windows, self._heads, self._width).transpose(0, 1)  # (heads, W, H/h)
        query = torch.bmm(query, self._key).transpose(0, 1)  # (W, heads, H): to be held against states
        sums = states.new_zeros(tile.windows, self._heads, hidden)
        for run in tile.runs:
            tokens = states[run.rows].view(run.number, run.length, hidden)
            scores = torch.bmm(query[run.windows], tokens.transpose(1, 2)) * self._width**-0.5
            sums[run.windows] = torch.bmm(scores.softmax(-1), tokens)
        seen = torch.bmm(sums.transpose(0, 1), self._value).transpose(0, 1)  # (W, heads, H/h)
        return self._after(seen.reshape(tile.windows, hidden) + self._value_bias, asking)

    def _after(self, seen: Tensor, states: Tensor) -> Tensor:
        """What follows attention, row by row."""
        attended = self._norms[0](self._out(seen).add_(states))
        return self._norms[1](self._down(self._activation(self._up(attended))).add_(attended))
