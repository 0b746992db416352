"""``tinylogbert tail``: follows what the daemon publishes."""

import select
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import click
import orjson
from rich.console import Console

from stream.commands.options import settings_options
from stream.grades import GRADES, Severity
from stream.settings import Settings
from stream.show import BadEvent, EventTable, parse_event, visible_json

_PATIENCE_S = 2.0

Show = Callable[[bytes, dict[str, Any]], None]


@click.command(
    "tail",
    epilog="""\b
Examples:
  tinylogbert tail
  tinylogbert tail --all --from-beginning | head
  tinylogbert tail --all --min-severity notice
  tinylogbert tail --json | jq -r .block_id

Ctrl-C ends it. It joins no consumer group and commits nothing.""",
)
@click.option("--all", "everything", is_flag=True, help="Follow every scored window, not only the anomalies.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines, the events untouched; what a pipe gets anyway.")
@click.option("--from-beginning", is_flag=True, help="Begin with the oldest event that the topic holds.")
@click.option(
    "--min-severity",
    type=click.Choice(GRADES),
    default="normal",
    help="Show what is at least so bad; notices need --all.",
)
@settings_options("bootstrap_servers", "kafka", "anomalies_topic", "scores_topic")
def tail_command(
    everything: bool, as_json: bool, from_beginning: bool, min_severity: Severity, settings: Settings
) -> None:
    """Show anomalies as they come: a table on a terminal, JSON lines otherwise."""
    from stream.kafka.clients import new_admin
    from stream.kafka.follow import Follower

    new_admin(settings)
    topic = settings.scores_topic if everything else settings.anomalies_topic
    milder = GRADES[: GRADES.index(min_severity)]
    terminal = sys.stdout.isatty()
    show = _lines(sys.stdout.buffer, terminal) if as_json or not terminal else _table()

    def complain(text: str) -> None:
        _tell(f"Kafka: {settings.hidden(text)}; trying again")

    with Follower(settings, topic, from_beginning, complain) as follower:
        hint_at = time.monotonic() + _PATIENCE_S
        for batch in follower.batches():
            for message in batch:
                hint_at = float("inf")
                try:
                    value = message.value() or b""
                    event = parse_event(value)
                    if event["severity"] not in milder:
                        show(value, event)
                except BadEvent as bad:
                    _tell(f"skipped {topic}, partition {message.partition()}, offset {message.offset()}: {bad}")
            sys.stdout.flush()
            if not batch and _nobody_reads(sys.stdout.buffer):
                raise BrokenPipeError
            if time.monotonic() > hint_at:
                hint_at = float("inf")
                _tell(_hint(topic, follower.older and not from_beginning))


def _table() -> Show:
    table = EventTable(Console(highlight=False))
    return lambda _value, event: table.show(event)


def _lines(out: BinaryIO, terminal: bool) -> Show:
    def show(value: bytes, event: dict[str, Any]) -> None:
        if b"\n" in value:  # one event, one line
            value = orjson.dumps(event)
        if terminal:
            value = visible_json(value)
        out.write(value + b"\n")

    return show


def _hint(topic: str, older: bool) -> str:
    which = f"nothing new in {topic} yet; --from-beginning shows what came before" if older else f"{topic} is empty yet"
    return f"{which}; waiting for tinylogbert consume to publish (Ctrl-C ends)"


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _nobody_reads(out: BinaryIO) -> bool:
    """Whether the reader of a pipe has gone: without events to write, nothing else would say so."""
    poll = select.poll()
    poll.register(out.fileno(), 0)
    return any(state & (select.POLLERR | select.POLLHUP) for _, state in poll.poll(0))
