"""BERT's forward pass without padding, for training: the same function as the encoder's own, in fewer operations.

Windows differ in length, and a batch padded to its longest is a third padding. Here the tokens of all windows lie one
behind the other, and only attention, which costs little for short windows, sees them as a padded block. The last layer
is computed only where somebody reads it: at [CLS], or at masked tokens. Knows nothing of what is trained, or why.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import BertModel

Ids = tuple[int, ...]


class Batch:
    """Token ids of windows laid out flat: ``ids`` and ``starts`` are ``(tokens,)`` and ``(windows,)``."""

    def __init__(self, sequences: Sequence[Ids]) -> None:
        lengths = torch.tensor([len(ids) for ids in sequences])
        self.ids = torch.tensor([token for ids in sequences for token in ids])
        self.windows, self.longest = len(sequences), int(lengths.max())
        self.starts = lengths.cumsum(0) - lengths  # the place of each [CLS]
        self.window = torch.repeat_interleave(torch.arange(self.windows), lengths)
        self.position = torch.arange(len(self.ids)) - self.starts[self.window]
        self.there = torch.arange(self.longest) < lengths[:, None]  # (windows, longest)

    def to(self, device: torch.device) -> "Batch":
        """Itself, moved to the device."""
        for name in ("ids", "starts", "window", "position", "there") if device.type != "cpu" else ():
            setattr(self, name, getattr(self, name).pin_memory().to(device, non_blocking=True))
        return self


def hidden_at(encoder: "BertModel", batch: Batch, places: Tensor) -> Tensor:
    """The last hidden states at these places of ``batch.ids``, in ascending order: ``(places, hidden)``.

    The encoder must be a BERT of absolute positions and have no cross-attention, as all published sizes have.
    """
    states = encoder.embeddings(input_ids=batch.ids[None], position_ids=batch.position[None])[0]  # (tokens, H)
    *layers, last = encoder.encoder.layer
    everywhere = torch.arange(len(batch.ids), device=batch.ids.device)
    for layer in layers:
        states = _layer(layer, states, batch, everywhere)
    return _layer(last, states, batch, places)


def _layer(layer: Any, states: Tensor, batch: Batch, places: Tensor) -> Tensor:
    """One layer of the encoder, computed at ``places`` from the states of all tokens: ``(places, H)``."""
    inner = layer.attention.self
    asking = states if len(places) == len(states) else states[places]
    window, rank = batch.window[places], _ranks(batch.window[places])
    query = _block(inner.query(asking), window, rank, batch.windows, inner.num_attention_heads)
    key, value = (
        _block(project(states), batch.window, batch.position, batch.windows, inner.num_attention_heads)
        for project in (inner.key, inner.value)
    )
    dropped = inner.dropout.p if layer.training else 0.0
    mask = batch.there[:, None, None, :]
    seen = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropped)
    flat = seen.transpose(1, 2).flatten(2)[window, rank]  # (places, H)
    attended = layer.attention.output(flat, asking)
    return layer.output(layer.intermediate(attended), attended)  # type: ignore[no-any-return]


def _ranks(window: Tensor) -> Tensor:
    """For ascending window numbers, the how-manieth of its window each entry is."""
    entry = torch.arange(len(window), device=window.device)
    first = torch.searchsorted(window, window)
    return entry - first


def _block(flat: Tensor, window: Tensor, rank: Tensor, windows: int, heads: int) -> Tensor:
    """Vectors ``(n, H)`` as a padded block ``(windows, heads, longest, H / heads)``."""
    longest = int(rank.max()) + 1
    padded = flat.new_zeros(windows * longest, flat.shape[1]).index_copy(0, window * longest + rank, flat)
    return padded.view(windows, longest, heads, -1).transpose(1, 2)
