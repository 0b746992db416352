"""docs/reference.md is what ``make reference`` writes, and it has every command, flag and setting."""

import re
from pathlib import Path

import click
import pytest

from bench.reference import commands, is_setting, reference
from stream.__main__ import cli
from stream.commands.options import settings_options
from stream.settings import Settings

PAGE = (Path(__file__).parents[1] / "docs" / "reference.md").read_text()
COMMANDS = dict(commands())


def test_the_page_is_what_the_code_says_now() -> None:
    assert reference() == PAGE, "docs/reference.md is stale: make reference"


def test_every_command_is_there() -> None:
    assert {name.split()[1] for name in COMMANDS} == set(cli.list_commands(click.Context(cli)))
    assert re.findall(r"^### (tinylogbert .*)$", PAGE, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_its_text_each_of_its_flags_and_an_example(name: str) -> None:
    section = PAGE.split(f"\n### {name}\n")[1].split("\n### ")[0]
    for parameter in COMMANDS[name].params:
        if isinstance(parameter, click.Option):
            assert f"`{parameter.opts[-1]}" in section, parameter
    assert f"\n```\n{name}" in section.partition("Example")[2]
    assert f"\n```\n{name} [OPTIONS]" in section.partition("Example")[0]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_has_its_default_flag_variable_key_and_the_commands_that_use_it(name: str) -> None:
    section = PAGE.split(f"\n### `{name}`\n")[1].split("\n### ")[0]
    for text in (f"`TINYLOGBERT_{name.upper()}`", f"in TOML `{name}`", f"`--{name.replace('_', '-')}`", "- default: "):
        assert text in section
    used = set(re.findall(r"\]\(#(tinylogbert-[a-z-]+)\)", section))
    assert used
    anchors = {full.replace(" ", "-") for full, command in COMMANDS.items() if name in map(str, _fields(command))}
    assert used == anchors


def _fields(command: click.Command) -> list[str | None]:
    return [parameter.name for parameter in command.params if is_setting(parameter)]


def test_defaults_are_such_as_a_person_would_write() -> None:
    for name, default in (("quiet_after", "`30s`"), ("memo", "`on`"), ("worker_id", "a random one")):
        section = PAGE.split(f"\n### `{name}`\n")[1]
        assert section.partition("- default: ")[2].startswith(default)


def test_a_flag_of_a_commands_own_is_no_setting() -> None:
    @click.command()
    @click.option("--device", help="Where it is trained.")
    @settings_options("memo")
    def example(device: str, settings: Settings) -> None: ...

    assert _fields(example) == ["memo"]


def test_nothing_of_this_machine_is_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TINYLOGBERT_GROUP_ID", "elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert reference() == PAGE
    assert str(Path.home()) not in PAGE
