"""What exactly-once costs: one worker's throughput with transactions against at-least-once, in one run, interleaved.

The scorer is by content, so that the stream is all that is measured: with a model behind it, the difference is smaller.
"""

import io
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, get_args

import click
import orjson
from rich.console import Console
from rich.table import Table

from bench.content_daemon import ContentScorer
from stream.broker import EmbeddedBroker
from stream.cli import run as run_command
from stream.files import read_lines
from stream.kafka.clients import new_admin, new_producer
from stream.kafka.topics import create_topics
from stream.kafka.worker import Worker
from stream.lines import LineReader, block_ids
from stream.logs import new_log
from stream.output import open_output
from stream.settings import Settings, load_settings
from stream.simulator import simulate

GOAL = 0.85
_LINES_A_BLOCK = 18
_GUARANTEES: tuple[str, ...] = get_args(Settings.model_fields["guarantee"].annotation)


@click.command(epilog="\b\nExample:\n  python -m bench.guarantee --lines 100000 --runs 3")
@click.option("--lines", default=200_000, show_default=True, type=click.IntRange(1), help="Simulated lines.")
@click.option("--log", type=click.Path(exists=True, dir_okay=False), help="Lines of this file (gzip too) instead.")
@click.option("--runs", default=3, show_default=True, type=click.IntRange(1), help="Runs of each guarantee.")
@click.option("--partitions", default=4, show_default=True, type=click.IntRange(1))
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes the figures to this file, too.")
def main(lines: int, log: str | None, runs: int, partitions: int, json_file: str | None) -> None:
    """Measure one worker, both stages, with each guarantee in turn, and print lines/s and their ratio."""
    sent = list(read_lines([log])) if log else simulated(lines)
    rates: dict[str, list[float]] = {guarantee: [] for guarantee in _GUARANTEES}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        broker = EmbeddedBroker(Path(folder), port=0, die_with_parent=True)
        try:
            base = load_settings(bootstrap_servers=broker.start(), partitions=partitions)
            send(base, sent)
            for number in range(runs):
                for guarantee in _GUARANTEES:
                    rate = throughput(settings_of(base, guarantee, number), sent)
                    rates[guarantee].append(rate)
                    click.echo(f"run {number + 1}, {guarantee}: {rate:,.0f} lines/s", err=True)
        finally:
            broker.stop()
    show(rates)
    if json_file:
        with open_output(json_file) as file:
            file.write(orjson.dumps({"lines": len(sent), "lines_per_s": rates, "ratio": ratio(rates)}) + b"\n")


def simulated(count: int) -> list[bytes]:
    """So many lines of a simulated cluster."""
    return list(islice(simulate(count // _LINES_A_BLOCK + 1, seed=1).lines(), count))


def send(settings: Settings, lines: list[bytes]) -> None:
    """Write the lines to the raw topic of all runs."""
    create_topics(new_admin(settings), settings)
    producer = new_producer(settings)
    for raw in lines:
        while True:
            try:
                producer.produce(settings.raw_topic, raw)
                break
            except BufferError:
                producer.poll(0.1)
    producer.flush()


def settings_of(base: Settings, guarantee: str, number: int) -> Settings:
    """A group and output topics of one run's own."""
    name = f"{guarantee}-{number}"
    topics: dict[str, Any] = {
        f: f"{name}-{f}" for f in type(base).model_fields if f.endswith("_topic") and f != "raw_topic"
    }
    given: dict[str, Any] = {
        "bootstrap_servers": base.bootstrap_servers,
        "partitions": base.partitions,
        "group_id": name,
    }
    settings = load_settings(**given, **topics, guarantee=guarantee)
    create_topics(new_admin(settings), settings)
    return settings


def throughput(settings: Settings, lines: list[bytes]) -> float:
    """Raw lines a second, from the assignment of the partitions to the commit of the last window's state."""
    routed = sum(len(block_ids(raw)) for raw in lines)
    worker = Worker(settings, ContentScorer(), LineReader(), new_log(io.StringIO()))
    begun = 0.0

    def stop() -> bool:
        nonlocal begun
        if not begun and worker.holds:
            begun = time.perf_counter()
        return worker.score is not None and worker.score.lines >= routed

    worker.run(_watched(stop))
    return len(lines) / (time.perf_counter() - begun)


def _watched(stop: Callable[[], bool], seconds: float = 600.0) -> Callable[[], bool]:
    deadline = time.monotonic() + seconds

    def stop_or_late() -> bool:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not all lines were scored within {seconds:.0f} s")
        return stop()

    return stop_or_late


def ratio(rates: dict[str, list[float]]) -> float:
    """Exactly-once over at-least-once, of the medians."""
    return statistics.median(rates["exactly-once"]) / statistics.median(rates["at-least-once"])


def show(rates: dict[str, list[float]]) -> None:
    """Print medians, spread and ratio."""
    table = Table("guarantee", "lines/s, median", "least", "greatest", box=None, pad_edge=False)
    for guarantee, found in rates.items():
        table.add_row(guarantee, *(f"{x:,.0f}" for x in (statistics.median(found), min(found), max(found))))
    console = Console()
    console.print(table)
    console.print(f"exactly-once / at-least-once: {ratio(rates):.3f} (goal: at least {GOAL})", highlight=False)


if __name__ == "__main__":
    run_command(main, "python -m bench.guarantee")
