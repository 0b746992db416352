"""The learning curves as a table, ``curves.csv`` in the checkpoint's folder: a row a step, or every so many steps."""

import csv
from collections.abc import Iterable
from pathlib import Path

from training.run import Row

CURVES = "curves.csv"


def write_curves(folder: Path, rows: Iterable[Row]) -> None:
    """Write stage, step, the step's own loss, the running mean and the learning rate."""
    with open(folder / CURVES, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(Row._fields)
        table.writerows((row.stage, row.step, *(f"{value:.6g}" for value in row[2:])) for row in rows)
