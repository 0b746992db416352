"""``tinylogbert topics create|show``: the topics of the pipeline."""

import sys

import click
from rich.console import Console
from rich.table import Table

from stream.commands.acls import acls_command
from stream.commands.options import settings_options
from stream.kafka.clients import new_admin
from stream.kafka.topicrules import RULE
from stream.kafka.topics import TopicState, create_topics, show_topics, update_topics, with_state
from stream.settings import Settings

_OPTIONS = (
    *("bootstrap_servers", "kafka", "partitions", "replication", "keyed_input", "max_age", "lateness"),
    *("raw_topic", "lines_topic", "scores_topic", "anomalies_topic", "dead_letter_topic", "windows_topic"),
)


@click.group("topics")
def topics_command() -> None:
    """The topics with their partitions and settings."""


@topics_command.command(
    epilog=f"""\b
Examples:
  tinylogbert topics create --partitions 8
  tinylogbert topics create --update

\b
The rule:
{RULE}"""
)
@settings_options(*_OPTIONS)
@click.option(
    "--update",
    is_flag=True,
    help="Mend settings of existing topics, too: it only ever keeps more; partitions and cleanup.policy stay.",
)
def create(settings: Settings, update: bool) -> None:
    """Create the topics that are missing, by one rule; existing ones stay as they are."""
    admin = new_admin(settings)
    for name in (created := create_topics(admin, settings)):
        click.echo(name)
    updated = update_topics(admin, settings) if update else []
    for name, config in updated:
        click.echo(f"{name}: {', '.join(f'{key}={value}' for key, value in config.items())}")
    done = [f"{len(created)} topics created"] * bool(created) + [f"{len(updated)} updated"] * bool(updated)
    click.echo(", ".join(done) or "every topic is there already", err=True)


@topics_command.command(epilog="\b\nExample:\n  tinylogbert topics show")
@settings_options(*_OPTIONS)
@click.pass_context
def show(context: click.Context, settings: Settings) -> None:
    """Show the topics and check them by the rule of ``topics create --help``; exit code 1 if one does not fit."""
    states = with_state(settings, show_topics(new_admin(settings), settings))
    table = Table("topic", "partitions", "replicas", "cleanup", "check", box=None, pad_edge=False)
    for state in states:
        there = state.partitions > 0
        counts = (str(state.partitions), str(state.replication), state.cleanup) if there else ("-", "-", "-")
        table.add_row(state.name, *counts, "; ".join([*state.problems, *_advised(state)]) or "fits")
    width = None if sys.stdout.isatty() else 1_000  # a row of a file or a pipe stays one line
    Console(highlight=False, width=width).print(table)
    context.exit(1 if any(state.problems or state.advice for state in states) else 0)


def _advised(state: TopicState) -> list[str]:
    """What a daemon works with, and how it is mended."""
    return [*state.advice, "mend it: tinylogbert topics create --update"] if state.advice else []


topics_command.add_command(acls_command)
