"""``python -m bench.reference``: docs/reference.md, made of the settings and the commands that there are.

Nothing in it is written by hand twice: what a setting is for says ``stream.settings``, what a command does its --help.
Depends on no terminal, environment or machine, so that a test can hold the file against the code.
"""

import re
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click

from stream.__main__ import cli
from stream.cli import run
from stream.settings import (
    Address,
    BlockPattern,
    ClientProperties,
    Duration,
    Settings,
    Zone,
    show_duration,
)

_KINDS = (
    (Duration, "duration"),
    (Address, "port, or host and port"),
    (Zone, "time zone"),
    (BlockPattern, "regular expression"),
    (ClientProperties, "table of texts"),
    (Path, "path"),
    (bool, "on or off"),
    (int, "whole number"),
    (float, "number"),
)
_DEFAULT = re.compile(r"\s*\[default: (.*)\]$")
_HEAD = """\
# Reference

Every setting and every command. `make reference` makes this page of the code; what it says, `--help` says, too.

## Settings

A setting is taken from the flag, else from the environment, else from the TOML file that `--config` names, else it has
its default. Durations are `500ms`, `30s`, `10m`, `14h` or `7d`. A setting that is on or off has two flags
(`--memo`, `--no-memo`); in the environment it is `true` or `false`. `kafka` is a table: `--kafka KEY=VALUE` for each
entry, `[kafka]` in TOML, a JSON object in the environment.

```toml
bootstrap_servers = "kafka-1:9092,kafka-2:9092"
quiet_after = "1m"

[kafka]
"security.protocol" = "SSL"
```

Beside the settings, `TINYLOGBERT_API_TOKEN` holds the token that callers of `tinylogbert serve` have to say.
"""
_COMMANDS_HEAD = """\
## Commands

`tinylogbert COMMAND --help` shows the same. A command exits with 0 on success, with 1 on a failure, which is one line
on stderr, with 2 on wrong usage, with 130 after Ctrl-C. Data goes to stdout, progress and logs to stderr.
"""


def commands(command: click.Command = cli, name: str = "tinylogbert") -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with its full name, in the order of --help."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    context = click.Context(command)
    for child in command.list_commands(context):
        found = command.get_command(context, child)
        assert found is not None
        yield from commands(found, f"{name} {child}")


def is_setting(parameter: click.Parameter) -> bool:
    """Whether it is the flag of a setting, and not one of the same name that is the command's own."""
    field = Settings.model_fields.get(parameter.name or "")
    told = getattr(parameter, "help", None) or ""
    return field is not None and told.startswith(field.description or "\0")


def reference() -> str:
    """The page."""
    found = list(commands())
    parts = [_HEAD, *(_setting(name, found) for name in Settings.model_fields), _COMMANDS_HEAD]
    return "\n".join([*parts, *(_command(name, command) for name, command in found)])


def _setting(name: str, found: list[tuple[str, click.Command]]) -> str:
    field = Settings.model_fields[name]
    told = _DEFAULT.split(field.description or "")
    default = told[1] if len(told) > 1 else f"`{_shown(name, field.get_default(call_default_factory=True))}`"
    flag = "--" + name.replace("_", "-")
    flags = f"`{flag}`, `--no-{flag[2:]}`" if _hint(name) is bool else f"`{flag}`"
    users = [full for full, command in found if any(p.name == name and is_setting(p) for p in command.params)]
    links = ", ".join(f"[{full.partition(' ')[2]}](#{full.replace(' ', '-')})" for full in users)
    return f"""### `{name}`

{_prose(told[0]).removesuffix(".")}.

- default: {default} ({_type(name)})
- {flags}, in the environment `TINYLOGBERT_{name.upper()}`, in TOML `{name}`
- used by {links}
"""


def _hint(name: str) -> Any:
    """The type of a setting, without the None of those that may be left open."""
    hint = get_type_hints(Settings, include_extras=True)[name]
    if get_origin(hint) in (Union, UnionType):
        [hint] = [part for part in get_args(hint) if part is not type(None)]
    return hint


def _type(name: str) -> str:
    hint, bounds = _hint(name), _bounds(name)
    if get_origin(hint) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(hint))
    kind = next((shown for known, shown in _KINDS if hint == known), "text")
    return f"{kind}, {bounds}" if bounds else kind


def _bounds(name: str) -> str:
    found = {}
    for limit in Settings.model_fields[name].metadata:
        for word, key in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
            if (value := getattr(limit, word, None)) is not None:
                found[key] = _shown(name, value)
    return ", ".join(f"{key} {value}" for key, value in found.items())


def _shown(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if _hint(name) == Duration and isinstance(value, int) and value > 0:
        return show_duration(value)
    return "none" if value is None else "{}" if value == {} else str(value)


def _command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    told = cleandoc(command.help or "").replace("\b\n", "")
    parts = [f"### {name}", _prose(told), f"```\n{usage}\n```"]
    own = [p for p in command.params if isinstance(p, click.Option) and not is_setting(p) and p.name != "config"]
    if rows := [record for option in own if (record := option.get_help_record(context))]:
        body = "\n".join(f"| `{_cell(flags)}` | {_cell(_prose(text))} |" for flags, text in rows)
        parts.append(f"| option | what it is for |\n|---|---|\n{body}")
    if used := [p for p in command.params if is_setting(p)]:
        links = ", ".join(f"[`{p.opts[0]}`](#{p.name})" for p in used)
        parts.append(f"Settings: {links}, `--config FILE`.")
    return "\n\n".join([*parts, *_epilog(command.epilog or "")]) + "\n"


def _epilog(text: str) -> Iterator[str]:
    """Paragraphs of prose as they are; those with indented lines (examples, lists) as blocks under their first line."""
    for paragraph in re.split(r"\n\s*\n", text.replace("\b\n", "").strip()):
        head, *rest = paragraph.splitlines() or [""]
        indented = [line for line in rest if line.startswith("  ")]
        if not indented:
            yield _prose(" ".join([head, *rest]))
            continue
        first = rest.index(indented[0])
        last = len(rest) - rest[::-1].index(indented[-1])
        block = "\n".join(line.removeprefix("  ") for line in rest[first:last])
        yield f"{_prose(' '.join([head, *rest[:first]]))}\n\n```\n{block}\n```"
        if rest[last:]:
            yield _prose(" ".join(rest[last:]))


def _prose(text: str) -> str:
    return re.sub(r"([<*])", r"\\\1", text)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


@click.command(epilog="\b\nExample:\n  python -m bench.reference --out docs/reference.md")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File of the page.")
def main(out: Path) -> None:
    """Write the reference of settings and commands."""
    out.write_text(reference())
    click.echo(f"wrote {out}", err=True)


if __name__ == "__main__":
    run(main, "python -m bench.reference")
