"""``tinylogbert dead-letters show|replay``: what could not be read, and back to the topic with it, once."""

import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

import click
import orjson
from rich.console import Console

from stream.commands.options import settings_options
from stream.commands.progress import counting
from stream.errors import InputError
from stream.settings import Settings
from stream.show import visible_json

if TYPE_CHECKING:
    from stream.kafka.letters import Letter
    from stream.kafka.putback import Outcome

_OPTIONS = ("bootstrap_servers", "kafka", "dead_letter_topic")


@click.group("dead-letters")
def dead_letters_command() -> None:
    """Lines that could not be read: look at them, put them back."""


@dead_letters_command.command(
    epilog="""\b
Examples:
  tinylogbert dead-letters show
  tinylogbert dead-letters show --reason timestamp --json > letters.jsonl
  tinylogbert dead-letters show --raw > lines.log"""
)
@click.option("--reason", "reasons", multiple=True, metavar="REASON", help="Only letters of this reason. Repeatable.")
@click.option("--all", "everything", is_flag=True, help="Also letters that were put back already.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines with everything; what replay --repaired takes.")
@click.option("--raw", is_flag=True, help="The untouched bytes, a line each, for a file or a pipe.")
@settings_options(*_OPTIONS)
def show(reasons: tuple[str, ...], everything: bool, as_json: bool, raw: bool, settings: Settings) -> None:
    """Show the dead letters, the newest last; how many there are of each reason goes to stderr."""
    from stream.kafka.clients import new_admin
    from stream.kafka.letters import Letters

    terminal = sys.stdout.isatty()
    if as_json and raw:
        raise click.UsageError("--json or --raw, not both")
    if raw and terminal:
        raise click.UsageError("--raw is for a file or a pipe: a terminal would obey what is in the bytes")
    write = _writer(settings, as_json, raw, terminal)
    shown: Counter[str] = Counter()
    hidden = 0
    with counting("reading letters") as told:
        letters = Letters(settings, new_admin(settings), told)
        for letter in letters:
            if reasons and letter.header("reason") not in reasons:
                continue
            if letter.put_back and not everything:
                hidden += 1
                continue
            shown[letter.header("reason")] += 1
            write(letter)
        sys.stdout.flush()
        click.echo(_sum(settings.dead_letter_topic, shown, hidden, letters.foreign), err=True)


def _writer(settings: Settings, as_json: bool, raw: bool, terminal: bool) -> "Callable[[Letter], None]":
    """What writes a letter to stdout in the form that was asked for."""
    from stream.kafka.letterforms import json_of, row_of

    out: BinaryIO = sys.stdout.buffer
    if raw:
        return lambda letter: _write(out, letter.value or b"")
    if as_json:
        form = visible_json if terminal else bytes
        return lambda letter: _write(out, form(orjson.dumps(json_of(settings.dead_letter_topic, letter))))
    if terminal:
        console = Console(highlight=False, markup=False)
        return lambda letter: _print(console, row_of(letter, cut=True))
    return lambda letter: _write(out, "\t".join(row_of(letter, cut=False)).encode())


def _write(out: BinaryIO, line: bytes) -> None:
    out.write(line + b"\n")


def _print(console: Console, row: tuple[str, ...]) -> None:
    """Two lines, cut to the terminal's width: where it comes from and why, then the text."""
    for line in ("  ".join(row[:-1]), f"    {row[-1]}"):
        console.print(line, no_wrap=True, overflow="ellipsis", crop=True)


def _sum(topic: str, shown: Counter[str], hidden: int, foreign: int) -> str:
    counts = ", ".join(f"{count:,} {reason}" for reason, count in shown.most_common())
    text = f"{_many(shown.total(), 'letter')} in {topic}: {counts}" if shown else f"no dead letters in {topic}"
    if hidden:
        text += f"; {hidden:,} more were put back already (--all shows them)"
    if foreign:
        text += f"; {_many(foreign, 'other record')}"
    return text


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


@dead_letters_command.command(
    epilog="""\b
Examples:
  tinylogbert dead-letters replay --reason too_long --dry-run
  tinylogbert dead-letters replay
  tinylogbert dead-letters show --json | sed 's/"value":"081109-/"value":"081109 /' > repaired.jsonl
  tinylogbert dead-letters replay --repaired repaired.jsonl

\b
Each letter is put back once, whatever is killed meanwhile and whoever else tries: a receipt in the dead-letter topic is
committed together with the line. What still cannot be read becomes a new dead letter."""
)
@click.option("--reason", "reasons", multiple=True, metavar="REASON", help="Only letters of this reason. Repeatable.")
@click.option(
    "--repaired",
    type=click.File("rb"),
    metavar="FILE",
    help="Only the letters of this file, which show --json wrote, with its values.",
)
@click.option("--to", metavar="TOPIC", help="Put them into this topic  [default: the one that each came from]")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@settings_options(*_OPTIONS, "raw_topic", "lines_topic", "keyed_input")
def replay(
    reasons: tuple[str, ...], repaired: BinaryIO | None, to: str | None, dry_run: bool, settings: Settings
) -> None:
    """Put dead letters back to the topic that they came from, with their key and their untouched bytes."""
    from stream.kafka.clients import new_admin
    from stream.kafka.letterforms import read_repaired
    from stream.kafka.putback import Wanted, put_back, would_put_back

    if to in (settings.dead_letter_topic, settings.scores_topic, settings.anomalies_topic, settings.windows_topic):
        raise click.UsageError(f"--to {to}: that is no topic of lines")
    values = read_repaired(repaired.name, settings.dead_letter_topic, repaired) if repaired else None
    wanted = Wanted(frozenset(reasons), values, to)
    act = would_put_back if dry_run else put_back
    with counting("reading letters") as told:
        outcome = act(settings, new_admin(settings), wanted, told)
    _tell(outcome, dry_run, named=values is not None)
    click.echo(orjson.dumps(_summary(outcome, dry_run)))
    if outcome.unknown:
        raise InputError(_unknown(outcome.unknown, settings.dead_letter_topic))


def _unknown(places: list[tuple[int, int]], topic: str) -> str:
    first = "/".join(map(str, places[0]))
    if len(places) == 1:
        return f"1 repaired letter is not in {topic}: {first}"
    return f"{len(places):,} repaired letters are not in {topic}, the first is {first}"


def _tell(outcome: "Outcome", dry_run: bool, named: bool) -> None:
    """For a person: what was done, and what was not."""
    verb = "would be put" if dry_run else "put"
    for topic, count in outcome.topics.items():
        click.echo(f"{_many(count, 'letter')} {verb} back to {topic}", err=True)
    for partition, offset in outcome.before if named else ():
        click.echo(f"letter {partition}/{offset} was put back before", err=True)
    for topic, count in outcome.elsewhere.items():
        source = topic or "nowhere"
        click.echo(f"{_many(count, 'letter')} came from {source}: left alone; --to TOPIC puts back", err=True)
    if not outcome.put_back:
        before = f"; {len(outcome.before):,} were put back before" if outcome.before else ""
        click.echo(f"there is nothing to put back{before}", err=True)


def _summary(outcome: "Outcome", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "put_back": outcome.put_back,
        "topics": outcome.topics,
        "reasons": outcome.reasons,
        "before": len(outcome.before),
        "elsewhere": outcome.elsewhere.total(),
        "unknown": len(outcome.unknown),
    }
