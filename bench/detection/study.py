"""How well criteria without labels pick a detector: measured on folds, where the truth is known afterwards.

For each fold the truth is a candidate's average precision on the judged windows. A criterion is as good as its rank
correlation with the truth, and as the *regret* of its pick: what the luckiest candidate has more.
"""

from collections import Counter
from typing import Any

import numpy as np

from bench.detection.candidates import CANDIDATES, VIEWS, fit_all
from bench.detection.criteria import measure
from bench.detection.folds import Fold
from bench.detection.log import bag_of
from bench.detection.ranks import spearman
from training.bags import HELD_OUT, Floats, matrix
from training.baselines.components import choose_components
from training.evaluate import average_precision
from training.teacher import fit_teacher

RULE = "first minimum, {}"
"""The number of components that ``training.baselines.components`` chooses, for every view of a window."""
_RULED = ("counts", "counts a line", "presence a line")
TWO_VIEWS = "… counts and presence a line"
NO_CHOICE = "no choice: the teacher"
CHANCE = "any one, by chance"


def study(fold: Fold, seed: int, healthy: bool = False) -> list[dict[str, Any]]:
    """For each criterion: correlation, its pick, and the pick's average precision and regret; ``healthy`` says that
    failures were taken out of training.
    """
    rng = np.random.default_rng(seed)
    seen = fold.given.corpus(HELD_OUT).closed.fitted  # as training does: its rule sees no more
    kinds = sorted({text for bag in seen for text, _ in bag})
    counts, weights = matrix(list(seen), kinds), np.array(list(seen.values()), float)
    judged = _Judged(fold, kinds)
    scores = fit_all(counts, weights)(judged.counts)
    truth = np.array([judged.precision(each) for each in scores])
    rows = [_asked(name, column, truth) for name, column in measure(counts, weights, rng).items()]
    rules = {name: _rule(name, counts, weights, rng, healthy) for name in _RULED}
    rows += [_picked(RULE.format(name), CANDIDATES[i].name, truth[i], truth) for name, i in rules.items()]
    together = np.mean([scores[rules[name]] for name in _RULED[1:]], axis=0)
    rows.append(_picked(TWO_VIEWS, "", judged.precision(together), truth))
    teacher = fit_teacher(counts, weights, kinds, healthy)
    rows.append(_picked(NO_CHOICE, "", judged.precision(teacher.target(judged.counts)), truth))
    rows.append(_picked(CHANCE, "", float(truth.mean()), truth))
    return [{"kind": fold.kind, "fold": fold.name, "seed": seed, "best": float(truth.max()), **row} for row in rows]


class _Judged:
    """The judged windows of a fold as distinct rows of counts."""

    def __init__(self, fold: Fold, kinds: list[str]) -> None:
        bags = [bag_of(window.texts) for window in fold.judged]
        place = {bag: i for i, bag in enumerate(Counter(bags))}
        self._rows = np.array([place[bag] for bag in bags])
        self._labels = fold.labels()
        self.counts = matrix(list(place), kinds)

    def precision(self, scores: Floats) -> float:
        return average_precision(scores[self._rows], self._labels)


def _rule(view: str, counts: Floats, weights: Floats, rng: np.random.Generator, healthy: bool) -> int:
    """The candidate with the number of components that the rule names, or with the nearest number that there is."""
    components = choose_components(VIEWS[view].transform(counts)[:, :-1], weights, rng, healthy)
    near = [(abs(c.components - components), i) for i, c in enumerate(CANDIDATES) if c.view == view]
    return min(near)[1]


def _asked(name: str, column: Floats, truth: Floats) -> dict[str, Any]:
    able = np.flatnonzero(np.isfinite(column))
    best = int(able[np.argmax(column[able])])
    correlation = spearman(column[able], truth[able])
    return {**_picked(name, CANDIDATES[best].name, truth[best], truth), "correlation": correlation}


def _picked(criterion: str, pick: str, precision: float, truth: Floats) -> dict[str, Any]:
    return {
        "criterion": criterion,
        "pick": pick,
        "precision": float(precision),
        "regret": float(truth.max() - precision),
        "correlation": None,
    }
