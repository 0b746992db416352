"""What scoring costs: seconds for a thousand windows, each scored anew. The only figures that depend on the machine."""

import time
from collections.abc import Mapping, Sequence

import numpy as np

from stream.scoring import Scorer

MOST = 1_000
_SEED = 0

Texts = tuple[str, ...]


def seconds_per_thousand(scorers: Mapping[str, Scorer], windows: Sequence[Texts]) -> dict[str, float]:
    """Seconds of each scorer for 1,000 windows, measured on the same distinct ones, of which a fixed seed draws 1,000.

    The scorers must not remember. Empty without a window.
    """
    chosen = _draw(windows)
    return {name: _seconds(scorer, chosen) * 1000 / len(chosen) for name, scorer in scorers.items()} if chosen else {}


def _draw(windows: Sequence[Texts]) -> list[Texts]:
    if len(windows) <= MOST:
        return list(windows)
    return [windows[i] for i in np.random.default_rng(_SEED).choice(len(windows), MOST, replace=False).tolist()]


def _seconds(scorer: Scorer, windows: Sequence[Texts]) -> float:
    scorer.score(windows[:1], [True])  # whoever warms up does it now
    begun = time.perf_counter()
    scorer.score(windows, [True] * len(windows))
    return time.perf_counter() - begun
