"""``tinylogbert parse`` and ``--block-pattern``: what is understood of a log, and windows of something else."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from driver import Driver, raw_line

from stream.commands.parse import parse_command
from stream.lines import BadLine, new_reader
from stream.lines.blocks import MAX_BLOCKS, MAX_KEY
from stream.settings import Settings
from stream.simulator.yarn import simulate
from stream.windows.files import windows_of
from stream.windows.settings import WindowSettings

CONTAINER = "container_[0-9_]+"


def parse(tmp_path: Path, *lines: bytes, options: tuple[str, ...] = ()) -> Result:
    log = tmp_path / "log"
    log.write_bytes(b"\n".join(lines))
    return CliRunner().invoke(parse_command, [str(log), *options])


LINES = (
    raw_line(0, "blk_1"),
    raw_line(1, "blk_1 blk_2"),
    b"java.io.IOException: reset",
    b'{"@timestamp": "2008-11-09T20:35:20Z", "message": "Receiving blk_3"}',
    raw_line(2, "nothing"),
    b"no time, but blk_4",
    b'{"a": 1}',
    b"\xff",
)


def test_it_counts_the_lines_of_each_kind_and_shows_some(tmp_path: Path) -> None:
    found = json.loads(parse(tmp_path, *LINES, options=("--json",)).stdout)
    assert (found["messages"], found["envelopes"], found["blocks"]) == (8, {"raw": 6, "json": 1}, 3)
    assert {kind: told["lines"] for kind, told in found["kinds"].items()} == {
        "windowed": 3,
        "belongs to the line before it": 1,
        "no block": 1,
        "no block: it looks like an envelope, and no line is found in it": 1,
        "dead letter: timestamp": 1,
        "dead letter: encoding": 1,
    }
    assert found["kinds"]["windowed"]["examples"][1].startswith("2008-11-09T20:35:19Z  blk_1, blk_2  dfs.DataNode: ")
    assert (found["first_time"], found["last_time"]) == ("2008-11-09T20:35:18Z", "2008-11-09T20:35:20Z")


def test_its_table_says_the_same_for_a_person(tmp_path: Path) -> None:
    result = parse(tmp_path, *LINES)
    assert result.exit_code == 0
    assert result.stdout.startswith("8 messages (6 raw, 1 json), 3 blocks\nfrom 2008-11-09T20:35:18Z to ")
    assert "\n         1  dead letter: timestamp\n            no time, but blk_4  (the line does not" in result.stdout


def test_a_log_of_nothing_that_is_known_says_so(tmp_path: Path) -> None:
    assert "no block, and no time" in parse(tmp_path, b"plain words").stdout


@pytest.mark.parametrize("pattern", ["(", "a*", "(a)(?=b)"])
def test_a_pattern_that_cannot_be_used_is_wrong_usage_in_one_line(tmp_path: Path, pattern: str) -> None:
    result = parse(tmp_path, b"x", options=("--block-pattern", pattern))
    assert result.exit_code == 2
    assert "Error: block_pattern: " in result.stderr


# ── windows of something else ──


def test_containers_of_yarn_are_windowed_with_their_traces() -> None:
    told = list(simulate(60, 0.3, seed=1))
    lines = [line.encode() for at, text, _, _ in told for line in f"{at:%Y-%m-%d %H:%M:%S},000 {text}".split("\n")]
    found = {window.block_id: window for window in windows_of(lines, WindowSettings(block_pattern=CONTAINER))}
    assert set(found) == {name for _, _, name, _ in told}
    texts = {text for window in found.values() for text in window.texts}
    assert "containermanager.ContainerManagerImpl: Start request for <block> by user hadoop" in texts
    assert any("ExitCodeException" in text and text.startswith("WARN ") for text in texts)
    assert all("container_" not in text for text in texts)


@pytest.mark.parametrize("keyed", [False, True])
def test_the_daemon_windows_what_the_pattern_finds(keyed: bool) -> None:
    driver = Driver(Settings(block_pattern="request=([a-z0-9-]+)", keyed_input=keyed))
    for second, request in enumerate(["a-1", "b-2", "a-1"]):
        driver.send(raw_line(second, f"request={request}"), key=request)
    events = driver.pass_time(60 * 86_400).closed()
    assert {event["block_id"]: event["lines"] for event in events} == {"a-1": 2, "b-2": 1}
    assert driver.dead_letters() == []


def test_names_are_masked_whatever_they_look_like_and_long_ones_are_none() -> None:
    reader = new_reader(block_pattern="id=([a-z]+)")
    texts = {reader.read(raw_line(0, f"id={name}")).text for name in ("abc", "deadbeef", "word")}
    assert texts == {"dfs.DataNode: Receiving block id=<block>"}
    assert reader.blocks.ids(b"id=" + b"a" * MAX_KEY) == [b"a" * MAX_KEY]
    assert reader.blocks.ids(b"id=" + b"a" * (MAX_KEY + 1)) == []
    with pytest.raises(BadLine):
        reader.blocks.windowed(
            b" ".join(b"id=" + bytes([97 + i % 26, 97 + i // 26 % 26, 97 + i // 676]) for i in range(MAX_BLOCKS + 1))
        )
