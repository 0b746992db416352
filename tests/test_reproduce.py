"""docs/reproduce.md holds: each of its commands is there with these options, and its sample is what it says."""

import importlib
import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from stream.__main__ import cli
from stream.simulator import simulate

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reproduce.md").read_text()
LINES = [
    line for block in re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
OURS = [found for line in LINES for found in re.findall(r"\btinylogbert [^&|)]+", line)]
BENCHES = [line for line in LINES if line.startswith("python -m bench.")]
MAKES = [line for line in LINES if line.startswith("make ")]


def leaf(command: click.Command, words: list[str]) -> tuple[click.Command, list[str]]:
    """Follow the names of subcommands; what is left are arguments."""
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no {words[0]}"
        command, words = found, words[1:]
    return command, words


def parses(command: click.Command, words: list[str]) -> None:
    """The words are taken apart as the command would: what is unknown, or lacks its value, raises."""
    command, words = leaf(command, words)
    given, rest, _ = command.make_parser(click.Context(command)).parse_args(words)
    assert not rest
    assert [
        parameter.name for parameter in command.params if parameter.required and not given.get(parameter.name)
    ] == []
    assert CliRunner().invoke(command, ["--help"]).exit_code == 0


def test_the_page_shows_commands_of_every_kind() -> None:
    assert all(len(kind) >= 4 for kind in (OURS, BENCHES, MAKES))
    left = set(LINES) - {line for line in LINES if "tinylogbert" in line} - {*BENCHES, *MAKES}
    assert {line.split()[0] for line in left} == {"awk", "head"}


@pytest.mark.parametrize("line", OURS)
def test_a_line_of_ours_parses(line: str) -> None:
    parses(cli, shlex.split(line)[1:])


@pytest.mark.parametrize("line", BENCHES)
def test_a_bench_parses(line: str) -> None:
    _, _, name, *words = shlex.split(line)
    module = importlib.import_module(name)
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{name}.__main__")
    commands = [value for value in vars(module).values() if isinstance(value, click.Command)]
    groups = [command for command in commands if isinstance(command, click.Group)]
    parses((groups or commands)[0], words)


@pytest.mark.parametrize("line", MAKES)
def test_make_knows_the_target_and_its_variables(line: str) -> None:
    target, *given = line.split("&&")[0].split()[1:]
    [rule] = re.findall(rf"^{target}:.*##.*(?:\n\t.*)*", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [word for word in given if f"{word.partition('=')[0]}=" not in rule] == []


@pytest.mark.parametrize(
    "line",
    ["replay x.log --no-such-option", "no-such-command", "train x.log --out", "train x.log"],
)
def test_what_is_wrong_would_be_seen(line: str) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        parses(cli, shlex.split(line))


def test_the_sample_has_every_line_of_every_hundredth_block(tmp_path: Path) -> None:
    simulation = simulate(1000, 0.03, 7)
    chunks = list(simulation.chunks())
    lines = [line for chunk in chunks for line in chunk.lines]
    labels = [label.block_id for chunk in chunks for label in chunk.labels]
    (tmp_path / "hdfs-v1").mkdir()
    (tmp_path / "hdfs-v1" / "HDFS.log").write_bytes(b"\n".join([*lines, b""]))
    rows = ["BlockId,Label", *(f"{block},Normal" for block in labels)]
    (tmp_path / "hdfs-v1" / "anomaly_label.csv").write_text("\n".join([*rows, ""]))
    for line in LINES:
        if line.startswith("awk "):
            subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True)
    assert (tmp_path / "sample.csv").read_text().splitlines() == rows[::100]
    wanted = {block.encode() for block in labels[99::100]}
    named = [(line, re.findall(rb"blk_-?\d+", line)) for line in lines]
    expected = [line for line, blocks in named if len(blocks) == 1 and blocks[0] in wanted]
    assert expected
    assert (tmp_path / "sample.log").read_bytes().splitlines() == expected
