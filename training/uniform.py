"""Whether p-values are what they say: uniform on healthy windows that the reference has not seen.

Scores repeat, and so p-values cannot be uniform: a value that a third of the windows have jumps by a third. For the
test alone they are randomised, each drawn between its p-value and the p-value just above its score (Brockwell 2007;
Czado, Gneiting & Held 2009), which makes them uniform where calibration is right. Verdicts never depend on chance.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from model.calibration import Calibration, Reference, Uniformity
from training.bags import Floats
from training.calibrate import Held, Looked, apart_above, calibrate

LEAST = 20


def calibrated(held: Held, budget: float, asked: str, above: float | None, seed: int) -> Calibration:
    """``calibrate``, with how uniform the p-values are, half against half."""
    above = apart_above(held) if above is None else above
    uniform = crossfitted(held, budget, above, np.random.default_rng((seed, 2)))
    return replace(calibrate(held, budget, asked, above), uniform=uniform)


def uniformity(p_values: Floats, reference: int | None = None) -> Uniformity:
    """Test p-values against uniform; ``reference`` is the number of windows that they were measured by, if known.

    A reference that is a sample errs, too: with it the distance is held against that of two samples.
    """
    from scipy.stats import kstest, kstwobign

    number = len(p_values)
    found = kstest(p_values, "uniform")
    if reference is None:
        return Uniformity(float(found.statistic), float(found.pvalue), number)
    size = number * reference / (number + reference)
    return Uniformity(float(found.statistic), float(kstwobign.sf(found.statistic * size**0.5)), number)


def spread(p_values: Floats, above: Floats, rng: np.random.Generator) -> Floats:
    """Randomised p-values: uniform between ``above`` (the share that scores higher) and the p-value itself."""
    return np.asarray(above + (p_values - above) * rng.random(len(p_values)))


def crossfitted(held: Held, budget: float, above: float, rng: np.random.Generator) -> dict[str, Uniformity]:
    """Calibrate on a random half of held-out windows and test the p-values of the other half, without labels.

    ``above`` is the score from which complete windows are taken for failures; they are left out of both halves. The
    answer has "closed" and, if windows were looked at while open, "open"; it is empty where windows are too few.
    """
    first: dict[Looked, int] = {}
    second: dict[Looked, int] = {}
    for looked, number in sorted(held.items(), key=lambda item: (item[0].closed, item[0].open or 0.0)):
        taken = int(rng.binomial(number, 0.5))
        if looked.closed < above:
            first[looked], second[looked] = taken, number - taken
    first, second = ({k: n for k, n in half.items() if n} for half in (first, second))
    if min(sum(first.values()), sum(second.values())) < LEAST:
        return {}
    calibration = calibrate(first, budget, above=above)
    found = {"closed": _tested(second, calibration.closed, lambda looked: looked.closed, rng)}
    if any(looked.open is not None for looked in first) and any(looked.open is not None for looked in second):
        found["open"] = _tested(second, calibration.open, lambda looked: looked.open, rng)
    return found


def _tested(
    held: Held, reference: Reference, score: Callable[[Looked], float | None], rng: np.random.Generator
) -> Uniformity:
    seen = [(found, number) for looked, number in held.items() if (found := score(looked)) is not None]
    numbers = [number for _, number in seen]
    p_values = np.repeat([reference.p_value(found) for found, _ in seen], numbers)
    above = np.repeat([reference.p_above(found) for found, _ in seen], numbers)
    return uniformity(spread(p_values, above, rng), reference.windows)
