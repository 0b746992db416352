"""The scorer that a folder holds. Loads torch only for TinyLogBERT."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from model.folder import detector_of

if TYPE_CHECKING:
    from model.baselines import BaselineScorer
    from model.scorer import BertScorer

    AnyScorer = BaselineScorer | BertScorer


def scorer_of(folder: Path | None, memo: bool = True, device: str = "cpu", threads: int = 1) -> "AnyScorer":
    """TinyLogBERT or a simple detector, whichever the folder holds; the shipped TinyLogBERT for None.

    ``memo`` remembers scores by content. TinyLogBERT computes on ``device`` (``auto``, ``cpu`` or ``cuda``), and torch
    takes so many ``threads``. Raises InputError, in one line, for a folder that cannot be loaded, or without CUDA.
    """
    if folder is not None and detector_of(folder) is not None:
        from model.baselines import BaselineScorer

        return BaselineScorer.load(folder, memo)
    # Threads that wait for each other asleep, not spinning: beside other work two were ten times slower than one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from model.device import device_of
    from model.scorer import BertScorer

    return BertScorer.load(folder, memo, device_of(device), threads)
