"""The scorer that a folder holds. Loads torch only for TinyLogBERT."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from model.folder import detector_of, held, shipped_checkpoint

if TYPE_CHECKING:
    from model.baselines import BaselineScorer
    from model.scorer import BertScorer

    AnyScorer = BaselineScorer | BertScorer


def scorer_of(
    folder: Path | None, memo: bool = True, device: str = "cpu", threads: int = 1, scorer: str = "auto"
) -> "AnyScorer":
    """The scorer of a checkpoint folder, or of the shipped one for None; ``scorer`` says which (``model.folder.held``).

    ``memo`` remembers scores by content. TinyLogBERT computes on ``device`` (``auto``, ``cpu`` or ``cuda``), and torch
    takes so many ``threads``. Raises InputError, in one line, for a folder that cannot be loaded, for one that holds
    another scorer, or without CUDA.
    """
    where = held(folder or shipped_checkpoint(), scorer)
    if detector_of(where) is not None:
        from model.baselines import BaselineScorer

        return BaselineScorer.load(where, memo)
    # Threads that wait for each other asleep, not spinning: beside other work two were ten times slower than one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from model.device import device_of
    from model.scorer import BertScorer

    return BertScorer.load(where, memo, device_of(device), threads)
