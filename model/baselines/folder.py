"""A simple detector's folder: ``detector.safetensors``, ``config.json``, ``kinds.json``, ``calibration.json``, a card.

Arrays, never a pickle. Each file is read once and whole, and checked, as those of TinyLogBERT are.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from model.baselines.detector import Detector, Kinds
from model.baselines.forest import ForestDetector
from model.baselines.pca import PcaDetector
from model.baselines.rarity import RarityDetector
from model.calibration import Calibration
from model.folder import ARRAYS, BASELINE_FILES, CALIBRATION, CARD, CONFIG, DAMAGE, KINDS, digest, require
from model.manifest import read_checked, seal
from stream.errors import InputError

DETECTORS: dict[str, type[Detector]] = {"pca": PcaDetector, "rarity": RarityDetector, "forest": ForestDetector}
"""By the names that a person gives them."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A fitted detector and all that scoring needs; ``name``, as ``hdfs-pca-1a2b3c``, changes with any of its files."""

    name: str
    detector: Detector
    kinds: Kinds
    calibration: Calibration


def load_baseline(folder: Path | str) -> Baseline:
    """Load a folder that ``save_baseline`` wrote.

    Raises InputError, in one line, for a folder that is missing, incomplete, damaged or changed since it was saved.
    """
    where = Path(folder)
    require(where, BASELINE_FILES)
    try:
        return _load(read_checked(where, BASELINE_FILES))
    except (*DAMAGE, SafetensorError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"the checkpoint {where} is damaged or of another kind: {first}") from error


def save_baseline(folder: Path, baseline: Baseline, card: str, name: str) -> None:
    """Write a detector into an existing folder; ``name`` is what it was fitted on, such as ``hdfs``.

    config.json comes last: until then a new folder is none that can be loaded.
    """
    [detector] = [known for known, kind in DETECTORS.items() if isinstance(baseline.detector, kind)]
    arrays = {key: np.ascontiguousarray(value) for key, value in sorted(baseline.detector.arrays().items())}
    (folder / ARRAYS).write_bytes(save(arrays))
    (folder / KINDS).write_text(json.dumps(baseline.kinds.texts, indent=1) + "\n")
    (folder / CALIBRATION).write_text(json.dumps(baseline.calibration.as_json(), indent=1) + "\n")
    (folder / CARD).write_text(card)
    config = {"tinylogbert": {"detector": detector, "name": name}}
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    seal(folder, BASELINE_FILES)


def _load(content: dict[str, bytes]) -> Baseline:
    config: dict[str, Any] = json.loads(content[CONFIG])["tinylogbert"]
    chosen = str(config["detector"])
    if chosen not in DETECTORS:
        raise ValueError(f"the detector {chosen!r} is unknown; known are {', '.join(DETECTORS)}")
    texts = json.loads(content[KINDS])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{KINDS} is no list of texts")
    detector = DETECTORS[chosen].from_arrays(load(content[ARRAYS]), len(texts))
    calibration = Calibration.from_json(json.loads(content[CALIBRATION]))
    return Baseline(f"{config['name']}-{chosen}-{digest(content.values())}", detector, Kinds(texts), calibration)
