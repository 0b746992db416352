"""``tinylogbert train``: from unlabelled lines, of files or of a topic, to a checkpoint."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import click

from stream.commands.options import settings_options
from stream.commands.scorers import WINDOW_OPTIONS
from stream.files import read_lines
from stream.settings import Settings
from training.command import run_training, training_options


@click.command(
    "train",
    epilog="""\b
Examples:
  tinylogbert train hdfs.log.gz --out checkpoint
  tinylogbert train --topic hdfs.raw --out checkpoint --false-alarms 1e-4
  tinylogbert train hdfs.log.gz --out checkpoint --false-alarms 20/day
  tinylogbert consume --checkpoint checkpoint""",
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--topic", metavar="TOPIC", help="Train on the lines of a topic, from its beginning to its end now.")
@training_options
@settings_options("bootstrap_servers", "kafka", *WINDOW_OPTIONS)
def train_command(files: tuple[str, ...], topic: str | None, settings: Settings, **options: Any) -> None:
    """Train TinyLogBERT on unlabelled lines, with their anomalies in them; - reads standard input."""
    if (topic is None) == (not files):
        raise click.UsageError("give log files or --topic, and not both")
    lines = partial(_lines, topic, settings) if topic else partial(read_lines, files)
    run_training(lines, settings.windows, [topic] if topic else files, zone=settings.timezone, **options)


def _lines(topic: str, settings: Settings, told: Callable[[int, int], None]) -> Iterable[bytes]:
    from stream.kafka.replay import TopicLines

    found = TopicLines(settings, topic, settings.new_reader())

    def lines() -> Iterator[bytes]:
        for number, line in enumerate(found):
            if number % 1000 == 0:
                told(found.done, found.of)
            yield line.raw
        told(found.of, found.of)

    return lines()
