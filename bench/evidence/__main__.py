"""``python -m bench.evidence``: see the help."""

from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from bench.evidence.measure import measure
from stream.cli import run
from stream.commands.progress import counting
from stream.output import open_output
from stream.simulator import simulate

GOAL = 0.9


@click.command(
    epilog="""\b
Examples:
  python -m bench.evidence
  python -m bench.evidence --checkpoint my-checkpoint --blocks 2000 --json evidence.json"""
)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Folder.  [default: the shipped one]")
@click.option("--blocks", default=6000, show_default=True, type=click.IntRange(1), help="Simulated blocks.")
@click.option("--rate", default=0.1, show_default=True, type=click.FloatRange(0, 1), help="Share of them that fails.")
@click.option("--seed", default=11, show_default=True, type=click.IntRange(0))
@click.option("--memo/--no-memo", default=False, show_default=True, help="Whether scores are remembered by content.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes the figures to this file, too.")
def main(checkpoint: Path | None, blocks: int, rate: float, seed: int, memo: bool, json_file: str | None) -> None:
    """Score simulated failures, and count how often the line at fault, or the line that is missing, is named."""
    from bench.evidence.watched import WatchedScorer
    from model.checkpoint import load_checkpoint

    scorer = WatchedScorer(load_checkpoint(checkpoint), memo)
    with counting("windows are judged") as told:
        figures = measure(simulate(blocks, rate, seed), scorer, told)
    show(figures)
    if json_file:
        with open_output(json_file) as file:
            file.write(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def show(figures: dict[str, Any]) -> None:
    """Print the table, and below it what explaining cost."""
    table = Table("failure", box=None, pad_edge=False)
    for name in ("blocks", "detected", "top 1", "top 2", "top 3"):
        table.add_column(name, justify="right")
    for name, row in {**figures["failures"], "all": figures["all"]}.items():
        shares = ("–" if row[key] is None else f"{row[key]:.1%}" for key in ("top_1", "top_2", "top_3"))
        table.add_row(name, str(row["blocks"]), str(row["detected"]), *shares)
    console = Console(highlight=False, width=120)
    console.print(table)
    console.print(f"goal: {GOAL:.0%} of detected blocks in the top 3; checkpoint {figures['checkpoint']}")
    console.print(
        f"{figures['windows']:,} windows, {figures['anomalous_windows']:,} anomalous, {figures['explained']:,}"
        f" explained (must be equal); {figures['false_alarms']} healthy blocks were called anomalous"
    )
    if cost := figures["cost"]:
        told = {name: f"{value['median']:.4g} (at most {value['most']:.4g})" for name, value in cost.items()}
        console.print(
            f"an explanation: {told['windows']} forward passes in {told['batches']} batches, {told['seconds']} s"
        )


if __name__ == "__main__":
    run(main, "python -m bench.evidence")
