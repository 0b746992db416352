"""Lines and small models that several tests use: simulated, so that no test waits for data from elsewhere."""

from functools import cache
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from stream.simulator import simulate

WORDS = ("receiving", "block", "received", "size", "from", "added", "deleting", "file", "served", "verification")


@cache
def simulated(blocks: int, seed: int = 1, rate: float = 0.05) -> tuple[bytes, ...]:
    """Lines of this many simulated blocks."""
    return tuple(simulate(blocks, anomaly_rate=rate, seed=seed, hours=2).lines())


def write_base_model(folder: Path) -> Path:
    """A very small pretrained BERT, in the files of ``prajjwal1/bert-mini``: config.json, vocab.txt and weights."""
    torch.manual_seed(7)
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *("##" + letter for letter in letters), *WORDS]
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=96,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n")
    return folder
