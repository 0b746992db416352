"""A robust classical teacher without labels: what of a window's counts is outside of the ways in which windows behave.

Xu et al. (SOSP 2009) score a block by the squared prediction error of its event counts outside a linear subspace that
normal blocks span: a count that does not fit the others stands out however often that happens, which no model of
likelihood sees. How good that is hangs on the number of components, and no criterion without labels finds it safely
(LOG.md). So four things are different here.

There is no number of components. Along each principal direction the error counts for as much as the direction is *not*
a way of behaving: the share c / (c + its variance), to the fourth power. A behaviour moves many lines together in many
windows, so that its variance is far above c, one line more in one window of a hundred; a failure that repeats moves few
lines in few windows. Nothing hinges on which of two directions is a little wider, and nothing is left to chance. And a
behaviour is believed only up to three times as far as any window went: a hundred reads where there were ten are none.

The error is taken *per line*. A count of n lines varies as n does (Poisson), so that a long window has more error than
a short one though nothing is wrong with it: a block that is replicated three times is no worse than one that is
replicated once, and a block of which two lines are left of seventeen is.

Lines that speak of trouble (``training.wordlist``) weigh double where they do not fit: that is knowledge of the field.
Where they fit, as HDFS writes ``Got exception while serving`` about healthy blocks, they add nothing.

Where it is known that all windows are healthy, rarer behaviours are believed, and there is a second view beside the
counts, which kinds there are at all: two things that never happen to the same block can fit each other in their
numbers. Where failures are among the windows that view learns them, and is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from training.bags import Floats
from training.wordlist import speaks_of_trouble

_BEHAVIOUR, _HEALTHY_BEHAVIOUR = 1e-2, 2e-3  # variance: squared lines a window
_STEEPNESS = 4
_AS_FAR = 3.0
_NOTHING = 1e-6
_TROUBLE = 2.0
_EPSILON, _LARGEST = 1e-4, 1e4
_MISFIT = 1e-3  # error a line from which on a kind is said not to fit


class Lesson(NamedTuple):
    """What windows are worth ``(windows,)``, and what of each of their kinds does not fit ``(windows, kinds + 1)``."""

    targets: Floats
    misfits: Floats


@dataclass(frozen=True, slots=True)
class View:
    """How windows behave, in counts or, with ``presence``, in 0 and 1 for each kind.

    ``mean`` is ``(kinds,)``, ``directions`` ``(kinds, d)``; of a difference from the mean the share ``explained``
    ``(d,)`` along each is a way of behaving, between ``least`` and ``most`` ``(d,)``.
    """

    mean: Floats
    directions: Floats
    explained: Floats
    least: Floats
    most: Floats
    presence: bool

    def rest(self, known: Floats) -> Floats:
        """What does not fit, a kind: ``(windows, kinds)``."""
        seen = np.minimum(known, 1) if self.presence else known
        difference = seen - self.mean
        along = np.clip(difference @ self.directions, self.least, self.most)
        return np.asarray(difference - (along * self.explained) @ self.directions.T)


@dataclass(frozen=True, slots=True)
class Teacher:
    """What a window is worth, seen in one or two ways; ``weights`` ``(kinds + 1,)`` are those of what does not fit."""

    views: tuple[View, ...]
    weights: Floats

    @property
    def behaviours(self) -> tuple[int, ...]:
        """Ways of behaving in each view: directions whose variance is above c."""
        return tuple(int((view.explained > 1 - 0.5 ** (_STEEPNESS / 2)).sum()) for view in self.views)

    def target(self, counts: Floats) -> Floats:
        """The score of each row of counts, its log error a line, the mean of all views: ``(windows,)``.

        ``counts`` is ``(windows, kinds + 1)``; the last column counts lines of unknown kinds, which nothing explains,
        so that they add their square. In [ln 1e-4, ln 1e4], higher is more anomalous.
        """
        lines = np.maximum(counts.sum(1), 1)
        errors = [rest**2 @ self.weights**2 / lines for rest in self._rests(counts)]
        return np.asarray(np.mean([np.log(np.minimum(error, _LARGEST) + _EPSILON) for error in errors], axis=0))

    def lesson(self, counts: Floats) -> Lesson:
        """The targets with their reasons: of each kind the sign of what does not fit, lines too many or too few, times
        ln(1 + e / 1e-3), e being its squared error a line as it counts in the score; the mean of all views.
        """
        share = self.weights**2 / np.maximum(counts.sum(1), 1)[:, None]
        misfits = [np.sign(rest) * np.log1p(rest**2 * share / _MISFIT) for rest in self._rests(counts)]
        return Lesson(self.target(counts), np.mean(misfits, axis=0))

    def _rests(self, counts: Floats) -> Iterator[Floats]:
        """What does not fit in each view, a kind, lines of unknown kinds behind them."""
        return (np.c_[view.rest(counts[:, :-1]), counts[:, -1]] for view in self.views)


def fit_teacher(counts: Floats, weights: Floats, kinds: Sequence[str], healthy: bool = False) -> Teacher:
    """Fit on distinct windows ``(windows, kinds + 1)`` with the number of times that each was seen.

    ``kinds`` are the masked texts of the columns but the last; ``healthy`` says that no failure is among the windows.
    """
    known = counts[:, :-1]
    least = _HEALTHY_BEHAVIOUR if healthy else _BEHAVIOUR
    views = [_view(known, weights, least, presence=False)]
    if healthy:
        views.append(_view(np.minimum(known, 1), weights, least, presence=True))
    trouble = [_TROUBLE if speaks_of_trouble(kind) else 1.0 for kind in kinds]
    return Teacher(tuple(views), np.array([*trouble, _TROUBLE]))


def _view(known: Floats, weights: Floats, least: float, presence: bool) -> View:
    mean, values, vectors = spectrum(known, weights)
    left = (least / (least + np.maximum(values, 0))) ** (_STEEPNESS / 2)  # of a difference; its square is of the error
    some = left < 1 - _NOTHING
    along = (known - mean) @ vectors[:, some]
    return View(mean, vectors[:, some], 1 - left[some], _AS_FAR * along.min(0), _AS_FAR * along.max(0), presence)


def spectrum(known: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Weighted mean ``(kinds,)``, and eigenvalues and eigenvectors (columns) of the covariance, greatest first."""
    total = weights.sum()
    mean = weights @ known / total
    rest = known - mean
    values, vectors = np.linalg.eigh((rest * weights[:, None]).T @ rest / total)
    return mean, values[::-1], vectors[:, ::-1]
