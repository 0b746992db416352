"""TinyLogBERT: a BERT encoder and an anomaly head on its [CLS] vector. Knows nothing of logs or of training."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from transformers import BertConfig, BertModel

MAX_TOKENS = 128


class TinyLogBERT(nn.Module):
    """BERT-mini (Turc et al., 2019: 4 layers, hidden size 256, 4 heads) with a two-layer head.

    ``base_model`` is a ``transformers.BertModel`` of any size. Scores are unbounded; higher is more anomalous, and a
    trained checkpoint is shifted so that 0 is the threshold of complete windows.
    """

    def __init__(self, base_model: "BertModel") -> None:
        super().__init__()
        self.encoder = base_model
        self.anomaly_head = nn.Sequential(nn.Linear(base_model.config.hidden_size, 64), nn.ReLU(), nn.Linear(64, 1))

    def cls(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the last hidden state of [CLS]: ``(batch, hidden)``."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # (B, T, H)
        return hidden[:, 0]  # type: ignore[no-any-return]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Score token ids ``(batch, tokens)`` with a mask of the same shape, 1 for a token and 0 for padding.

        Returns ``(batch, 1)``.
        """
        return self.anomaly_head(self.cls(input_ids, attention_mask))  # type: ignore[no-any-return]


def mini_config(vocabulary: int, **overrides: Any) -> "BertConfig":
    """The configuration of BERT-mini for a vocabulary of this size; ``overrides`` are fields of ``BertConfig``."""
    from transformers import BertConfig

    fields: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 256,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 1024,
        "max_position_embeddings": MAX_TOKENS,
        "type_vocab_size": 1,
        "initializer_range": 0.05,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    return BertConfig(**{**fields, **overrides})


def new_encoder(config: "BertConfig") -> "BertModel":
    """A BERT encoder with random weights (seed torch first)."""
    from transformers import BertModel

    encoder: BertModel = BertModel(config, add_pooling_layer=False)
    return encoder


def padded(sequences: "list[tuple[int, ...]]", length: int, rows: int) -> tuple[Tensor, Tensor]:
    """Token ids and mask of shape ``(rows, length)``; rows and places without a token are 0 and masked.

    An empty row keeps one unmasked place, since attention over nothing is not a number.
    """
    ids = torch.zeros((rows, length), dtype=torch.long)
    mask = torch.zeros((rows, length), dtype=torch.long)
    mask[:, 0] = 1
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
        mask[row, : len(sequence)] = 1
    return ids, mask
