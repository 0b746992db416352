"""Settings as command-line options: one flag a field, so that no setting is written twice.

A flag that is not given stays out, and environment, TOML file or default decide (see ``stream.settings``).
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import SettingsError

from stream.commands.denied import rights_named
from stream.secret import is_secret
from stream.settings import Settings, load_settings, show_duration

_ADDRESSES = ("metrics_address", "listen_address", "daemon_metrics")
_DURATIONS = ("quiet_after", "close_after", "lateness", "idle_after", "max_age", "max_jump", "commit_interval")


def settings_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command a flag for each of these fields, and ``--config``; it is called with ``settings``."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def called(config: Path | None, **arguments: Any) -> Any:
            flags = {name: arguments.pop(name) for name in names}
            given = {name: value for name, value in flags.items() if value not in (None, ())}
            settings = _load(config, given)
            with rights_named(settings):
                return function(settings=settings, **arguments)

        command: Callable[..., Any] = click.option(
            "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="TOML file of settings."
        )(called)
        for name in reversed(names):
            command = _option(name, Settings.model_fields[name])(command)
        return command

    return decorate


def _option(name: str, field: FieldInfo) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    flag = "--" + name.replace("_", "-")
    help_text = field.description or ""
    if name == "kafka":
        shown = f"{help_text} Repeatable."
        return click.option(flag, name, multiple=True, metavar="KEY=VALUE", callback=_no_secret, help=shown)
    if field.annotation is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, help=_with_default(name, field))
    kind: Any = click.Choice(get_args(field.annotation)) if get_origin(field.annotation) is Literal else None
    metavar = None if kind else _metavar(name)
    return click.option(flag, name, type=kind or str, metavar=metavar, help=_with_default(name, field))


def _no_secret(_context: click.Context, _option: click.Parameter, pairs: tuple[str, ...]) -> tuple[str, ...]:
    for name, sign, _ in (pair.partition("=") for pair in pairs):
        if sign and is_secret(name):
            raise click.UsageError(
                f"{name}: everybody on this machine can read a flag; say --kafka {name}.file=FILE, or put it into "
                "TINYLOGBERT_KAFKA or the file of --config"
            )
    return pairs


def _metavar(name: str) -> str:
    if name in _DURATIONS:
        return "DURATION"
    return "ADDRESS" if name in _ADDRESSES else name.rpartition("_")[2].upper()


def _with_default(name: str, field: FieldInfo) -> str:
    if field.default is None:
        return field.description or ""
    default = show_duration(field.default) if name in _DURATIONS else field.default
    shown = {True: "on", False: "off"}.get(default, default) if isinstance(default, bool) else default
    return f"{field.description}  [default: {shown}]"


def _load(config: Path | None, given: dict[str, Any]) -> Settings:
    try:
        return load_settings(config, **given)
    except SettingsError as error:  # whose text names the field, and not the value
        table = 'TINYLOGBERT_KAFKA=\'{"security.protocol": "SSL"}\''
        raise click.UsageError(f"{error}: in the environment a table is JSON, such as {table}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][:2])  # of a table the name in it, too
        said = first["msg"].removeprefix("Value error, ")
        raise click.UsageError(f"{where}: {said}" if where else said) from error
    except ValueError as error:  # TOMLDecodeError is one, and so is what tomllib says of bytes and of long numbers
        raise click.UsageError(f"{config} is not TOML: {error}") from error
