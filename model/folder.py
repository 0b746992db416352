"""The folder of a checkpoint, whatever scores with it: the names of its files, what kind it is, how it is called.

Loads no heavy library, so that who asks what a folder is does not wait for torch.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from stream.errors import InputError

CONFIG, CALIBRATION, CARD = "config.json", "calibration.json", "README.md"
WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
ARRAYS, KINDS = "detector.safetensors", "kinds.json"

BERT_FILES = (WEIGHTS, CONFIG, TOKENIZER, CALIBRATION)
"""The files that TinyLogBERT scores with."""
BASELINE_FILES = (ARRAYS, CONFIG, KINDS, CALIBRATION)
"""The files that a simple detector scores with."""
ALL_FILES = tuple(sorted({*BERT_FILES, *BASELINE_FILES}))
"""Whatever kind a folder is, or becomes: a change of what scores is a change of one of these."""


def detector_of(folder: Path) -> str | None:
    """Name of the simple detector that a folder holds; None for any other folder, also for one that cannot be read."""
    try:
        found = json.loads((folder / CONFIG).read_bytes())["tinylogbert"].get("detector")
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def require(folder: Path, names: Sequence[str]) -> None:
    """Raise InputError, which says how to get one, for a folder that lacks one of these files."""
    for name in names:
        if not (folder / name).is_file():
            hint = "train one: tinylogbert train FILE --out DIR"
            raise InputError(f"{folder} is no checkpoint: it has no {name}; {hint}")


def digest(contents: Iterable[bytes]) -> str:
    """Six letters that change with any of the files' contents, for the name of a checkpoint."""
    found = hashlib.sha256()
    for content in contents:
        found.update(content)
    return found.hexdigest()[:6]
