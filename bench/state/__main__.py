"""``python -m bench.state``: see the help."""

import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console

from bench.state.fill import fill
from bench.state.show import figures, table
from bench.state.working import send
from stream.broker import EmbeddedBroker
from stream.cli import run
from stream.commands.progress import counting
from stream.errors import BrokerError
from stream.kafka.clients import new_admin
from stream.kafka.topics import create_topics
from stream.output import open_output
from stream.settings import load_settings


@click.command(
    epilog="""\b
Examples:
  python -m bench.state
  python -m bench.state --windows 20000 --partitions 4 --json state.json

Needs about 4 GiB of memory and of disk for a million windows, and some minutes. Ctrl-C ends its broker.""",
    context_settings={"max_content_width": 120},
)
@click.option("--windows", default=1_000_000, show_default=True, type=click.IntRange(100), help="Open windows.")
@click.option("--lines", default=19, show_default=True, type=click.IntRange(1), help="Lines of each.")
@click.option("--partitions", default=1, show_default=True, type=click.IntRange(1), help="Partitions they lie in.")
@click.option("--more", default=300_000, show_default=True, type=click.IntRange(3), help="Lines that are timed.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes the figures to this file, too.")
def main(windows: int, lines: int, partitions: int, more: int, json_file: str | None) -> None:
    """Fill changelogs with open windows (a hundredth, a tenth and all of them), restore each in a fresh process, and
    time what more lines cost then.
    """
    console = Console(stderr=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="tinylogbert-state-") as folder:
        broker = EmbeddedBroker(Path(folder) / "broker", port=0, die_with_parent=True)
        try:
            address = broker.start(console.print)
            runs = [_measured(address, folder, count, lines, partitions, more) for count in _sizes(windows)]
        finally:
            broker.stop()
    Console().print(table(runs))
    if json_file:
        with open_output(json_file) as file:
            file.write(orjson.dumps(runs, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _sizes(windows: int) -> list[int]:
    return [windows // 100, windows // 10, windows]


def _measured(address: str, folder: str, windows: int, lines: int, partitions: int, more: int) -> dict[str, Any]:
    unique = uuid.uuid4().hex[:8]
    given: dict[str, Any] = {"bootstrap_servers": address, "partitions": partitions, "group_id": unique}
    given |= {
        f"{name}_topic": f"{name}-{unique}"
        for name in ("raw", "lines", "scores", "anomalies", "windows", "dead_letter")
    }
    settings = load_settings(**given)
    create_topics(new_admin(settings), settings)
    with counting(f"{windows:,} windows are written") as told:
        fill(settings, windows, lines, told)
    asked = {"settings": given, "windows": windows, "lines": more}
    read, found = (_in_a_process({**asked, "what": what}) for what in ("read", "restore"))
    written = sum(file.stat().st_size for file in Path(folder).glob(f"broker/logs/windows-{unique}-*/*.log"))
    send(settings, windows, more)
    # Nothing was scored yet: without this, a million provisional scores would be due at the first line.
    work = _in_a_process({**asked, "settings": {**given, "quiet_after": "13h"}, "what": "work"})
    return figures(windows, read, found, work, written)


def _in_a_process(asked: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.state.restored", orjson.dumps(asked).decode()]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise BrokerError(f"the process that restores ended with exit code {done.returncode}; see above")
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


if __name__ == "__main__":
    run(main, "python -m bench.state")
