"""From counts of distinct windows to fitted detectors: without labels, and each with its defaults from the literature.

Each takes counts ``(windows, kinds + 1)``, the number of times that each row was seen ``(windows,)``, all chance, and
whether it is known that no failure is among them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from model.baselines.detector import Detector
from model.baselines.forest import ForestDetector
from model.baselines.pca import PcaDetector
from model.baselines.rarity import RarityDetector
from training.bags import Floats
from training.baselines.components import choose_components

_FITS = 20
_TREES, _SAMPLE = 100, 256  # Liu, Ting & Zhou 2008


def fit_pca(counts: Floats, weights: Floats, rng: np.random.Generator, healthy: bool) -> PcaDetector:
    """As many components as predict left-out counts best (``components``), and bootstrapped fits with them."""
    known = counts[:, :-1]
    components = choose_components(known, weights, rng, healthy)
    share = weights / weights.sum()
    drawn = [rng.multinomial(int(weights.sum()), share).astype(float) for _ in range(_FITS)]
    means, bases = zip(*(_subspace(known, each, components) for each in drawn), strict=True)
    return PcaDetector(np.array(means), np.array(bases))


def _subspace(known: Floats, weights: Floats, components: int) -> tuple[Floats, Floats]:
    """Weighted mean ``(kinds,)`` and the directions of the greatest variance ``(kinds, components)``."""
    mean = np.average(known, axis=0, weights=weights)
    rest = known - mean
    _, vectors = np.linalg.eigh((rest * weights[:, None]).T @ rest)  # ascending
    return mean, vectors[:, ::-1][:, :components]


def fit_rarity(counts: Floats, weights: Floats, rng: np.random.Generator, healthy: bool) -> RarityDetector:
    """Count the windows of each set of kinds; nothing is left to chance."""
    sets, place = np.unique(counts > 0, axis=0, return_inverse=True)
    return RarityDetector(sets, np.bincount(place.ravel(), weights, len(sets)).astype(np.float64))


def fit_forest(counts: Floats, weights: Floats, rng: np.random.Generator, healthy: bool) -> ForestDetector:
    """Fit scikit-learn's forest on as many windows as all of its trees look at, drawn as often as they were seen."""
    from sklearn.ensemble import IsolationForest

    drawn = rng.choice(len(counts), _TREES * _SAMPLE, p=weights / weights.sum())
    few = int(min(_SAMPLE, max(weights.sum(), 2)))
    seed = int(rng.integers(2**31))
    forest = IsolationForest(n_estimators=_TREES, max_samples=few, random_state=seed).fit(counts[drawn])
    return flat_forest([tree.tree_ for tree in forest.estimators_])


def flat_forest(trees: Sequence[Any]) -> ForestDetector:
    """The trees of a forest, as scikit-learn's ``tree_`` has them, one behind the other."""
    starts = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
    parts = [_flat(tree, start) for tree, start in zip(trees, starts.tolist(), strict=True)]
    left, right, feature, threshold, length = (np.concatenate(each) for each in zip(*parts, strict=True))
    return ForestDetector(starts, left, right, feature, threshold, length)


def _flat(tree: Any, start: int) -> tuple[Any, ...]:
    """Children, features, thresholds and path lengths of a tree whose first node gets the number ``start``."""
    here = np.arange(tree.node_count)
    leaf = tree.children_left < 0
    left, right = (np.where(leaf, here, child) + start for child in (tree.children_left, tree.children_right))
    length = tree.compute_node_depths() - 1 + _unseen_length(tree.n_node_samples)
    return left, right, np.maximum(tree.feature, 0), np.where(leaf, 0.0, tree.threshold), length


def _unseen_length(windows: npt.NDArray[np.int64]) -> Floats:
    """Cuts that it would take on average to set one of so many windows apart: Liu et al., equation 1."""
    n = np.maximum(windows, 2).astype(np.float64)
    many = 2 * (np.log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n
    return np.where(windows > 2, many, np.where(windows == 2, 1.0, 0.0))


FITS: dict[str, Callable[[Floats, Floats, np.random.Generator, bool], Detector]] = {
    "pca": fit_pca,
    "rarity": fit_rarity,
    "forest": fit_forest,
}
"""By the names of ``model.baselines.DETECTORS``."""
