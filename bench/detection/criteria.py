"""Criteria that need no labels: what can be asked of a detector on unlabelled windows alone, higher being better.

- *left-out entries*: how well a count is predicted from the window's other counts (Wold 1978); of principal components
  only, and compared within one transform, since shares of variance of two are not alike.
- *two halves*: whether fits on two halves of the windows rank all distinct windows alike (Spearman), and whether the
  same windows are on top (mean overlap of the top 0.5, 1, 2 and 5 %).
- *damage*: whether damaged windows score higher than held-out real ones (ROC-AUC), and how many of them do so at 5 %
  alarms.
- *trimming*: whether the order stays when the top 3 % are left out and the rest is fitted again.
- *gap*: how far the two classes of scores lie apart, in widths (Otsu 1979, as calibration asks for it).
- *consensus*: rank correlation with the other detectors (model centrality; Ma et al. 2023).
"""

import numpy as np

from bench.detection.candidates import CANDIDATES, MOST_COMPONENTS, fit_all, moments
from bench.detection.ranks import gap, in_top, rank_auc, spearman, top_overlap
from training.bags import Floats
from training.damage import Damage

_TRIMMED = 0.03
_ALARMS = 0.05
_SPLITS = 5
_DAMAGED = 1000
_OF_COUNTS = ("counts", "counts a line")

NAMES = (
    *("left-out entries", "two halves, ranks", "two halves, top", "damage, AUC", "damage, found at 5 %"),
    *("trimming, ranks", "trimming, top", "gap", "consensus"),
)


def measure(counts: Floats, weights: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Each of ``NAMES`` → its value for every candidate ``(candidates,)``; NaN where it cannot be asked."""
    scores = fit_all(counts, weights)(counts)
    agreed = np.array([[spearman(one, two) for two in scores] for one in scores])
    splits = [_of_split(counts, weights, rng) for _ in range(_SPLITS)]
    rows = [
        *np.mean(splits, axis=0),
        *_trimming(counts, weights, scores),
        np.array([gap(each, weights) for each in scores]),
        (agreed.sum(1) - 1) / (len(scores) - 1),
    ]
    return dict(zip(NAMES, rows, strict=True))


def _of_split(counts: Floats, weights: Floats, rng: np.random.Generator) -> Floats:
    """The criteria that need two halves of the windows: ``(5, candidates)``."""
    first = rng.binomial(weights.astype(int), 0.5).astype(float)
    second = weights - first
    one = fit_all(counts, first)
    left, right = one(counts), fit_all(counts, second)(counts)
    drawn = rng.choice(len(counts), _DAMAGED, p=second / second.sum())
    damaged = one(Damage(counts, rng).draw(counts[drawn]))
    pairs = list(zip(left, right, strict=True))
    return np.array(
        [
            left_out_entries(counts, first, second),
            [spearman(*pair) for pair in pairs],
            [top_overlap(*pair, weights) for pair in pairs],
            [rank_auc(*pair, second) for pair in zip(damaged, left, strict=True)],
            [_found(*pair, second) for pair in zip(damaged, left, strict=True)],
        ]
    )


def left_out_entries(counts: Floats, fitted: Floats, judged: Floats) -> Floats:
    """Less the share of variance that is not predicted, for each candidate.

    The residual of the precision matrix over its diagonal, under probabilistic principal components (Tipping & Bishop
    1999); of counts as they are.
    """
    known = counts[:, :-1]
    mean, values, vectors = moments(known, fitted)
    rest = known - mean
    variance = max((judged @ rest**2).sum(), 1e-12)
    errors = np.full(MOST_COMPONENTS + 1, np.nan)
    for k in range(1, min(MOST_COMPONENTS + 1, len(values))):
        noise = max(values[k:].mean(), 1e-6)
        basis = vectors[:, :k]
        precision = np.linalg.inv((basis * np.maximum(values[:k] - noise, 0)) @ basis.T + noise * np.eye(len(values)))
        residual = rest @ precision / np.diag(precision)
        errors[k] = (judged @ residual**2).sum() / variance
    return np.array([-errors[c.components] if c.view in _OF_COUNTS else np.nan for c in CANDIDATES])


def _found(damaged: Floats, real: Floats, weights: Floats) -> float:
    """Share of damaged windows above what a twentieth of the real ones reaches."""
    return float((damaged > real[in_top(real, weights, _ALARMS) > 0].min()).mean())


def _trimming(counts: Floats, weights: Floats, scores: Floats) -> tuple[Floats, Floats]:
    again = []
    for i, each in enumerate(scores):
        again.append(fit_all(counts, weights * (1 - in_top(each, weights, _TRIMMED)))(counts)[i])
    pairs = list(zip(scores, again, strict=True))
    ranks = [spearman(*pair) for pair in pairs]
    return np.array(ranks), np.array([top_overlap(*pair, weights) for pair in pairs])
