"""``python -m bench.chaos``: see the help, which has a small one, too."""

import shutil
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Literal

import click
import orjson
from rich.console import Console

from bench.chaos.plan import Plan
from stream.cli import run as run_command
from stream.commands.options import settings_options
from stream.errors import UserError
from stream.files import read_lines
from stream.output import open_output
from stream.settings import Settings
from stream.simulator import simulate

_LINES_A_BLOCK = 18  # a little less than there are


class Differs(UserError):
    """Something that must hold does not."""


@click.command(
    epilog="""\b
Examples:
  python -m bench.chaos --scorer content --lines 20000 --kills 6 --freezes 1 --broker-kills 1 --joins 2
  python -m bench.chaos --log hdfs.log.gz --workers 2 --partitions 4
  python -m bench.chaos --guarantee at-least-once     # exits with 1: that is what the guarantee is for

Exits with 0 only if nothing differs. Ctrl-C ends all that it started.""",
    context_settings={"max_content_width": 120},
)
@click.option("--lines", default=300_000, show_default=True, type=click.IntRange(1), help="Simulated lines.")
@click.option("--log", type=click.Path(exists=True, dir_okay=False), help="Lines of this file (gzip too) instead.")
@click.option("--kills", default=100, show_default=True, type=click.IntRange(0), help="SIGKILLs of daemons.")
@click.option("--freezes", default=10, show_default=True, type=click.IntRange(0), help="Daemons that stand still.")
@click.option("--broker-kills", default=20, show_default=True, type=click.IntRange(0), help="SIGKILLs of the broker.")
@click.option("--joins", default=20, show_default=True, type=click.IntRange(0), help="Workers that join, and leave.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Workers at the beginning.")
@click.option("--partitions", default=4, show_default=True, type=click.IntRange(1), help="Partitions of the topics.")
@click.option("--seed", default=0, show_default=True, help="Of lines and accidents.")
@click.option("--scorer", default="bert", show_default=True, type=click.Choice(["bert", "content"]))
@click.option("--minutes", default=120.0, show_default=True, help="After so long, no more accidents.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes the outcome to this file, too.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), help="Data and logs, kept  [default: a new one]"
)
@settings_options("guarantee", "commit_interval", "idle_after", "checkpoint", "kafka")
def main(
    settings: Settings,
    lines: int,
    log: str | None,
    kills: int,
    freezes: int,
    broker_kills: int,
    joins: int,
    workers: int,
    partitions: int,
    seed: int,
    scorer: Literal["bert", "content"],
    minutes: float,
    json_file: str | None,
    folder: Path | None,
) -> None:
    """Kill daemons and their broker at random moments while lines come, and compare what is published with what an
    undisturbed daemon publishes.
    """
    from bench.chaos.run import run
    from bench.chaos.show import as_json, show

    plan = Plan(kills, freezes, broker_kills, joins, workers, seed, scorer, minutes)
    sent = list(read_lines([log])) if log else simulated(lines, seed)
    place = folder or Path(tempfile.mkdtemp(prefix="chaos-"))
    outcome = run(plan, settings, partitions, sent, place, _teller())
    show(outcome, Console())
    if json_file:
        with open_output(json_file) as file:
            file.write(orjson.dumps(as_json(outcome), option=orjson.OPT_INDENT_2) + b"\n")
    if not outcome.ok:
        raise Differs(f"what is marked above does not hold; the daemons' logs are in {place / 'logs'}")
    if folder is None:
        shutil.rmtree(place)


def simulated(count: int, seed: int) -> list[bytes]:
    """So many lines of a simulated cluster."""
    return list(islice(simulate(count // _LINES_A_BLOCK + 1, seed=seed).lines(), count))


def _teller() -> Callable[[str], None]:
    """Tells what happens on stderr, with the seconds since the start."""
    console, begun = Console(stderr=True), time.monotonic()

    def tell(what: str) -> None:
        console.print(f"{time.monotonic() - begun:7.1f} s  {what}", highlight=False, markup=False, soft_wrap=True)

    return tell


if __name__ == "__main__":
    run_command(main, "python -m bench.chaos")
