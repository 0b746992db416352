"""What the tests of deploy/ share: where it is, validators that are installed, and whether a command line is one."""

import importlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from stream.serve.token import VARIABLE
from stream.settings import Settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
SHIPPED = "/opt/tinylogbert/healthcheck.py"
PREFIX = "TINYLOGBERT_"


def tool(name: str) -> str:
    """A program that a package of requirements-dev.txt has put beside this Python."""
    return str(Path(sys.executable).parent / name)


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program from the repository's root, with these variables and nothing else but a path."""
    known = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", **environment}
    return subprocess.run(
        [*map(str, arguments)], cwd=ROOT, env=known, capture_output=True, text=True, check=False, timeout=120
    )


def require_command(arguments: Sequence[str]) -> None:
    """Raise click's UsageError for arguments of ``tinylogbert`` that it would not take."""
    name, *rest = arguments
    command: click.Command = getattr(importlib.import_module(f"stream.commands.{name}"), f"{name}_command")
    command.make_context(name, rest)


def require_settings(environment: Mapping[str, object]) -> None:
    """Every variable of ours is a setting, or the token; and all of them together are right."""
    ours = {key.removeprefix(PREFIX).lower(): value for key, value in environment.items() if key.startswith(PREFIX)}
    ours.pop(VARIABLE.removeprefix(PREFIX).lower(), None)
    assert ours.keys() <= Settings.model_fields.keys()
    Settings(**{key: value for key, value in ours.items() if isinstance(value, str)})  # type: ignore[arg-type]
