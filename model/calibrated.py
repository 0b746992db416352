"""The calibration alone of a checkpoint folder, TinyLogBERT's or a simple detector's. Loads no heavy library."""

import json
from pathlib import Path

from model.calibration import Calibration
from model.folder import BASELINE_FILES, BERT_FILES, CALIBRATION, DAMAGE, detector_of, held, require, shipped_checkpoint
from model.manifest import read_checked
from stream.errors import InputError


def calibration_of(folder: Path | None, scorer: str = "auto") -> Calibration:
    """The calibration of a folder, or of the shipped checkpoint for None; ``scorer`` as in ``model.folder.held``.

    All files of the folder are checked first, as they are before it scores. Raises InputError, in one line.
    """
    where = held(folder or shipped_checkpoint(), scorer)
    names = BERT_FILES if detector_of(where) is None else BASELINE_FILES
    require(where, names)
    try:
        return Calibration.from_json(json.loads(read_checked(where, names)[CALIBRATION]))
    except DAMAGE as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"the checkpoint {where} is damaged or of another kind: {first}") from error
