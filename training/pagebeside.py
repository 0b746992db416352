"""The part of the report's page that holds a scorer against simple detectors: the sentence, the table, the cost."""

from collections.abc import Mapping
from html import escape
from typing import Any

from training.page import number, wide

_COLUMNS = (
    *("ROC-AUC", "95 %", "average precision", "95 %", "difference", "95 %", "p of equal ROC-AUC"),
    *("F1 at its threshold", "found", "false alarms", "best F1 (an oracle's)"),
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
    return f"<h2>Beside simple detectors</h2>{verdict}{wide(rows)}{_note(costs)}"


def _cells(found: Mapping[str, Any]) -> list[str]:
    at = found["at_threshold"]
    return [
        number(found["roc_auc"]),
        _interval(found["roc_auc_interval"]),
        number(found["average_precision"]),
        _interval(found["average_precision_interval"]),
        _signed(found.get("average_precision_difference")),
        _interval(found.get("average_precision_difference_interval"), "+"),
        number(found["roc_auc_difference_p_value"]) if "roc_auc_difference_p_value" in found else "",
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
        f"less that of the other, with a paired bootstrap over blocks; p is DeLong's, paired.{measured}</p>"
    )


def _interval(found: list[float] | None, sign: str = "") -> str:
    return f"{found[0]:{sign}.4f} – {found[1]:{sign}.4f}" if found else ""


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.4f}"
