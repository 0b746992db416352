"""``python -m bench.speed``: see the help."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson
import psutil
from rich.console import Console

from bench.speed.contestants import CONTESTANTS, Place
from bench.speed.figures import Compared, Figure, compared
from bench.speed.log import stream_lines
from bench.speed.packages import QUIX, Missing, installed
from bench.speed.run import Limits, Run
from bench.speed.show import table
from stream.broker import EmbeddedBroker
from stream.cli import run
from stream.commands.progress import working
from stream.output import open_output
from stream.settings import load_settings

LATENCY, MODEL = "latency", "model"
NAMES = [*CONTESTANTS, LATENCY, MODEL]
_WARM_UP = 0.1
_MODEL_S = 5.0


@dataclass(frozen=True)
class Asked:
    """What is to be measured, how often, on which lines."""

    names: list[str]
    rounds: int
    lines: int
    seconds: float
    commit_s: float
    log: Path | None
    profiles: Path | None


@click.command(
    epilog="""\b
Examples:
  python -m bench.speed
  python -m bench.speed --only noop,keyed --rounds 5 --json speed.json
  python -m bench.speed --log hdfs.log.gz --training

All contestants read one topic that is full before they start, of the same lines keyed by block, and share this machine
with its broker. A line counts as moved when its offset is committed, at the last stage where there are two, so its
output is, too. The rate is that between two commits: the first one behind a tenth of the lines, by when all workers
take part, and the last one, of all lines or, at one stage, after --seconds. Two workers want more lines than one does:
--lines 5000000, say. Rounds are interleaved. Ctrl-C ends the broker and whoever runs.""",
    context_settings={"max_content_width": 120},
)
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Runs of each contestant.")
@click.option("--lines", default=1_000_000, show_default=True, type=click.IntRange(100), help="Lines in the topic.")
@click.option(
    "--seconds", default=15.0, show_default=True, type=click.FloatRange(0.1), help="After which one stage is stopped."
)
@click.option(
    "--commit-s",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.001),
    help="Seconds between commits of the no-op loop: few lines need them often, for time counts between two.",
)
@click.option("--log", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Lines of this HDFS log.")
@click.option(
    "--only", "names", metavar="NAME,…", callback=lambda *given: _chosen(given[-1]), help=f"{', '.join(NAMES)}."
)
@click.option("--training", is_flag=True, help="A training of 100,000 lines, too; some minutes.")
@click.option(
    "--profile",
    "profiles",
    type=click.Path(file_okay=False, path_type=Path),
    help="Our daemons run under cProfile and leave a file each in this folder; they are slower then.",
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes the figures to this file, too.")
def main(training: bool, json_file: str | None, **asked: Any) -> None:
    """Measure what a line costs us and what a user would pick instead, and print one table."""
    console = Console(stderr=True, highlight=False)
    found: list[Figure] = []
    try:
        _measure(Asked(**asked), training, console.print, found)
    finally:  # what is interrupted has measured something, too
        if found:
            _show(compared(found), asked, json_file)


def _chosen(text: str | None) -> list[str]:
    names = text.split(",") if text else NAMES
    if unknown := [name for name in names if name not in NAMES]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(NAMES)}")
    return names


def _show(found: list[Compared], asked: dict[str, Any], json_file: str | None) -> None:
    machine = {key: asked[key] for key in ("rounds", "lines")} | {"cores": psutil.cpu_count()}
    title = f"{asked['lines']:,} lines, {asked['rounds']} rounds, {psutil.cpu_count()} cores"
    Console(width=120, highlight=False).print(table(found, title))
    if json_file:
        _write({**machine, "figures": [row.plain() for row in found]}, json_file)


def _measure(asked: Asked, training: bool, say: Callable[[str], None], found: list[Figure]) -> None:
    """Add figures to ``found``, as they come."""
    from bench.speed.rows import model, trained

    if asked.profiles:
        asked.profiles.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tinylogbert-speed-") as folder:
        if set(asked.names) - {MODEL}:
            _on_a_broker(asked, Path(folder), say, found)
        if MODEL in asked.names:
            with working("the model alone is measured"):
                found += model(asked.log, _MODEL_S, asked.rounds)
        if training:
            found += trained(asked.log, Path(folder))


def _on_a_broker(asked: Asked, folder: Path, say: Callable[[str], None], found: list[Figure]) -> None:
    from bench.speed.moving import figures, measure, preload
    from bench.speed.rows import latencies

    names, quix = _with_quix([name for name in asked.names if name in CONTESTANTS], say)
    broker = EmbeddedBroker(folder / "broker", port=0, die_with_parent=True)
    try:
        base = load_settings(bootstrap_servers=broker.start(say), raw_topic="input", keyed_input=True)
        if names:
            preload(base, stream_lines(asked.lines, asked.log), asked.lines)
            limits = Limits(int(asked.lines * _WARM_UP), asked.seconds)
            place = Place(base, "", asked.lines, folder, quix, asked.profiles, asked.commit_s)
            runs: dict[str, list[Run]] = {name: [] for name in names}
            try:
                measure(place, asked.rounds, limits, psutil.Process(broker.status().pid), say, runs)
            finally:
                found += figures({name: those for name, those in runs.items() if those})
        if LATENCY in asked.names:
            found += latencies(base.bootstrap_servers, folder, asked.log, asked.rounds, say)
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


def _write(plain: dict[str, Any], json_file: str) -> None:
    with open_output(json_file) as file:
        file.write(orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    run(main, "python -m bench.speed")
