"""``tinylogbert simulate``: HDFS lines of a cluster that does not exist, and the labels of its blocks."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from stream.simulator.simulation import BlockLabel, Simulation

_QUIET_SECONDS = 2.0


def _list_failures(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted:
        return
    from stream.simulator import FAILURES

    width = max(map(len, FAILURES))
    for name, failure in FAILURES.items():
        click.echo(f"{name:{width}}  {failure.description}")
    context.exit()


@click.command(
    "simulate",
    epilog="""\b
Examples:
  tinylogbert simulate --blocks 2000 --seed 7 --out hdfs.log --labels labels.csv
  tinylogbert simulate --blocks 100000 --out - | head
  tinylogbert simulate --blocks 500 --hours 1 --failure lost_write --out hdfs.log.gz""",
)
@click.option("--blocks", type=click.IntRange(min=1), required=True, help="Blocks to write, about 19 lines each.")
@click.option("--anomaly-rate", type=click.FloatRange(0, 1), default=0.03, show_default=True, help="Share that fails.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed, the same bytes.")
@click.option("--out", metavar="FILE", required=True, help="Lines; - is stdout, what ends in .gz is compressed.")
@click.option("--labels", metavar="FILE", help="CSV with BlockId,Label,Failure for every block.")
@click.option("--failure", "failures", multiple=True, metavar="NAME", help="Only this failure; repeatable.")
@click.option("--hours", type=float, help="Length of one cycle of jobs; fewer hours compress it.  [default: 38.6]")
@click.option("--nodes", type=int, default=203, show_default=True, help="Data nodes of the cluster.")
@click.option(
    "--list-failures", is_flag=True, is_eager=True, expose_value=False, callback=_list_failures, help="Name them all."
)
def simulate_command(
    blocks: int,
    anomaly_rate: float,
    seed: int,
    out: str,
    labels: str | None,
    failures: tuple[str, ...],
    hours: float | None,
    nodes: int,
) -> None:
    """Write the log of a simulated HDFS cluster, in order of time, with failures in a share of its blocks."""
    from stream.simulator import simulate

    simulation = simulate(blocks, anomaly_rate, seed, failures, hours=hours, nodes=nodes)
    began = time.monotonic()
    try:
        lines, anomalous = _write(simulation, out, labels)
    except BrokenPipeError:  # ``| head`` has seen enough; what is buffered has nowhere to go
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    seconds = time.monotonic() - began
    click.echo(
        f"{lines:,} lines, {blocks:,} blocks, {anomalous:,} anomalous, {seconds:.1f} s, {lines / seconds:,.0f} lines/s",
        err=True,
    )


def _write(simulation: "Simulation", out: str, labels: str | None) -> tuple[int, int]:
    """Write both files; return how many lines, and how many anomalous blocks."""
    from stream.output import open_output

    lines = anomalous = 0
    with ExitStack() as files:
        line_file = files.enter_context(open_output(out))
        label_file = files.enter_context(open_output(labels)) if labels else None
        if label_file:
            label_file.write(b"BlockId,Label,Failure\n")
        progress = files.enter_context(_LateProgress(simulation.blocks))
        for chunk in simulation.chunks():
            line_file.write(b"\n".join((*chunk.lines, b"")))
            lines += len(chunk.lines)
            anomalous += sum(label.anomalous for label in chunk.labels)
            if label_file:
                label_file.write("".join(_rows(chunk.labels)).encode())
            progress.advance(len(chunk.labels))
    return lines, anomalous


def _rows(labels: "list[BlockLabel]") -> Iterator[str]:
    for label in labels:
        yield f"{label.block_id},{'Anomaly' if label.anomalous else 'Normal'},{label.failure or ''}\n"


class _LateProgress:
    """A bar of blocks on stderr, once it takes longer than a moment."""

    def __init__(self, total: int) -> None:
        console = Console(stderr=True)
        self._bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        self._task = self._bar.add_task("simulating blocks", total=total)
        self._shown_from = time.monotonic() + _QUIET_SECONDS

    def __enter__(self) -> "_LateProgress":
        return self

    def advance(self, blocks: int) -> None:
        """Say that so many blocks more have begun."""
        if time.monotonic() > self._shown_from:
            self._bar.start()
        self._bar.advance(self._task, blocks)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
