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
        console.print(detection(rows, "windows"), detection(rows, "distinct"), before_the_end(rows, false_alarms))
    for healthy in sorted({row["protocol"] for row in studied}, reverse=True):
        console.print(criteria([row for row in studied if row["protocol"] == healthy], healthy))


def detection(rows: Rows, over: str) -> Table:
    """Figures of closed windows, each counting once (``windows``), or once with all that equal it (``distinct``)."""
    table = _table(f"Closed {'windows' if over == 'windows' else 'distinct windows'}", *_FIGURES, "anomalous", "of")
    for head, group in _groups(rows):
        sums = [sum(row[over][name] for row in group) for name in ("anomalous", "normal")]
        cells = [mean_and_spread([row[over][name] for row in group]) for name in _FIGURES.values()]
        table.add_row(*head, *cells, f"{sums[0]:,}", f"{sum(sums):,}")
    return table


def before_the_end(rows: Rows, false_alarms: float) -> Table:
    """False alarms on healthy windows that are quiet, and how soon failures ring."""
    quiet = [f"{seconds:,} s" for seconds in QUIET_S]
    table = _table(
        f"Before the end: false alarms on healthy prefixes, budget {false_alarms:g}; failures seen after {LOOK_S} s",
        *(f"{each}{what}" for what in (", of prefixes", ", of windows") for each in quiet),
        *("ever", "early", "only closed", "missed", "median s", "p90 s"),
    )
    for head, group in _groups(rows):
        shares = [
            mean_and_spread([row["quiet"][i][name] for row in group])
            for name in ("share", "window_share")
            for i in range(len(QUIET_S))
        ]
        late = [
            mean_and_spread([row["delay"][name] for row in group], digits)
            for name, digits in {"early": 2, "closed_only": 2, "missed": 2, "median_s": 0, "p90_s": 0}.items()
        ]
        table.add_row(*head, *shares, mean_and_spread([row["ever"] for row in group]), *late)
    return table


def criteria(rows: Rows, protocol: str) -> Table:
    """How well criteria without labels pick a detector."""
    table = _table(
        f"Criteria without labels, {protocol}", *("rank correlation", "AP of pick", "regret", "worst", "picks"),
        heads=("folds", "criterion"),
    )  # fmt: skip
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
    """``.9871 ± .0012`` of those that are known."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
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
