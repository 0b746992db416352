"""BERT's forward pass over windows that lie one behind the other, for training: the encoder's own function, faster.

Windows differ in length, and a batch padded to its longest is mostly padding. Here windows share rows of 128 tokens, as
many as fit, and attention is masked so that each sees itself alone (sequence packing, Krell et al. 2021). So a batch is
a matrix of few different sizes, which is what a processor's kernels are made for. The last layer is computed only where
somebody reads it, but for its attention: at [CLS], or at masked tokens. Knows nothing of what is trained, or why.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from model.bert import MAX_TOKENS

if TYPE_CHECKING:
    from transformers import BertModel

Ids = tuple[int, ...]

_NOBODY = -1
_GRAIN = 64  # a row for a window that is longer than usual has a multiple of so many tokens


class Batch:
    """Windows packed into rows of ``width`` tokens, 128 or what the longest needs. ``ids`` ``(rows * width,)`` is flat,
    ``starts`` ``(windows,)`` where each window begins.
    """

    def __init__(self, sequences: Sequence[Ids]) -> None:
        lengths = [len(ids) for ids in sequences]
        self.width = max(MAX_TOKENS, -(-max(lengths) // _GRAIN) * _GRAIN)
        rows = packed(lengths, self.width)
        shape = (len(rows), self.width)
        self.ids, self.position = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
        self.starts = torch.zeros(len(sequences), dtype=torch.long)
        owner = torch.full(shape, _NOBODY)
        for row, windows in enumerate(rows):
            at = 0
            for window in windows:
                end = at + len(sequences[window])
                self.ids[row, at:end] = torch.tensor(sequences[window])
                self.position[row, at:end] = torch.arange(end - at)
                owner[row, at:end] = window
                self.starts[window] = row * self.width + at
                at = end
        self.ids, self.position = self.ids.flatten(), self.position.flatten()
        self.seen = (owner[:, :, None] == owner[:, None, :])[:, None]  # (rows, 1, width, width); padding sees padding

    def to(self, device: torch.device) -> "Batch":
        """Itself, moved to the device."""
        for name in ("ids", "position", "starts", "seen") if device.type != "cpu" else ():
            setattr(self, name, getattr(self, name).pin_memory().to(device, non_blocking=True))
        return self


def packed(lengths: Sequence[int], width: int) -> list[list[int]]:
    """Which windows share a row: each goes into the first row with room for it, the longest first (Johnson 1973).

    Raises ValueError if one is longer than a row.
    """
    if max(lengths) > width:
        raise ValueError(f"a window of {max(lengths)} tokens does not fit into {width}")
    rows: list[list[int]] = []
    room: list[int] = []
    for window in sorted(range(len(lengths)), key=lambda one: -lengths[one]):
        row = next((row for row, free in enumerate(room) if free >= lengths[window]), len(rows))
        if row == len(rows):
            rows.append([])
            room.append(width)
        rows[row].append(window)
        room[row] -= lengths[window]
    return rows


def hidden_at(encoder: "BertModel", batch: Batch, places: Tensor) -> Tensor:
    """The last hidden states at these places of ``batch.ids``: ``(places, hidden)``.

    The encoder must be a BERT of absolute positions and have no cross-attention, as all published sizes have.
    """
    states = encoder.embeddings(input_ids=batch.ids[None], position_ids=batch.position[None])[0]  # (rows * width, H)
    *layers, last = encoder.encoder.layer
    for layer in layers:
        states = _rest(layer, _attended(layer, states, batch), states)
    return _rest(last, _attended(last, states, batch)[places], states[places])


def _attended(layer: Any, states: Tensor, batch: Batch) -> Tensor:
    """What each token sees of its own window: ``(rows * width, H)``."""
    inner = layer.attention.self
    shape = (len(batch.seen), batch.width, inner.num_attention_heads, -1)
    heads = [project(states).view(shape).transpose(1, 2) for project in (inner.query, inner.key, inner.value)]
    dropped = inner.dropout.p if layer.training else 0.0
    exact = states.device.type == "cpu"  # where attention of half precision takes five times as long backwards
    with torch.autocast(states.device.type, enabled=not exact and torch.is_autocast_enabled(states.device.type)):
        query, key, value = (head.float() if exact else head for head in heads)
        seen = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=batch.seen, dropout_p=dropped)
    return seen.transpose(1, 2).reshape(states.shape)


def _rest(layer: Any, attended: Tensor, states: Tensor) -> Tensor:
    """The layer after its attention: ``(n, H)``."""
    middle = layer.attention.output(attended, states)
    return layer.output(layer.intermediate(middle), middle)  # type: ignore[no-any-return]
