"""How well scores tell anomalous from normal, against labels that nothing else here may see. Knows no model.

Definitions: *ROC-AUC* is the share of (anomalous, normal) pairs in the right order, a tie counting half; *average
precision* the sum over distinct scores of recall gained times precision; *precision*, *recall* and *F1* are those of
the verdicts, whose threshold training chose without labels; *best F1* that of the threshold which these very labels
would choose: an oracle's, no method's.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from training.auc import Counts

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def evaluate_scores(scores: Sequence[float] | npt.ArrayLike, labels: Sequence[int] | npt.ArrayLike) -> float:
    """Return the ROC-AUC of scores (higher is more anomalous) against labels (1 or true is anomalous).

    Lists, numpy arrays or tensors of one length and any shape; scores may be infinite. NaN, never 0 or 0.5, if only
    one class is present. Raises ValueError for unequal lengths, for scores that are NaN, and for labels other than 0
    and 1.

    >>> evaluate_scores([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    values, truth = _scores(scores), _labels(labels)
    if len(values) != len(truth):
        raise ValueError(f"there are {len(values)} scores and {len(truth)} labels")
    return roc_auc(values, truth)


def roc_auc(scores: Floats, labels: Bools) -> float:
    """In [0, 1]; NaN if only one class is present."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, _ranks(scores))) if _both(labels) else math.nan


def average_precision(scores: Floats, labels: Bools) -> float:
    """In (0, 1]; NaN if only one class is present."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(labels, _ranks(scores))) if _both(labels) else math.nan


def figures(scores: Floats, verdicts: Bools, labels: Bools) -> dict[str, Any]:
    """Every figure as JSON values; what cannot be said of one class alone is None."""
    return {
        "anomalous": int(labels.sum()),
        "normal": int((~labels).sum()),
        "roc_auc": json_number(roc_auc(scores, labels)),
        "average_precision": json_number(average_precision(scores, labels)),
        "at_threshold": at_threshold(scores, verdicts, labels),
        "best_f1_oracle": best_f1(scores, labels),
        "scores": {"normal": _quantiles(scores[~labels]), "anomalous": _quantiles(scores[labels])},
    }


def at_threshold(scores: Floats, verdicts: Bools, labels: Bools) -> dict[str, Any]:
    """Counts and ratios of the label-free verdicts; ``lowest_alarm`` is the lowest score that was called anomalous."""
    hits, false = int((verdicts & labels).sum()), int((verdicts & ~labels).sum())
    missed = int((~verdicts & labels).sum())
    return {
        **_ratios(hits, false, missed),
        "true_positives": hits,
        "false_positives": false,
        "false_negatives": missed,
        "true_negatives": len(labels) - hits - false - missed,
        "lowest_alarm": json_number(float(scores[verdicts].min())) if verdicts.any() else None,
    }


def best_f1(scores: Floats, labels: Bools) -> dict[str, Any]:
    """The greatest F1 that any threshold reaches, and the highest such threshold; None for one class alone."""
    if not _both(labels):
        return {"precision": None, "recall": None, "f1": None, "threshold": None}
    thresholds = np.unique(scores)
    hits = _at_or_above(scores[labels], thresholds)
    false = _at_or_above(scores[~labels], thresholds)
    f1 = 2 * hits / (hits + false + labels.sum())
    best = len(f1) - 1 - int(np.argmax(f1[::-1]))
    found = int(hits[best])
    ratios = _ratios(found, int(false[best]), int(labels.sum()) - found)
    return {**ratios, "threshold": json_number(float(thresholds[best]))}


def _at_or_above(scores: Floats, thresholds: Floats) -> npt.NDArray[np.int64]:
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, "left")


def interval_figures(scores: Floats, labels: Bools) -> dict[str, Any]:
    """95 % intervals of both figures as ``[low, high]``: DeLong's, and a bootstrap over the blocks; None if unknown."""
    from training.intervals import bootstrap, delong, json_interval

    distinct, place = np.unique(scores, return_inverse=True)
    hits, false = (np.bincount(place[side], minlength=len(distinct)).astype(np.float64) for side in (labels, ~labels))
    counts = Counts(distinct, hits, false)
    return {
        "roc_auc_interval": json_interval(delong(counts)),
        "average_precision_interval": json_interval(bootstrap(scores, labels).average_precision),
    }


def _ratios(hits: int, false: int, missed: int) -> dict[str, float | None]:
    """None where nothing was called anomalous (precision) or nothing is (recall)."""
    return {
        "precision": hits / (hits + false) if hits + false else None,
        "recall": hits / (hits + missed) if hits + missed else None,
        "f1": 2 * hits / (2 * hits + false + missed) if hits + missed else None,
    }


def json_number(value: float) -> float | None:
    """JSON knows neither NaN nor infinity, and nobody wants to read -0.0."""
    return value + 0.0 if math.isfinite(value) else None


def _quantiles(scores: Floats) -> dict[str, float | None]:
    shares = {"min": 0, "q25": 0.25, "median": 0.5, "q75": 0.75, "q99": 0.99, "max": 1}
    if not len(scores):
        return dict.fromkeys(shares)
    # Of observed scores: between infinities there is nothing to interpolate.
    found = np.quantile(scores, list(shares.values()), method="inverted_cdf")
    return {name: json_number(float(value)) for name, value in zip(shares, found, strict=True)}


def _both(labels: Bools) -> bool:
    return bool(labels.any() and not labels.all())


def _ranks(scores: Floats) -> npt.NDArray[np.int64]:
    """Numbers in the same order with the same ties: scikit-learn refuses infinities."""
    return np.unique(scores, return_inverse=True)[1]


def _scores(values: Sequence[float] | npt.ArrayLike) -> Floats:
    scores = _array(values).astype(np.float64)
    if np.isnan(scores).any():
        raise ValueError("a score is NaN")
    return scores


def _labels(values: Sequence[int] | npt.ArrayLike) -> Bools:
    labels = _array(values)
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("a label is neither 0 nor 1")
    return labels.astype(np.bool_)


def _array(values: Any) -> npt.NDArray[Any]:
    """A flat array of a list, an array, or a tensor wherever it lies."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values).ravel()
