"""Runs a click command as a program: every error that a person can mend is one clear line, with the right exit code."""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from stream.errors import UserError


def run(command: click.Command, name: str, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit: 0 done, 1 failed with one line on stderr, 2 wrong usage, 130 interrupted."""
    try:
        code = _invoked(command, name, list(sys.argv[1:] if arguments is None else arguments))
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
        if sys.stderr.isatty():
            click.echo(err=True)  # the prompt goes beneath ^C
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _invoked(command: click.Command, name: str, arguments: list[str]) -> object:
    """What click's ``main`` does, but that it makes a failure of a broken pipe, and writes a line for Ctrl-C."""
    try:
        with command.make_context(name, arguments) as context:
            return command.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
