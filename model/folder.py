"""The folder of a checkpoint, whatever scores with it: the names of its files, what kind it is, how it is called.

Loads no heavy library, so that who asks what a folder is does not wait for torch.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
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
BESIDE = "baselines"
"""Where a checkpoint of TinyLogBERT keeps simple detectors that were fitted on the same lines, a folder each."""
SIMPLE = ("pca", "rarity", "forest")
"""The simple detectors by their names."""
LARGEST_CONFIG = 16 * 1024 * 1024
"""Bytes of a config.json at most: it is read before anything is known of it."""
DAMAGE = (OSError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RuntimeError)
"""What reading a folder may raise whose files are not what they should be: numbers without end, nests without end."""


def shipped_checkpoint() -> Path:
    """The folder of the checkpoint that comes with the package."""
    return Path(str(files("model") / "checkpoint"))


def detector_of(folder: Path) -> str | None:
    """Name of the simple detector that a folder holds; None for any other folder, also for one that cannot be read."""
    try:
        found = json.loads(config_of(folder))["tinylogbert"].get("detector") if (folder / CONFIG).is_file() else None
    except DAMAGE:
        return None
    return found if isinstance(found, str) else None


def config_of(folder: Path) -> bytes:
    """The folder's config.json; raises ValueError for one that is too large to be any, OSError."""
    with (folder / CONFIG).open("rb") as file:
        content = file.read(LARGEST_CONFIG + 1)
    if len(content) > LARGEST_CONFIG:
        raise ValueError(f"{CONFIG} is larger than {LARGEST_CONFIG:,} bytes")
    return content


def held(folder: Path, scorer: str) -> Path:
    """The folder of the scorer that is asked for: the checkpoint's own, or one beside it (``BESIDE``).

    ``scorer`` is ``auto`` (whatever the folder is), ``bert``, or a simple detector's name. Raises InputError for a
    folder that does not hold it, which says what is there and how to get the other.
    """
    if scorer == "auto":
        return folder
    own, beside = detector_of(folder) or "bert", folder / BESIDE / scorer
    if own == scorer or not (folder / CONFIG).is_file():
        return folder
    if detector_of(beside) == scorer:
        return beside
    where = "DIR" if own in SIMPLE else str(beside)
    raise InputError(
        f"{folder} holds {own}, and not {scorer}; leave out --scorer, or train one: "
        f"tinylogbert train FILE --detector {scorer} --out {where}"
    )


def beside(folder: Path) -> dict[str, Path]:
    """The simple detectors that a checkpoint has beside it, by name; none for a folder without."""
    return {name: folder / BESIDE / name for name in SIMPLE if detector_of(folder / BESIDE / name) == name}


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
