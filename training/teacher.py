"""A robust classical teacher without labels: the residual of event counts against a few principal components.

Xu et al. (SOSP 2009) score a block by the squared prediction error of its event counts outside a linear subspace that
normal blocks span: a count that does not fit the others stands out however often that happens, which no model of
likelihood sees. Two things are different here.

The error is taken *per line*. A count of n lines varies as n does (Poisson), so that a long window has more error than
a short one though nothing is wrong with it: a block that is replicated three times is no worse than one that is
replicated once, and a block of which two lines are left of seventeen is.

How many components there are is found without labels, by entry-left-out cross-validation (Wold 1978; Gabriel 2002): fit
on half of the windows, predict each count of the other half from that window's other counts. Where it is known that
all windows are healthy, there is a second view beside the counts, which kinds there are at all: two things that never
happen to the same block can fit each other in their numbers. Where failures are among the windows that view learns
them, and is left out.
"""

from dataclasses import dataclass

import numpy as np

from training.bags import Floats

_MOST_COMPONENTS = 20
_SMALL = 1e-3
_ANSWERS, _SPLITS = 5, 20
_EPSILON = 1e-4
_LARGEST = 1e4
_NO_VARIANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Subspaces:
    """Bootstrapped subspaces of counts or, with ``presence``, of 0 and 1 for each kind.

    ``means`` is ``(fits, kinds)``, ``bases`` ``(fits, kinds, components)``; columns of zeros stand for components that
    a fit has not.
    """

    means: Floats
    bases: Floats
    presence: bool

    def log_errors(self, counts: Floats) -> Floats:
        """Log of the squared prediction error a line, averaged over the fits: ``(windows,)``."""
        seen = np.minimum(counts, 1) if self.presence else counts
        known, unknown = seen[:, :-1], seen[:, -1]
        lines = np.maximum(counts.sum(1), 1)
        logs = np.zeros(len(counts))
        for mean, basis in zip(self.means, self.bases, strict=True):
            rest = known - mean
            rest = rest - (rest @ basis) @ basis.T
            error = (rest**2).sum(1) + unknown**2
            logs += np.log(np.minimum(error / lines, _LARGEST) + _EPSILON)
        return np.asarray(logs / len(self.means))


@dataclass(frozen=True, slots=True)
class Teacher:
    """What a window is worth, seen in one or two ways."""

    views: tuple[Subspaces, ...]

    @property
    def components(self) -> tuple[int, ...]:
        """Components of each view."""
        return tuple(view.bases.shape[2] for view in self.views)

    def target(self, counts: Floats) -> Floats:
        """The score that each row of counts should have, the mean of its views' log errors: ``(windows,)``.

        ``counts`` is ``(windows, kinds + 1)``; the last column counts lines of unknown kinds, which no component
        explains, so that they add their square.
        """
        return np.asarray(np.mean([view.log_errors(counts) for view in self.views], axis=0))


def fit_teacher(
    counts: Floats, weights: Floats, rng: np.random.Generator, fits: int = 20, healthy: bool = False
) -> Teacher:
    """Fit on distinct windows ``(windows, kinds + 1)`` with the number of times that each was seen.

    ``healthy`` says that no failure is among them.
    """
    views = (False, True) if healthy else (False,)
    return Teacher(tuple(_fit(counts, weights, rng, fits, healthy, presence) for presence in views))


def _fit(
    counts: Floats, weights: Floats, rng: np.random.Generator, fits: int, healthy: bool, presence: bool
) -> Subspaces:
    known = np.minimum(counts[:, :-1], 1) if presence else counts[:, :-1]
    components = choose_components(known, weights, rng, healthy)
    share = weights / weights.sum()
    means, bases = [], []
    for _ in range(fits):
        mean, values, vectors = _spectrum(known, rng.multinomial(int(weights.sum()), share).astype(float))
        # A direction without variance is arbitrary, and would hide a fault that lies in it.
        vectors = vectors * (values > _NO_VARIANCE * max(values[0], 1.0))
        means.append(mean)
        bases.append(vectors[:, :components])
    return Subspaces(np.array(means), np.array(bases), presence)


def choose_components(known: Floats, weights: Floats, rng: np.random.Generator, healthy: bool = False) -> int:
    """The number of components that predicts left-out counts best, without labels.

    What helps to predict *other* counts is a way of behaving, what helps only itself is a failure that repeats. So this
    is the least number whose error is below a thousandth of the variance or, if there is none, the first local minimum
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
    mean, values, vectors = _spectrum(known, fitted)
    rest = known - mean
    variance = (judged[:, None] * rest**2).sum()
    errors = np.zeros(most)
    for k in range(most):
        noise = max(values[k:].mean(), 1e-6)
        basis, spread = vectors[:, :k], np.maximum(values[:k] - noise, 0)
        explained = spread / (spread + noise)
        alone = 1 - basis**2 @ explained
        residual = (rest - (rest @ basis * explained) @ basis.T) / alone
        errors[k] = (judged[:, None] * residual**2).sum() / max(variance, 1e-12)
    return errors


def _spectrum(known: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Weighted mean, and eigenvalues and eigenvectors of the covariance, greatest first."""
    total = weights.sum()
    mean = weights @ known / total
    rest = known - mean
    values, vectors = np.linalg.eigh((rest * weights[:, None]).T @ rest / total)
    return mean, values[::-1], vectors[:, ::-1]
