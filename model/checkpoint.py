"""A checkpoint folder: ``model.safetensors``, ``config.json``, ``tokenizer.json``, ``calibration.json``, ``README.md``.

Matrices are stored in half precision and used in single precision, for which training rounds them before it calibrates
(``rounded``). Nothing is ever unpickled. Each file is read once and whole, and is what config.json says was saved
(``model.manifest``): what is loaded is what the name stands for, and a file that is cut short under a running daemon's
hands cannot end it, as it would if it were mapped into memory.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from tokenizers import Tokenizer

from model.bert import TinyLogBERT, new_encoder
from model.calibration import Calibration
from model.encoding import WindowEncoder
from model.explain import Typical
from model.flat import FlatBert
from model.folder import (
    BERT_FILES,
    CALIBRATION,
    CARD,
    CONFIG,
    DAMAGE,
    TOKENIZER,
    WEIGHTS,
    digest,
    require,
    shipped_checkpoint,
)
from model.inference import Forward
from model.manifest import read_checked, seal
from stream.errors import InputError


@dataclass(frozen=True)
class Checkpoint:
    """A trained model with all that scoring needs; ``name`` changes with any of its files, e.g. ``hdfs-1a2b3c``.

    ``forward`` scores; ``model`` is built from the same ``weights`` when somebody asks for it, which takes seconds.
    """

    name: str
    forward: Forward
    encoder: WindowEncoder
    calibration: Calibration
    typical: Typical = field(default_factory=Typical)
    weights: Mapping[str, torch.Tensor] = field(default_factory=dict, repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def model(self) -> TinyLogBERT:
        """The model in its published shape, in evaluation, on the processor."""
        from transformers import BertConfig

        model = TinyLogBERT(new_encoder(BertConfig(**self.config)))
        model.load_state_dict(dict(self.weights))
        return model.eval()


def load_checkpoint(folder: Path | str | None = None, device: str = "cpu") -> Checkpoint:
    """Load a checkpoint folder, or the shipped one; it is ready to score on ``device``, ``cpu`` or ``cuda``.

    Raises InputError, in one line, for a folder that is missing, incomplete, damaged or changed since it was saved.
    """
    where = shipped_checkpoint() if folder is None else Path(folder)
    require(where, BERT_FILES)
    try:
        return _load(where, device)
    except (*DAMAGE, SafetensorError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"the checkpoint {where} is damaged or of another kind: {first}") from error
    except Exception as error:  # tokenizers raises the bare class
        if type(error) is not Exception:
            raise
        raise InputError(f"the checkpoint {where} is damaged: {TOKENIZER}: {error}") from error


def save_checkpoint(
    folder: Path,
    model: TinyLogBERT,
    encoder: WindowEncoder,
    calibration: Calibration,
    card: str,
    name: str,
    typical: Typical | None = None,
) -> None:
    """Write a checkpoint into an existing folder; ``name`` is what it was trained on, such as ``hdfs``, and ``typical``
    are healthy windows, with which others are compared to explain them.

    config.json comes last: until then a new folder is none that can be loaded. To replace a checkpoint, write another
    folder and rename it, as the command does.
    """
    weights = {key: _stored(value).contiguous() for key, value in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    ours = {"name": name, "max_tokens": encoder.max_tokens, "typical": (typical or Typical()).as_json(encoder.lines)}
    config = {**model.encoder.config.to_dict(), "tinylogbert": ours}
    encoder.tokenizer.save(str(folder / TOKENIZER))
    (folder / CALIBRATION).write_text(json.dumps(calibration.as_json(), indent=1) + "\n")
    (folder / CARD).write_text(card)
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    seal(folder, BERT_FILES)


def rounded(model: TinyLogBERT) -> None:
    """Round the weights, in place, to what a checkpoint stores."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(_stored(parameter).to(parameter.dtype))


def _stored(value: torch.Tensor) -> torch.Tensor:
    return value.to(torch.float16) if value.ndim > 1 else value


def _load(where: Path, device: str) -> Checkpoint:
    content = read_checked(where, BERT_FILES)
    config: dict[str, Any] = json.loads(content[CONFIG])
    ours = config.pop("tinylogbert")
    encoder = WindowEncoder(Tokenizer.from_buffer(content[TOKENIZER]), int(ours["max_tokens"]))
    if (
        encoder.tokenizer.get_vocab_size() > config["vocab_size"]
        or encoder.max_tokens > config["max_position_embeddings"]
    ):
        raise ValueError("the model is too small for its tokenizer")
    weights = _weights(content[WEIGHTS])
    forward = FlatBert(weights, config, device)
    calibration = Calibration.from_json(json.loads(content[CALIBRATION]))
    typical = Typical.from_json(ours.get("typical", []), encoder.lines)
    name = f"{ours['name']}-{digest(content.values())}"
    return Checkpoint(name, forward, encoder, calibration, typical, weights, config)


def _weights(content: bytes) -> dict[str, torch.Tensor]:
    weights = {key: value.to(torch.float32) for key, value in load(content).items()}
    if bad := [key for key, value in weights.items() if not value.isfinite().all()]:
        raise ValueError(f"{bad[0]} holds what is no number")
    return weights
