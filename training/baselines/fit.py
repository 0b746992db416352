"""The recipe of a simple detector: unlabelled lines → windows → arrays → calibration → a folder.

The same windows, the same held-out fifth of the blocks and the same calibration as TinyLogBERT's (``training.fit``), so
that what differs between them is the detector. Windows that may go on are no part of the fit; they are scored with the
same detector, and have a calibration of their own: what is usual among healthy blocks that are still being written.
"""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from model.baselines import Baseline, load_baseline, save_baseline
from model.baselines.detector import Detector, Kinds
from model.baselines.scorer import raw_score
from stream.windows.settings import WindowSettings
from training.bags import HELD_OUT, Bag, Bags, Corpus, collect, matrix
from training.baselines.card import card
from training.baselines.detectors import FITS
from training.budget import parse_budget
from training.calibrate import looked
from training.shown import Shown
from training.uniform import calibrated


@dataclass(frozen=True, slots=True)
class BaselineRecipe:
    """What a person may choose; ``detector`` is a name of ``model.baselines.DETECTORS``, the rest as in ``Recipe``.

    ``healthy``: no failure is among the windows.
    """

    detector: str
    seed: int = 0
    false_alarms: str = "1e-3"
    name: str = "hdfs"
    zone: str = "UTC"
    healthy: bool = False
    command: str = "tinylogbert train"
    source: str = "Lines of a log."


def train_baseline(
    lines: Iterable[bytes],
    out: Path,
    recipe: BaselineRecipe,
    windows: WindowSettings,
    progress: Shown,
    left_out: Collection[str] = (),
) -> Baseline:
    """Fit on raw lines, write the folder ``out`` and return it as it will be loaded.

    Raises InputError if there is too little to learn from.
    """
    corpus = collect(lines, windows, HELD_OUT, left_out, ZoneInfo(recipe.zone))
    progress(f"fitting {recipe.detector}", 0, 1)
    baseline = fit_baseline(corpus, recipe)
    progress(f"fitting {recipe.detector}", 1, 1)
    out.mkdir(parents=True, exist_ok=True)
    save_baseline(out, baseline, card(recipe, corpus, baseline, len(left_out)), recipe.name)
    return load_baseline(out)


def fit_baseline(corpus: Corpus, recipe: BaselineRecipe) -> Baseline:
    """Fit on the windows of a corpus and calibrate on those that it held out; its name has no digest yet."""
    kinds = Kinds(corpus.kinds())
    counted = corpus.closed.fitted
    weights = np.array(list(counted.values()), float)
    rng = np.random.default_rng(recipe.seed)
    counts = matrix(list(counted), list(kinds.texts))
    detector = FITS[recipe.detector](counts, weights, rng, recipe.healthy)
    closed, opened = (_held_out(detector, kinds, bags) for bags in (corpus.closed, corpus.open))
    budget = parse_budget(recipe.false_alarms)
    share = budget.share(corpus.windows, corpus.last - corpus.first)
    above = math.inf if recipe.healthy else None
    calibration = calibrated(looked(corpus.lives, closed, opened), share, budget.asked, above, recipe.seed)
    return Baseline(f"{recipe.name}-{recipe.detector}", detector, kinds, calibration)


def _held_out(detector: Detector, kinds: Kinds, bags: Bags) -> dict[Bag, float]:
    return {bag: raw_score(detector, kinds, bag) for bag in bags.held_out}
