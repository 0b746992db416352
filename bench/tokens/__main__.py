"""``python -m bench.tokens``: see the help."""

import os
import subprocess
import sys
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from stream.cli import run
from stream.commands.progress import counting, working
from stream.errors import InputError
from stream.files import read_lines
from stream.labels import read_labels
from stream.output import open_output
from stream.simulator import simulate

_LOG = click.option("--log", type=click.Path(exists=True, dir_okay=False), help="Lines.  [default: simulated]")
_RATES = ("windows_per_s", "windows_per_cpu_s")
_JSON = click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes the figures, too.")
_SIMULATED = click.option("--blocks", default=2500, show_default=True, type=click.IntRange(1), help="If simulated.")


@click.group(
    epilog="""\b
Examples:
  python -m bench.tokens speed --log hdfs.log.gz
  python -m bench.tokens accuracy --log hdfs.log.gz --labels labels.csv --seconds 180"""
)
def main() -> None:
    """One token for a line with its count, against plain WordPiece over the lines in order."""


@main.command(epilog="\b\nExample:\n  python -m bench.tokens speed --log hdfs.log.gz")
@_LOG
@_SIMULATED
@click.option("--windows", default=2000, show_default=True, type=click.IntRange(1), help="Closed windows.")
@click.option("--seconds", default=10.0, show_default=True, help="Of each measurement.")
@click.option("--threads", default="1,2", show_default=True, help="Numbers of threads, each in a process of its own.")
@_JSON
def speed(log: str | None, blocks: int, windows: int, seconds: float, threads: str, json_file: str | None) -> None:
    """Windows/s and tokens a window, with random weights and without a memo: every window is computed."""
    if not all(number.isdecimal() and int(number) for number in threads.split(",")):
        raise click.BadParameter("give whole numbers from 1 with commas between", param_hint="--threads")
    with working("speed is measured"):
        found = {number: _in_a_process(int(number), log, blocks, windows, seconds) for number in threads.split(",")}
    show_speed(found)
    _write(found, json_file)


@main.command(epilog="\b\nExample:\n  python -m bench.tokens accuracy --log hdfs.log.gz --labels labels.csv")
@_LOG
@_SIMULATED
@click.option("--labels", metavar="CSV", help="Of the log's blocks; a simulated one has its own.")
@click.option("--seconds", default=180.0, show_default=True, help="Of the processor, to train each.")
@click.option("--batch", default=64, show_default=True, type=click.IntRange(2), help="Windows of a step.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of teacher and samples.")
@_JSON
def accuracy(
    log: str | None, blocks: int, labels: str | None, seconds: float, batch: int, seed: int, json_file: str | None
) -> None:
    """Teach both for the same time on the first 60 % of the lines, and judge them on the blocks that begin later."""
    from bench.tokens.accuracy import measure, split

    if log and not labels:
        raise click.UsageError("--log needs --labels")
    if log and labels:
        given = split(list(read_lines([log])), read_labels(labels))
    else:
        simulated = simulate(blocks, seed=seed)
        given = split(list(simulated.lines()), {label.block_id: label.anomalous for label in simulated.labels()})
    if not given.earlier or len(set(given.labels)) < 2:
        raise InputError(
            "the log is too short: later blocks have to be normal and anomalous, and there must be earlier"
        )
    with counting("steps of training") as told:
        found = measure(given, seconds, batch, seed, told)
    show_accuracy(found)
    _write(found, json_file)


def _in_a_process(threads: int, log: str | None, blocks: int, windows: int, seconds: float) -> dict[str, Any]:
    """Torch takes its threads from the environment when it is loaded."""
    code = "import sys, orjson; from bench.tokens.__main__ import measured; measured(*orjson.loads(sys.argv[1]))"
    given = orjson.dumps([log, blocks, windows, seconds]).decode()
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run([sys.executable, "-c", code, given], env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


def measured(log: str | None, blocks: int, windows: int, seconds: float) -> None:
    """Measure in this process and print JSON."""
    from bench.tokens.speed import measure

    lines = read_lines([log]) if log else simulate(blocks, seed=0).lines()
    sys.stdout.buffer.write(orjson.dumps(measure(lines, windows, seconds)))


def show_speed(found: dict[str, dict[str, Any]]) -> None:
    """Print tokens and windows/s, and the ratio."""
    table = Table("encoding", box=None, pad_edge=False)
    for name in (
        "tokens a window: mean",
        "p50",
        "p99",
        "cut",
        *(f"windows/s ({n} thr.)" for n in found),
        *(f"a CPU s ({n} thr.)" for n in found),
    ):
        table.add_column(name, justify="right")
    first = next(iter(found.values()))
    for name, each in first.items():
        tokens = (f"{each['tokens'][key]:,.1f}" for key in ("mean", "p50", "p99"))
        rates = (f"{several[name][key]:,.0f}" for key in _RATES for several in found.values())
        table.add_row(name, *tokens, f"{each.get('cut_share', 0):.1%}", *rates)
    for other in ("plain", "usual"):
        ratios = (f"{each['ours'][key] / each[other][key]:.1f} ×" for key in _RATES for each in found.values())
        table.add_row(f"ours / {other}", "", "", "", "", *ratios)
    Console(highlight=False, width=120).print(table)


def show_accuracy(found: dict[str, dict[str, Any]]) -> None:
    """Print one row each for the teacher and its two pupils."""
    table = Table("encoding", "steps", "ROC-AUC", "AP", "best F1 (oracle)", box=None, pad_edge=False)
    for name, each in found.items():
        figures = (f"{each[key]:.4f}" for key in ("roc_auc", "average_precision", "best_f1"))
        table.add_row(name, str(each.get("steps", "–")), *figures)
    Console(highlight=False, width=120).print(table)


def _write(found: dict[str, Any], json_file: str | None) -> None:
    if json_file:
        with open_output(json_file) as file:
            file.write(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    run(main, "python -m bench.tokens")
