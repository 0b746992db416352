"""Rows of figures as a table: lines and colours on a terminal, aligned text elsewhere, or a JSON object a row."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click
import orjson

if TYPE_CHECKING:
    from rich.table import Table

_COLUMNS = {
    "ROC-AUC": "roc_auc",
    "AP": "average_precision",
    "F1": "f1",
    "precision": "precision",
    "recall": "recall",
    "best F1": "best_f1_oracle",
}
_WIDTH = 200  # where nobody looks at a screen no line is broken


def print_rows(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Print the rows of ``training.contest.Contest`` on stdout."""
    if as_json:
        for row in rows:
            click.echo(orjson.dumps(row))
        return
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    for i, (over, group) in enumerate(groupby(rows, lambda row: str(row["over"]))):
        same = list(group)
        console.print(*([""] if i else []), _title(over, same[0]), sep="\n")
        console.print(_table(same, console.is_terminal))


def _title(over: str, row: dict[str, Any]) -> str:
    what = {"blocks": "blocks", "distinct": "distinct blocks, each bag of lines and label once"}[over]
    return f"{row['anomalous'] + row['normal']:,} {what}; {row['anomalous']:,} anomalous"


def _table(rows: Sequence[dict[str, Any]], lines: bool) -> "Table":
    from rich.box import SIMPLE
    from rich.table import Table

    timed = any(row["windows_per_second"] is not None for row in rows)
    table = Table(box=SIMPLE if lines else None, pad_edge=False)
    table.add_column("detector", no_wrap=True)
    for name in (*_COLUMNS, "false alarms", *(["windows/s"] if timed else [])):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*_cells(row), *([_whole(row["windows_per_second"])] if timed else []))
    return table


def _cells(row: dict[str, Any]) -> list[str]:
    share = row["false_alarm_share"]
    alarms = "–" if share is None else f"{row['false_alarms']:,} ({share:.2%})"
    return [row["detector"], *(_figure(row[name]) for name in _COLUMNS.values()), alarms]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _whole(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"
