"""How many principal components, without labels: entry-left-out cross-validation (Wold 1978; Gabriel 2002).

Fit on half of the windows, predict each count of the other half from that window's other counts. What helps to predict
*other* counts is a way of behaving, what helps only itself is a failure that repeats.
"""

import numpy as np

from training.bags import Floats
from training.teacher import spectrum

_MOST_COMPONENTS = 20
_SMALL = 1e-3
_ANSWERS, _SPLITS = 5, 20


def choose_components(known: Floats, weights: Floats, rng: np.random.Generator, healthy: bool = False) -> int:
    """The number of components that predicts left-out counts best, without labels.

    The least number whose error is below a thousandth of the variance or, if there is none, the first local minimum
    after the greatest fall: beyond it failures are learned. Where all windows are ``healthy`` it is the least error of
    all. The median of five answers, each from twenty splits, since neighbours can be close; less than a thousandth of
    the variance is no gain.
    """
    most = min(_MOST_COMPONENTS, known.shape[1] - 1, len(known) - 2)
    if most < 1:
        return 0
    choose = _least if healthy else _first_minimum
    return int(np.median([choose(_mean_errors(known, weights, rng, most)) for _ in range(_ANSWERS)]))


def _mean_errors(known: Floats, weights: Floats, rng: np.random.Generator, most: int) -> Floats:
    """Left-out error of 0, 1, … ``most`` - 1 components, the mean of random splits into halves."""
    errors = np.zeros(most)
    for _ in range(_SPLITS):
        first = rng.binomial(weights.astype(int), 0.5).astype(float)
        if 0 < first.sum() < weights.sum():
            errors += _left_out_errors(known, first, weights - first, most) / _SPLITS
    return errors


def _first_minimum(errors: Floats) -> int:
    """Number of components for these errors of 0, 1, … components, each a share of the variance."""
    small = np.flatnonzero(errors < _SMALL)
    if len(small):
        return int(small[0])
    if len(errors) < 2:
        return 0
    k = 1 + int(np.argmax(errors[:-1] - errors[1:]))
    while k + 1 < len(errors) and errors[k + 1] < errors[k] - _SMALL:
        k += 1
    return k


def _least(errors: Floats) -> int:
    return int(np.flatnonzero(errors <= errors.min() + _SMALL)[0])


def _left_out_errors(known: Floats, fitted: Floats, judged: Floats, most: int) -> Floats:
    """Error of each number of components 0 … most-1, as a share of the variance.

    A count is predicted by its conditional mean given the others under probabilistic PCA (Tipping & Bishop 1999),
    whose residual is that of the precision matrix divided by its diagonal. That matrix is the identity less what the
    components explain, up to a factor that cancels.
    """
    mean, values, vectors = spectrum(known, fitted)
    rest = known - mean
    scatter = (rest * judged[:, None]).T @ rest
    variance = max(float(np.trace(scatter)), 1e-12)
    turned = scatter @ vectors[:, :most]
    errors = np.zeros(most)
    for k in range(most):
        noise = max(values[k:].mean(), 1e-6)
        basis, spread = vectors[:, :k], np.maximum(values[:k] - noise, 0)
        explained = spread / (spread + noise)
        # The diagonal of (1 - P) scatter (1 - P), where P = basis diag(explained) basis': squared residuals, summed up
        # over windows, at the cost of one matrix, however many windows there are.
        shrunk = basis * explained
        left = np.diag(scatter) - 2 * (shrunk * turned[:, :k]).sum(1)
        left = left + ((shrunk @ (basis.T @ turned[:, :k])) * shrunk).sum(1)
        alone = 1 - (basis * shrunk).sum(1)
        errors[k] = (np.maximum(left, 0) / alone**2).sum() / variance
    return errors
