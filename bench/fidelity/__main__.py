"""``python -m bench.fidelity``: see the help."""

import os
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from stream.cli import run


@click.command(
    epilog="""\b
Examples:
  python -m bench.fidelity --log hdfs-1pct.log.gz
  python -m bench.fidelity --log my.log --checkpoint my-checkpoint --windows 2000 --json fidelity.json"""
)
@click.option(
    "--log", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="What it was trained on."
)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Folder.  [default: the shipped one]")
@click.option("--normal-only", is_flag=True, help="It was trained on windows that were all known to be healthy.")
@click.option("--windows", default=1000, show_default=True, type=click.IntRange(10), help="Drawn and changed.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes the figures to this file, too.")
def main(log: Path, checkpoint: Path | None, windows: int, seed: int, json_file: str | None, normal_only: bool) -> None:
    """Hold TinyLogBERT against what taught it, on windows of its log that are changed by one step. Reads no labels.

    The log has to be what it was trained on, without the blocks that were left out.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from bench.detection.log import SETTINGS, Given
    from bench.detection.methods import Asked
    from bench.fidelity.measure import measure
    from model.checkpoint import load_checkpoint
    from model.scorer import BertScorer
    from stream.commands.progress import working
    from stream.files import read_lines
    from stream.output import open_output
    from stream.windows.files import looked_at

    scorer = BertScorer(load_checkpoint(checkpoint))
    with working("windowing, fitting the teacher and scoring ..."):
        lines = list(read_lines([str(log)]))
        given = Given(lines, list(looked_at(lines, SETTINGS)))
        rows = measure(given, scorer, Asked(seed, scorer.false_alarms, healthy=normal_only), windows)
    show(rows)
    if json_file:
        with open_output(json_file) as file:
            file.write(orjson.dumps({"fidelity": rows}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    table = Table("windows", "step", box=None, pad_edge=False)
    for name in ("number", "rms distance", "anomalous", "missed of these", "false of the others"):
        table.add_column(name, justify="right")
    for row in rows:
        shares = ("–" if row[key] is None else f"{row[key]:.1%}" for key in ("anomalous", "missed", "false"))
        side = "complete" if row["complete"] else "open"
        table.add_row(side, row["step"], f"{row['windows']:,}", f"{row['rms']:.3f}", *shares)
    Console(highlight=False, width=120).print(table)


if __name__ == "__main__":
    run(main, "python -m bench.fidelity")
