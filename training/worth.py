"""Whether a scorer is worth its cost: paired differences from those beside it, and a plain sentence."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from training.evaluate import Bools, Floats, average_precision, figures, interval_figures
from training.paired import auc_difference, precision_differences

_SHOWN = ("roc_auc", "average_precision", "at_threshold", "best_f1_oracle")


class Said(NamedTuple):
    """What a scorer says of blocks: two arrays of one length, in the order of their labels."""

    name: str
    checkpoint: str
    scores: Floats
    verdicts: Bools


def held_against(ours: Said, others: Sequence[Said], labels: Bools) -> dict[str, Any]:
    """As JSON values: ``worth_its_cost``, ``verdict`` and ``detectors``, a row for each of the others."""
    intervals = precision_differences(ours.scores, [other.scores for other in others], labels)
    rows = [
        {
            "detector": other.name,
            "checkpoint": other.checkpoint,
            **_row(other.scores, other.verdicts, labels),
            **_differences(ours.scores, other.scores, labels, interval),
        }
        for other, interval in zip(others, intervals, strict=True)
    ]
    return {**worth(ours.name, figures(ours.scores, ours.verdicts, labels), rows), "detectors": rows}


def _row(scores: Floats, verdicts: Bools, labels: Bools) -> dict[str, Any]:
    found = {**figures(scores, verdicts, labels), **interval_figures(scores, labels)}
    return {name: found[name] for key in _SHOWN for name in (key, f"{key}_interval") if name in found}


def _differences(
    ours: Floats, theirs: Floats, labels: Bools, interval: tuple[float, float] | None
) -> dict[str, float | list[float] | None]:
    """Ours less theirs."""
    auc = auc_difference(ours, theirs, labels)
    both = bool(labels.any() and not labels.all())
    precision = average_precision(ours, labels) - average_precision(theirs, labels) if both else None
    return {
        "roc_auc_difference": auc and auc.value,
        "roc_auc_difference_interval": list(auc.interval) if auc and auc.interval else None,
        "roc_auc_difference_p_value": auc and auc.p_value,
        "average_precision_difference": precision,
        "average_precision_difference_interval": list(interval) if interval else None,
    }


def worth(name: str, ours: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Whether a scorer is worth its cost: ``worth_its_cost`` and ``verdict``, one sentence.

    It is if its average precision is higher than that of the best detector beside it, and the 95 % interval of the
    difference says so. Which one is best these labels say, in favour of the simple ones. None: this cannot be told.
    """
    if ours["average_precision"] is None:
        why = "cannot be told: one class alone has labels"
        return {"worth_its_cost": None, "verdict": f"Whether {name} is worth its cost on these logs {why}."}
    best = max(rows, key=lambda row: float(row["average_precision"]))
    difference, interval = best["average_precision_difference"], best["average_precision_difference_interval"]
    figures = f"({_precisions(name, ours, best)}; {_alarms(ours, best)})"
    if interval is None and difference:
        why = "cannot be told from so few blocks"
        return {"worth_its_cost": None, "verdict": f"Whether {name} is worth its cost on these logs {why} {figures}."}
    above, below = interval and interval[0] > 0, interval and interval[1] < 0
    what = "is" if above else "is not" if below else "is not shown to be"
    return {"worth_its_cost": bool(above), "verdict": f"{name} {what} worth its cost on these logs {figures}."}


def _precisions(name: str, ours: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    interval = best["average_precision_difference_interval"]
    between = f", 95 % of the difference {interval[0]:+.4f} to {interval[1]:+.4f}" if interval else ""
    mine, other = ours["average_precision"], best["average_precision"]
    return f"average precision of {name} {mine:.4f}, of {best['detector']}, the best beside it, {other:.4f}{between}"


def _alarms(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    mine, other = ours["at_threshold"], theirs["at_threshold"]
    of = mine["true_positives"] + mine["false_negatives"]
    found = f"{mine['true_positives']:,} and {other['true_positives']:,} of {of:,} failures found"
    return (
        f"{found} at label-free thresholds, {mine['false_positives']:,} and {other['false_positives']:,} false alarms"
    )
