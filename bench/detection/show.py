"""The figures as tables: mean and spread (standard deviation) over folds and seeds."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from bench.detection.prefixes import LOOK_S, QUIET_S

Rows = Sequence[dict[str, Any]]
_FIGURES = {
    "ROC-AUC": "roc_auc",
    "AP": "average_precision",
    "F1": "f1",
    "best F1": "best_f1",
    "false alarms": "false_alarms",
}
_WIDTH = 200  # where nobody looks at a screen no line is broken


def show(rows: Rows, studied: Rows, false_alarms: float) -> None:
    """Print the tables of ``bench.detection.run.measure`` and ``bench.detection.study.study`` on stdout."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    if rows:
        console.print(*(detection(rows, over, false_alarms) for over in ("windows", "distinct")))
        console.print(while_quiet(rows, false_alarms), how_soon(rows))
    for healthy in sorted({row["protocol"] for row in studied}, reverse=True):
        console.print(criteria([row for row in studied if row["protocol"] == healthy], healthy))


def detection(rows: Rows, over: str, false_alarms: float) -> Table:
    """Figures of closed windows, each counting once (``windows``), or once with all that equal it (``distinct``)."""
    what = {"windows": "windows", "distinct": "distinct windows"}[over]
    table = _table(f"Closed {what}; the budget of false alarms is {false_alarms:g}", *_FIGURES, "anomalous", "of")
    for head, group in _groups(rows):
        sums = [sum(row[over][name] for row in group) for name in ("anomalous", "normal")]
        cells = [mean_and_spread([row[over][name] for row in group]) for name in _FIGURES.values()]
        table.add_row(*head, *cells, f"{sums[0]:,}", f"{sum(sums):,}")
    return table


def while_quiet(rows: Rows, false_alarms: float) -> Table:
    """False alarms on healthy windows that are quiet, of all prefixes and of all windows that have such a prefix;
    ``ever`` is the share that rings at any look or when it is closed, which is what the budget is of.
    """
    heads = [f"{seconds:,} s, {of}" for of in ("prefixes", "windows") for seconds in QUIET_S]
    table = _table(f"False alarms on what is quiet and healthy; the budget is {false_alarms:g}", *heads, "ever")
    for head, group in _groups(rows):
        shares = [
            mean_and_spread([row["quiet"][i][name] for row in group])
            for name in ("share", "window_share")
            for i in range(len(QUIET_S))
        ]
        table.add_row(*head, *shares, mean_and_spread([row["ever"] for row in group]))
    return table


def how_soon(rows: Rows) -> Table:
    """Which failed windows ring before they are closed, and how long after the fault (the first line, if nobody knows
    when that was) the first of these alarms comes.
    """
    columns = {"early": 2, "closed_only": 2, "missed": 2, "median_s": 0, "p90_s": 0}
    table = _table(
        f"Failures, looked at after {LOOK_S} s of quiet: share that rings, delay in s",
        *("early", "only closed", "never", "median", "p90"),
    )
    for head, group in _groups(rows):
        table.add_row(
            *head, *(mean_and_spread([row["delay"][name] for row in group], d) for name, d in columns.items())
        )
    return table


def criteria(rows: Rows, protocol: str) -> Table:
    """How well criteria without labels pick a detector."""
    table = _table(
        f"Criteria without labels, {protocol}", *("rank correlation", "AP of pick", "regret", "worst"),
        heads=("folds", "criterion"),
    )  # fmt: skip
    table.add_column("picks")
    for kind in [*dict.fromkeys(row["kind"] for row in rows), "all"]:
        chosen = [row for row in rows if kind in (row["kind"], "all")]
        for name in dict.fromkeys(row["criterion"] for row in chosen):
            group = [row for row in chosen if row["criterion"] == name]
            picks = Counter(row["pick"] for row in group if row["pick"]).most_common(3)
            cells = [mean_and_spread([row[key] for row in group], 2) for key in ("correlation", "precision", "regret")]
            worst = f"{max(row['regret'] for row in group):.2f}"
            table.add_row(kind, name, *cells, worst, ", ".join(f"{pick} ×{number}" for pick, number in picks))
        table.add_section()
    return table


def mean_and_spread(values: Sequence[float | None], digits: int = 4) -> str:
    """``0.9871 ± 0.0012`` of those that are known; no spread of one alone."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    if len(known) == 1:
        return f"{known[0]:.{digits}f}"
    return f"{np.mean(known):.{digits}f} ± {np.std(known):.{digits}f}"


def _table(title: str, *columns: str, heads: Sequence[str] = ("protocol", "folds", "method")) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False)
    for name in heads:
        table.add_column(name, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right")
    return table


def _groups(rows: Rows) -> Iterator[tuple[tuple[str, str, str], Rows]]:
    key: Callable[[dict[str, Any]], tuple[str, str, str]] = lambda row: (row["protocol"], row["kind"], row["method"])  # noqa: E731
    for head in dict.fromkeys(map(key, rows)):
        group = [row for row in rows if key(row) == head]
        yield (head[0], f"{head[1]} ×{len(group)}", head[2]), group
