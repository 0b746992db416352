"""A checkpoint of a few kilobytes with random weights: as real as the shipped one for all but the quality of scores.

To it, up to one in ten windows of a simulated log is anomalous.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace

from model.bert import TinyLogBERT, mini_config, new_encoder
from model.calibration import Calibration
from model.checkpoint import rounded, save_checkpoint
from model.encoding import WindowEncoder, add_tokens
from model.inference import Inference
from stream.simulator import simulate
from stream.windows.files import windows_of

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_KNOWN = "dfs.DataNode$DataXceiver: Receiving block <block> src: <address> dest: <address>"
_SIZE = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
_SPREAD = 10_000


def write_tiny_checkpoint(folder: Path, seed: int = 0) -> Path:
    """Write it into a new folder and return the folder; another seed gives other weights."""
    folder.mkdir()
    for name, content in _files(seed).items():
        (folder / name).write_bytes(content)
    return folder


@cache
def _files(seed: int) -> dict[str, bytes]:
    encoder = WindowEncoder(_tokenizer())
    torch.manual_seed(seed)
    model = TinyLogBERT(new_encoder(mini_config(encoder.tokenizer.get_vocab_size(), **_SIZE))).eval()
    with torch.no_grad():
        model.anomaly_head[2].weight.mul_(_SPREAD)
    rounded(model)
    with TemporaryDirectory() as folder:
        save_checkpoint(Path(folder), model, encoder, _calibration(encoder, model), "A model for tests.\n", "tiny")
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _tokenizer() -> Tokenizer:
    pieces = [*_SPECIAL, *_LETTERS, *(f"##{letter}" for letter in _LETTERS)]
    tokenizer = Tokenizer(WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    add_tokens(tokenizer, [_KNOWN])
    return tokenizer


def _calibration(encoder: WindowEncoder, model: TinyLogBERT) -> Calibration:
    encoded = [encoder.encode(window.texts, complete=True) for window in windows_of(simulate(200, seed=1).lines())]
    known = Inference(model).scores(encoded)
    scores = np.array([known[ids] for ids in encoded])
    at = np.unique(scores)
    survival = np.array([(scores >= score).mean() for score in at])
    reference = {"scores": at.tolist(), "survival": survival.tolist(), "tail": 1.0, "windows": len(scores)}
    reference["threshold"] = float(at[survival <= 0.1].min())
    return Calibration.from_json({"closed": reference, "open": reference, "false_alarms": 0.1})
