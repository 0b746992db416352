"""The windows that calibrate, scored: those held out, and those trained on where their scores can be corrected. From
them the threshold, and the bias that makes it 0.
"""

import math
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

import torch

from model.bert import TinyLogBERT
from model.calibration import Calibration
from model.encoding import WindowEncoder
from model.inference import DIGITS, Inference
from training.bags import Bag, Corpus
from training.budget import Budget
from training.calibrate import Held, apart_above, calibrate
from training.loop import Progress
from training.optimism import Optimism, calibrating, held
from training.sizes import CALIBRATING
from training.uniform import calibrated

_TOGETHER = 256


class Scored(NamedTuple):
    """Scores of distinct bags, complete ones and prefixes, and of windows as they were looked at."""

    closed: dict[Bag, float]
    open: dict[Bag, float]
    held: Held


def calibrated_model(
    model: TinyLogBERT,
    encoder: WindowEncoder,
    corpus: Corpus,
    better: Optimism | None,
    budget: Budget,
    healthy: bool,
    seed: int,
    progress: Progress,
) -> tuple[Calibration, Scored]:
    """Calibrate, move the bias so that 0 is the threshold of complete windows, and calibrate again.

    What lies apart is decided once, and the bias moves by as many digits as scores have: rounded otherwise, some would
    change, and a close decision with them.
    """
    share = budget.share(corpus.windows, corpus.last - corpus.first)
    first = _scored(model, encoder, corpus, better, progress, 0).held
    above = math.inf if healthy else apart_above(first)
    threshold = round(calibrate(first, share, above=above).closed.threshold, DIGITS)
    with torch.no_grad():
        model.anomaly_head[2].bias.sub_(threshold)  # type: ignore[operator]
    scored = _scored(model, encoder, corpus, better, progress, 1)
    return calibrated(scored.held, share, budget.asked, above - threshold, seed), scored


def _scored(
    model: TinyLogBERT, encoder: WindowEncoder, corpus: Corpus, better: Optimism | None, progress: Progress, time: int
) -> Scored:
    """Score what calibrates, for the first or the second ``time`` (0 or 1)."""
    inference = Inference(model)
    complete, prefixes = calibrating(corpus)
    each = len(complete) + len(prefixes)
    done = time * each

    def scores(bags: Iterable[Bag], complete: bool) -> dict[Bag, float]:
        nonlocal done
        found: dict[Bag, float] = {}
        rest = iter(bags)
        while some := {bag: encoder.encode(dict(bag), complete) for bag in islice(rest, _TOGETHER)}:
            values = inference.scores(some.values())
            found.update({bag: values[ids] for bag, ids in some.items()})
            done += len(some)
            progress(CALIBRATING, done, 2 * each, None)
        return found

    closed, opened = scores(complete, True), scores(prefixes, False)
    return Scored(closed, opened, held(corpus, closed, opened, better))
