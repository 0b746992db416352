"""``tinylogbert doctor``: what is wrong around the daemon, and how it is mended."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream.commands.options import settings_options
from stream.commands.scorers import load_scorer, scorer_folder
from stream.doctor import Check, Finding, examined
from stream.errors import BrokerError
from stream.settings import DAEMON, Duration, Settings
from stream.show import visible

_STYLES = {"ok": "green", "wrong": "bold red", "skipped": "dim"}
_LINES = 20


@click.command(
    "doctor",
    epilog="""\b
Examples:
  tinylogbert doctor
  tinylogbert doctor --config tinylogbert.toml --json | jq '.findings[] | select(.state == "wrong")'

Give it what the daemon is given: flags, variables, file. It writes nothing, joins no group and disturbs nobody: rights
are asked for with requests that the broker refuses for another reason. Exit code 0 if nothing is wrong, 1 if
something is; what cannot be looked at is skipped, with the reason.""",
)
@settings_options(*DAEMON)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, on a terminal, too.")
@click.option("--timeout", default="30s", show_default=True, metavar="DURATION", help="Time for each check.")
@click.pass_context
def doctor_command(context: click.Context, settings: Settings, as_json: bool, timeout: str) -> None:
    """Check settings, broker, topics, rights, checkpoint, clock and disk; say what is wrong and how to mend it."""
    with _progress() as told:
        findings = list(examined(checks(settings), _seconds(timeout), told))
    right = all(finding.state != "wrong" for finding in findings)
    if as_json or not sys.stdout.isatty():
        found = {"ok": right, "findings": [finding._asdict() for finding in findings]}
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2))
    else:
        Console(highlight=False).print(_table(findings))
    context.exit(0 if right else 1)


def checks(settings: Settings) -> list[Check]:
    """The checks for a daemon with these settings, in their order; all that touches the world is in here."""
    return [
        Check("settings", "settings", lambda: _settings(settings)),
        Check("broker", "kafka", lambda: _broker(settings)),
        Check("topics", "topics", lambda: _topics(settings), needs="broker"),
        Check("rights", "consume", lambda: _rights(settings), needs="broker"),
        Check("checkpoint", "checkpoint", lambda: _checkpoint(settings)),
        Check("clock", "clock", lambda: _clock(settings), needs="broker"),
        Check("disk", "disk", lambda: _disk(settings)),
    ]


def _settings(settings: Settings) -> list[Finding]:
    from stream.doctor.configured import configured
    from stream.serve.token import VARIABLE

    return configured(settings, os.environ, (VARIABLE,))


def _broker(settings: Settings) -> list[Finding]:
    from stream.doctor.kafka import broker
    from stream.kafka.clients import new_admin
    from stream.kafka.requests import understood

    new_admin(settings)  # which says best why none answers
    requests, brokers = understood(settings, seconds=5)
    return broker(settings, requests, brokers)


def _topics(settings: Settings) -> list[Finding]:
    from stream.doctor.finding import of_error
    from stream.doctor.kafka import state, topics
    from stream.kafka.clients import new_admin
    from stream.kafka.lost import read_without_state
    from stream.kafka.topics import show_topics, with_state

    admin = new_admin(settings)
    states, unseen = show_topics(admin, settings), []
    try:
        states = with_state(settings, states)
    except BrokerError as error:  # a daemon needs no right for this look
        unseen = [of_error("topics", settings.windows_topic, error)._replace(state="skipped", mend="")]
    there = {found.name for found in states if found.partitions}
    whole = settings.stage != "route" and {settings.input_topic, settings.windows_topic} <= there
    lost = state(settings, read_without_state(settings)) if whole else []
    return [*topics(settings, states, len(admin.list_topics(timeout=5).brokers)), *lost, *unseen]


def _rights(settings: Settings) -> list[Finding]:
    from stream.doctor.kafka import rights
    from stream.kafka.allowed import lacking
    from stream.kafka.clients import new_admin
    from stream.kafka.rights import rights_of

    wanted = rights_of("consume", settings)
    return rights(wanted, lacking(settings, new_admin(settings), wanted))


def _checkpoint(settings: Settings) -> list[Finding]:
    from stream.doctor.checkpoint import checkpoint

    if settings.stage == "route":
        return [Finding("checkpoint", "checkpoint", "skipped", "the route stage needs none")]
    return checkpoint(scorer_folder(settings), lambda: load_scorer(settings), time.monotonic)


def _clock(settings: Settings) -> list[Finding]:
    from stream.doctor.clock import Stamped, clock
    from stream.kafka.clients import new_admin
    from stream.kafka.newest import newest
    from stream.kafka.rights import rights_of
    from stream.lines import BadLine

    reader = settings.new_reader()
    rights = [right for right in rights_of("consume", settings) if right.kind == "topic"]
    there = new_admin(settings).list_topics(timeout=5).topics
    readable = [right.name for right in rights if "Read" in right.operations and right.name in there]

    def said(value: bytes | None) -> int | None:
        try:
            return reader.read(value).time if value else None
        except BadLine:
            return None

    records = [
        Stamped(
            topic, record.stamped, record.by_broker, said(record.value) if topic != settings.windows_topic else None
        )
        for topic in readable
        for record in newest(settings, topic, _LINES, seconds=5)
    ]
    return clock(int(time.time() * 1000), records, settings.timezone)


def _disk(settings: Settings) -> list[Finding]:
    from stream.broker import EmbeddedBroker, default_data_dir
    from stream.doctor.disk import Room, disk

    status = EmbeddedBroker(default_data_dir()).status()
    ours = status.running and status.bootstrap_servers in settings.bootstrap_servers.split(",")
    folders = [(Path.cwd(), "reports, checkpoints"), (Path(tempfile.gettempdir()), "temporary files")]
    folders += [(status.data_dir, "the broker's data and log")] * ours
    rooms = []
    for path, purpose in folders:
        try:
            usage = shutil.disk_usage(path)
        except OSError:
            rooms.append(Room(path, purpose, None))
        else:
            rooms.append(Room(path, purpose, usage.free, usage.total))
    return disk(rooms, broker_is_here=ours)


def _seconds(timeout: str) -> float:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Duration).validate_python(timeout) / 1000
    except ValidationError as error:
        raise click.BadParameter(f"{timeout!r} is no duration such as 30s or 1m", param_hint="--timeout") from error


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """What is being looked at, on a terminal alone."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda _name: None
        return
    with console.status("looking") as line:
        yield lambda name: line.update(f"looking at {name}")


def _table(findings: Sequence[Finding]) -> Table:
    table = Table("check", "of", "", "found", box=None, pad_edge=False)
    before = ""
    for check, what, state, said, mend in findings:
        found = visible(said) + (f"\n→ {visible(mend)}" if mend else "")
        table.add_row(check * (check != before), Text(visible(what)), Text(state, _STYLES[state]), Text(found))
        before = check
    return table
