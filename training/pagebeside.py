"""The part of the report's page that holds a scorer against simple detectors: the sentence, the table, the cost."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from training.page import interval, number, wide

_COLUMNS = (
    *("ROC-AUC", "average precision", "difference", "p (ROC-AUC)"),
    *("F1 at its threshold", "found", "false alarms", "best F1 (oracle's)"),
)


def beside_section(name: str, figures: Mapping[str, Any], costs: Mapping[str, float]) -> str:
    """HTML; empty where nothing stands beside the scorer. ``costs``: seconds for 1,000 windows, by name."""
    beside = figures.get("baselines")
    if not beside:
        return ""
    columns = (*_COLUMNS, *(["s for 1,000 windows"] if costs else []))
    rows = [f"<tr><th></th>{''.join(f'<th class=n>{column}</th>' for column in columns)}</tr>"]
    for called, found in ((name, figures), *((row["detector"], row) for row in beside["detectors"])):
        cells = "".join(f"<td class=n>{cell}</td>" for cell in _cells(found))
        cost = f"<td class='n cost'>{costs[called]:.3f}</td>" if costs else ""
        rows.append(f"<tr><td>{escape(called)}</td>{cells}{cost}</tr>")
    verdict = f"<p class=verdict>{escape(beside['verdict'])}</p>"
    return f"{verdict}{_cost(name, beside['detectors'], costs)}{wide(rows)}{_note(costs)}"


def _cost(name: str, rows: Sequence[Mapping[str, Any]], costs: Mapping[str, float]) -> str:
    """What the scorer and the best detector beside it cost, as a sentence; empty where it was not measured."""
    ranked = [row for row in rows if row["average_precision"] is not None]
    if not costs or not ranked:
        return ""
    best = max(ranked, key=lambda row: float(row["average_precision"]))["detector"]
    took = f"{costs[name]:.3f} s, {escape(best)} {costs[best]:.3f} s"
    return f"<p class=cost>To score 1,000 distinct windows {escape(name)} took {took}.</p>"


def _cells(found: Mapping[str, Any]) -> list[str]:
    at = found["at_threshold"]
    return [
        number(found["roc_auc"]) + interval(found["roc_auc_interval"]),
        number(found["average_precision"]) + interval(found["average_precision_interval"]),
        _difference(found),
        _p_value(found["roc_auc_difference_p_value"]) if "roc_auc_difference_p_value" in found else "",
        number(at["f1"]),
        f"{at['true_positives']:,}",
        f"{at['false_positives']:,}",
        number(found["best_f1_oracle"]["f1"]),
    ]


def _note(costs: Mapping[str, float]) -> str:
    measured = (
        " Seconds are those of scoring 1,000 distinct windows anew, on the machine that wrote this page, and the one "
        "thing here that differs between two runs."
        if costs
        else ""
    )
    return (
        "<p>All judged the same windows, and none has seen a label. The difference is average precision of the first "
        "less that of the other, with an interval by a paired bootstrap over blocks; p, of equal ROC-AUC, is DeLong's, "
        f"paired.{measured}</p>"
    )


def _p_value(value: float | None) -> str:
    return "&lt;&nbsp;0.0001" if value is not None and value < 1e-4 else number(value)


def _difference(found: Mapping[str, Any]) -> str:
    value = found.get("average_precision_difference")
    return "" if value is None else f"{value:+.4f}" + interval(found["average_precision_difference_interval"], "+")
