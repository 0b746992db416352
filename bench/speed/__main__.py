"""``python -m bench.speed``: see the help."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import orjson
import psutil
from rich.console import Console

from bench.speed.contestants import CONTESTANTS, Place
from bench.speed.figures import Compared, Figure, compared
from bench.speed.log import stream_lines
from bench.speed.moving import measure, preload
from bench.speed.packages import QUIX, Missing, installed
from bench.speed.run import Limits
from bench.speed.show import table
from stream.broker import EmbeddedBroker
from stream.cli import run
from stream.output import open_output
from stream.settings import load_settings

_WARM_UP = 0.1


@click.command(
    epilog="""\b
Examples:
  python -m bench.speed
  python -m bench.speed --only noop,keyed --rounds 5 --json speed.json
  python -m bench.speed --log hdfs.log.gz --training

A line counts as moved when its offset is committed, at the last stage where there are two, so its output is, too. All
contestants read one topic that is full before they start, of the same lines keyed by block, and share this machine with
its broker. The rate is that between the first commit behind a tenth of the lines, and the last one: of all lines, or
after --seconds. Rounds are interleaved. Ctrl-C ends the broker and whoever runs.""",
    context_settings={"max_content_width": 120},
)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Runs of each contestant.")
@click.option("--lines", default=1_500_000, show_default=True, type=click.IntRange(100), help="Lines in the topic.")
@click.option("--seconds", default=10.0, show_default=True, help="After which a run ends that is not done.")
@click.option("--log", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Lines of this HDFS log.")
@click.option("--only", metavar="NAME,…", help=f"Of {', '.join(CONTESTANTS)}.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes the figures to this file, too.")
def main(rounds: int, lines: int, seconds: float, log: Path | None, only: str | None, json_file: str | None) -> None:
    """Measure what a line costs us and what a user would pick instead, and print one table."""
    console = Console(stderr=True, highlight=False)
    found = compared(_moving(_chosen(only), rounds, lines, seconds, log, console.print))
    Console(width=120).print(table(found, f"{lines:,} lines, {rounds} rounds, {psutil.cpu_count()} cores"))
    _write(found, {"lines": lines, "rounds": rounds, "cores": psutil.cpu_count()}, json_file)


def _chosen(only: str | None) -> list[str]:
    names = only.split(",") if only else list(CONTESTANTS)
    if unknown := [name for name in names if name not in CONTESTANTS]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(CONTESTANTS)}", param_hint="--only")
    return names


def _moving(
    names: list[str], rounds: int, lines: int, seconds: float, log: Path | None, say: Callable[[str], None]
) -> list[Figure]:
    names, quix = _with_quix(names, say)
    with tempfile.TemporaryDirectory(prefix="tinylogbert-speed-") as folder:
        broker = EmbeddedBroker(Path(folder) / "broker", port=0, die_with_parent=True)
        try:
            base = load_settings(bootstrap_servers=broker.start(say), raw_topic="input", keyed_input=True)
            preload(base, stream_lines(lines, log), lines)
            limits = Limits(int(lines * _WARM_UP), seconds)
            place = Place(base, "", lines, Path(folder), quix)
            return measure(place, names, rounds, limits, psutil.Process(broker.status().pid), say)
        finally:
            broker.stop()


def _with_quix(names: list[str], say: Callable[[str], None]) -> tuple[list[str], Path | None]:
    """Without quixstreams where it cannot be had."""
    if "quixstreams" not in names:
        return names, None
    try:
        return names, installed(QUIX)
    except Missing as missing:
        say(f"left out: {missing}")
        return [name for name in names if name != "quixstreams"], None


def _write(found: Sequence[Compared], what: dict[str, Any], json_file: str | None) -> None:
    if json_file:
        plain = {**what, "figures": [row.plain() for row in found]}
        with open_output(json_file) as file:
            file.write(orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    run(main, "python -m bench.speed")
