"""The ``tinylogbert`` command, also ``python -m stream``: finds the subcommand."""

import importlib
from collections.abc import Sequence
from typing import NoReturn

import click

from stream.cli import run

_COMMANDS = (
    "demo",
    "broker",
    "topics",
    "simulate",
    "parse",
    "produce",
    "consume",
    "tail",
    "serve",
    "dead-letters",
    "doctor",
    "replay",
    "train",
    "score",
    "evaluate",
    "compare",
    "data",
)


class Commands(click.Group):
    """Imports a subcommand's module only when it is asked for, so that none waits for another's libraries."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the subcommands, in the order in which a newcomer meets them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return ``<name>_command`` of ``stream.commands.<name>``."""
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f"stream.commands.{name}")
        command: click.Command = getattr(module, f"{name}_command")
        return command


@click.command(cls=Commands, epilog="\b\nExample:\n  tinylogbert demo", context_settings={"max_content_width": 120})
@click.version_option(package_name="tinylogbert")
def cli() -> None:
    """Find anomalies in log streams without labels: raw lines in Kafka, windows by block, scored by a small BERT."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit: see ``stream.cli.run``."""
    run(cli, "tinylogbert", arguments)


if __name__ == "__main__":
    main()
