"""``tinylogbert topics create|show``: the topics of the pipeline."""

import sys

import click
from rich.console import Console
from rich.table import Table

from stream.commands.options import settings_options
from stream.kafka.clients import new_admin
from stream.kafka.topics import create_topics, show_topics, with_state
from stream.settings import Settings

_OPTIONS = (
    *("bootstrap_servers", "kafka", "partitions", "replication", "keyed_input"),
    *("raw_topic", "lines_topic", "scores_topic", "anomalies_topic", "dead_letter_topic", "windows_topic"),
)


@click.group("topics")
def topics_command() -> None:
    """The topics with their partitions and settings."""


@topics_command.command(epilog="\b\nExample:\n  tinylogbert topics create --partitions 8")
@settings_options(*_OPTIONS)
def create(settings: Settings) -> None:
    """Create the topics that are missing; existing ones stay as they are."""
    for name in (created := create_topics(new_admin(settings), settings)):
        click.echo(name)
    click.echo(f"{len(created)} topics created" if created else "every topic is there already", err=True)


@topics_command.command(epilog="\b\nExample:\n  tinylogbert topics show")
@settings_options(*_OPTIONS)
@click.pass_context
def show(context: click.Context, settings: Settings) -> None:
    """Show the topics and check that they fit; exit code 1 if one does not."""
    states = with_state(settings, show_topics(new_admin(settings), settings))
    table = Table("topic", "partitions", "replicas", "cleanup", "check", box=None, pad_edge=False)
    for state in states:
        there = state.partitions > 0
        counts = (str(state.partitions), str(state.replication), state.cleanup) if there else ("-", "-", "-")
        table.add_row(state.name, *counts, "; ".join(state.problems) or "fits")
    width = None if sys.stdout.isatty() else 1_000  # a row of a file or a pipe stays one line
    Console(highlight=False, width=width).print(table)
    context.exit(1 if any(state.problems for state in states) else 0)
