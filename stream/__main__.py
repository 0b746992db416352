"""The ``tinylogbert`` command, also ``python -m stream``: finds the subcommand, turns errors into one clear line."""

import importlib
import os
import sys
from collections.abc import Sequence

import click

from stream.errors import UserError

_COMMANDS = (
    "demo",
    "broker",
    "topics",
    "simulate",
    "produce",
    "consume",
    "tail",
    "replay",
    "train",
    "score",
    "evaluate",
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
        module = importlib.import_module(f"stream.commands.{cmd_name}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command


@click.command(cls=Commands, epilog="\b\nExample:\n  tinylogbert demo", context_settings={"max_content_width": 120})
@click.version_option(package_name="tinylogbert")
def cli() -> None:
    """Find anomalies in log streams without labels: raw lines in Kafka, windows by block, scored by a small BERT."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 done, 1 failed with one line on stderr, 2 wrong usage, 130 interrupted."""
    try:
        code = cli.main(args=arguments, prog_name="tinylogbert", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of stdout (``| head``) has seen enough: that is success. What is buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
