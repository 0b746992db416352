"""By how much the teacher thinks better of windows that it was fitted on than it would of their like.

Calibration needs the high scores of healthy windows, and of these there are few: in a thousand held-out windows, a
budget of one in a thousand leaves one. The windows that were trained on are four times as many, but score too low (the
optimism of the training error, Efron 1986). So the teacher is fitted again without them, and what it then thinks worse
of them is added to their scores: leave-one-out in ten folds.

Only windows that were seen once are left out: the teacher weighs windows by their number, and one of two or of a
thousand hardly moves it. Where very many were seen once, what was trained on is no help, and held-out windows have to
do.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from training.bags import Bag, Corpus, Floats, Life, matrix
from training.calibrate import Held, Looked, looked
from training.prefixes import PrefixTeacher
from training.teacher import fit_teacher

_FOLDS = 10
_MOST = 512


class Optimism(NamedTuple):
    """What to add to the scores of complete windows and of prefixes, at least 0; nothing where they are not in it."""

    closed: Mapping[Bag, float]
    open: Mapping[Bag, float]


def optimism(fitted: Counter[Bag], lives: Mapping[Life, int], kinds: Sequence[str], healthy: bool) -> Optimism | None:
    """Of the complete windows ``fitted`` and the prefixes in their ``lives``; None where too many were seen once.

    ``kinds`` and ``healthy`` as ``fit_teacher`` has them.
    """
    if not correctable(fitted):
        return None
    once = sorted(bag for bag, number in fitted.items() if number == 1)
    prefixes = {life.complete: life.prefixes for life in lives}
    whole = _Taught(fitted, kinds, healthy)
    closed: dict[Bag, float] = {}
    opened: dict[Bag, float] = {}
    for left_out in (once[fold::_FOLDS] for fold in range(min(_FOLDS, len(once)))):
        without = _Taught(Counter({bag: fitted[bag] for bag in fitted.keys() - set(left_out)}), kinds, healthy)
        begun = sorted({prefix for bag in left_out for prefix in prefixes.get(bag, ())})
        closed.update(_worse(left_out, without.closed(left_out), whole.closed(left_out)))
        opened.update(_worse(begun, without.opened(begun), whole.opened(begun)))
    return Optimism(closed, opened)


def correctable(fitted: Counter[Bag]) -> bool:
    """Whether the scores of what was trained on can be corrected: some windows were seen often, few enough once."""
    once = sum(number == 1 for number in fitted.values())
    return once <= _MOST and once < len(fitted)


def calibrating(corpus: Corpus) -> tuple[list[Bag], list[Bag]]:
    """The distinct complete windows that calibrate, and the distinct prefixes."""
    lives = corpus.lives.keys() | (corpus.fitted_lives.keys() if correctable(corpus.closed.fitted) else set())
    return sorted({life.complete for life in lives}), sorted({bag for life in lives for bag in life.prefixes})


def held(corpus: Corpus, closed: Mapping[Bag, float], opened: Mapping[Bag, float], better: Optimism | None) -> Held:
    """What calibrates: the windows that were held out and, where it is known how much ``better`` they score for it,
    those that were trained on; ``closed`` and ``opened`` are the scores of complete windows and of prefixes.
    """
    found: Counter[Looked] = Counter(looked(corpus.lives, closed, opened))
    if better:
        raised = [
            {bag: score + more.get(bag, 0.0) for bag, score in scores.items()}
            for scores, more in ((closed, better.closed), (opened, better.open))
        ]
        found.update(looked(corpus.fitted_lives, *raised))
    return found


class _Taught:
    """A teacher of some of the windows; a kind that none of them had is unknown to it."""

    def __init__(self, fitted: Counter[Bag], kinds: Sequence[str], healthy: bool) -> None:
        had = {text for bag in fitted for text, _ in bag}
        self._kinds = [kind for kind in kinds if kind in had]
        bags = sorted(fitted)
        counts, weights = matrix(bags, self._kinds), np.array([fitted[bag] for bag in bags], float)
        self._teacher = fit_teacher(counts, weights, self._kinds, healthy)
        self._prefixes = PrefixTeacher(self._teacher, counts, weights)

    def closed(self, bags: Sequence[Bag]) -> Floats:
        return self._teacher.target(matrix(bags, self._kinds))

    def opened(self, bags: Sequence[Bag]) -> Floats:
        return self._prefixes.target(matrix(bags, self._kinds))


def _worse(bags: Sequence[Bag], without: Floats, whole: Floats) -> dict[Bag, float]:
    return dict(zip(bags, np.maximum(without - whole, 0).tolist(), strict=True))
