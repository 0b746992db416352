"""A checkpoint of a few kilobytes with random weights: as real as the shipped one for all but the quality of scores."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace

from model.bert import TinyLogBERT, mini_config, new_encoder, padded
from model.calibration import Calibration
from model.checkpoint import save_checkpoint
from model.encoding import WindowEncoder, add_tokens

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_KNOWN = "dfs.DataNode$DataXceiver: Receiving block <block> src: <address> dest: <address>"
_REFERENCE = {"scores": [-1.0, 0.0, 1.0], "survival": [1.0, 0.5, 0.01], "tail": 0.5, "threshold": 0.5, "windows": 100}


def write_tiny_checkpoint(folder: Path) -> Path:
    """Write it into a new folder and return the folder."""
    folder.mkdir()
    pieces = [*_SPECIAL, *_LETTERS, *(f"##{letter}" for letter in _LETTERS)]
    tokenizer = Tokenizer(WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    add_tokens(tokenizer, [_KNOWN])
    encoder = WindowEncoder(tokenizer)
    torch.manual_seed(0)
    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    model = TinyLogBERT(new_encoder(mini_config(tokenizer.get_vocab_size(), **size)))
    with torch.no_grad():
        # Spread the scores around that of a known line, so that some windows are called anomalous and some are not.
        model.anomaly_head[2].weight.mul_(10_000)
        usual = model(*padded([encoder.encode([_KNOWN] * 3, complete=True)], 8, 1))
        model.anomaly_head[2].bias.sub_(usual[0])
    calibration = Calibration.from_json({"closed": _REFERENCE, "open": _REFERENCE, "false_alarms": 0.01})
    save_checkpoint(folder, model, encoder, calibration, "A model for tests.\n", "tiny")
    return folder
