"""``python -m bench.longrun``: see the help."""

import tempfile
from pathlib import Path

import click
import orjson

from bench.longrun.endless import sample
from bench.longrun.show import draw, figures
from bench.longrun.watch import watch
from stream.broker import EmbeddedBroker
from stream.cli import run
from stream.output import open_output
from stream.settings import load_settings


@click.command(
    epilog="""\b
Examples:
  python -m bench.longrun
  python -m bench.longrun --minutes 60 --any-key --png longrun.png --json longrun.json

The daemon reads as fast as it can; the lines are written while it does, half a million ahead of it."""
)
@click.option("--lines", default=20_000_000, show_default=True, type=click.IntRange(1), help="After which it ends.")
@click.option("--minutes", default=8.0, show_default=True, help="After which it ends, too.")
@click.option("--any-key", is_flag=True, help="Both stages, instead of input keyed by block.")
@click.option("--log", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Lines of this HDFS log.")
@click.option("--png", default="longrun.png", show_default=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes figures and samples here, too.")
def main(lines: int, minutes: float, any_key: bool, log: Path | None, png: Path, json_file: str | None) -> None:
    """Let the daemon work for long at full speed, print what its memory does, and draw it."""
    with tempfile.TemporaryDirectory(prefix="tinylogbert-longrun-") as folder:
        broker = EmbeddedBroker(Path(folder) / "broker", port=0, die_with_parent=True)
        try:
            settings = load_settings(bootstrap_servers=broker.start(), keyed_input=not any_key)
            samples = watch(settings, sample(log), lines, minutes * 60, Path(folder) / "daemon.log")
        finally:
            broker.stop()
    found = figures(samples)
    click.echo(orjson.dumps(found).decode())
    draw(samples, png)
    if json_file:
        with open_output(json_file) as file:
            file.write(orjson.dumps({**found, "samples": [list(s) for s in samples]}))


if __name__ == "__main__":
    run(main, "python -m bench.longrun")
