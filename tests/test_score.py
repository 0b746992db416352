"""``tinylogbert score`` as a person meets it: one row a closed window, counts on stderr, or the score of one text."""

import csv
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command
from tiny_checkpoint import write_tiny_checkpoint

from model.scorer import BertScorer
from stream.simulator import simulate
from stream.windows.files import windows_of
from stream.windows.source import RUN

HEADER = b"block_id,part,score,p_value,anomalous,severity,lines,first_time,last_time,worst_line"
LINE = "081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1 src: /10.0.0.1:5 dest: /10.0.0.1:50010"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("score") / "tiny")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("score") / "hdfs.log"
    path.write_bytes(b"".join(line + b"\n" for line in simulate(150, 0.1, seed=5).lines()))
    return path


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


def rows(out: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out.decode(), newline="")))


def test_every_closed_window_is_a_row_with_the_scorers_judgement(command: Command, checkpoint: Path, log: Path) -> None:
    ran = command("score", log, "--checkpoint", checkpoint)
    assert ran.code == 0
    assert ran.out.split(b"\n")[0] == HEADER
    scorer = BertScorer.load(checkpoint)
    windows = list(windows_of(log.read_bytes().splitlines()))
    scores = scorer.score([window.texts for window in windows], [True] * len(windows))
    assert [(r["block_id"], r["part"], r["lines"]) for r in rows(ran.out)] == [
        (window.block_id, str(window.part), str(len(window.texts))) for window in windows
    ]
    assert [(float(r["score"]), float(r["p_value"]), r["anomalous"], r["severity"]) for r in rows(ran.out)] == [
        (score.value, score.p_value, str(score.anomalous).lower(), score.severity) for score in scores
    ]


def test_only_anomalous_windows_name_their_worst_line(command: Command, checkpoint: Path, log: Path) -> None:
    found = rows(command("score", log, "--checkpoint", checkpoint).out)
    texts = {window.block_id: window.texts for window in windows_of(log.read_bytes().splitlines())}
    assert {row["anomalous"] for row in found} == {"true", "false"}
    for row in found:
        if row["anomalous"] == "true":
            assert row["worst_line"] in texts[row["block_id"]]
        else:
            assert row["worst_line"] == ""


def test_the_same_rows_to_a_file_from_gzip_from_a_pipe_and_without_the_memo(
    command: Command, checkpoint: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = command("score", log, "--checkpoint", checkpoint).out
    packed, out = tmp_path / "log", tmp_path / "scores.csv.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    ran = command("score", packed, "--checkpoint", checkpoint, "--out", out, "--no-memo")
    assert (ran.code, ran.out) == (0, b"")
    assert gzip.decompress(out.read_bytes()) == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(log.read_bytes())))
    assert command("score", "-", "--checkpoint", checkpoint).out == expected


def test_lines_of_stack_traces_are_counted_on_stderr(command: Command, checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(f"{LINE}\njava.io.IOException: Connection reset\n\tat sun.nio.ch.Net.read(Net.java:1)\n")
    ran = command("score", path, "--checkpoint", checkpoint)
    assert ran.err.partition("; ")[2] == "3 lines, 0 without a block, 2 that go on with another, 0 unreadable, 0 late\n"


def test_what_is_no_line_of_a_block_is_counted_on_stderr(command: Command, checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "log"
    late = LINE.replace("203518", "195518")
    known = [LINE] * RUN  # before so many nothing is known of the time, and nothing is late
    lines = [*known, LINE.replace("blk_-1", "a file"), "blk_-2 without a time", late, "blk_-3 " + "x" * 70_000]
    path.write_bytes("\n".join(lines).encode() + b"\nblk_-4 \xff\n")
    ran = command("score", path, "--checkpoint", checkpoint)
    assert ran.code == 0
    assert ran.err.partition("; ")[2] == (
        f"{RUN + 5} lines, 1 without a block, 3 unreadable (1 encoding, 1 timestamp, 1 too_long), 1 late\n"
    )
    [row] = rows(ran.out)
    assert {key: row[key] for key in ("block_id", "part", "lines", "first_time", "last_time")} == {
        "block_id": "blk_-1",
        "part": "1",
        "lines": str(RUN + 1),
        "first_time": "2008-11-09T19:55:18Z",
        "last_time": "2008-11-09T20:35:18Z",
    }


def test_window_settings_are_flags(command: Command, checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("\n".join(LINE.replace("203518", f"20{minute:02}00") for minute in (0, 1, 30, 31, 32)))
    ran = command(
        *("score", path, "--checkpoint", checkpoint, "--close-after", "10m", "--quiet-after", "1m"),
        *("--max-lines", "2", "--timezone", "Europe/Berlin"),
    )
    assert [(row["part"], row["lines"], row["first_time"]) for row in rows(ran.out)] == [
        ("1", "2", "2008-11-09T19:00:00Z"),
        ("2", "2", "2008-11-09T19:30:00Z"),
        ("3", "1", "2008-11-09T19:32:00Z"),
    ]


def test_a_text_has_the_score_of_a_window_that_may_go_on(command: Command, checkpoint: Path) -> None:
    masked = "dfs.DataNode$DataXceiver: Receiving block <block> src: <address> dest: <address>"
    [score] = BertScorer.load(checkpoint).score([[masked]], [False])
    ran = command("score", "--text", LINE, "--checkpoint", checkpoint)
    assert (ran.code, ran.out, ran.err) == (0, f"{score.value}\n".encode(), "")
    ran = command("score", "--text", LINE, "--json", "--checkpoint", checkpoint)
    assert json.loads(ran.out) == {
        "score": score.value,
        "p_value": score.p_value,
        "anomalous": score.anomalous,
        "severity": score.severity,
        "grades": score.grades,
        "checkpoint": BertScorer.load(checkpoint).checkpoint,
        "masked": [masked],
    }


def test_a_text_is_masked_as_the_lines_of_a_log_are_whose_blocks_have_other_names(
    command: Command, checkpoint: Path
) -> None:
    line = "2026-03-01 12:00:00 INFO shop: packed order-ab"
    ran = command("score", "--text", line, "--json", "--checkpoint", checkpoint, "--block-pattern", "order-[a-z]+")
    assert json.loads(ran.out)["masked"] == ["shop: packed <block>"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "give log files, or --text, and not both"),
        (("log", "--text", "x"), "give log files, or --text, and not both"),
        (("log", "--json"), "--json goes with --text; rows are CSV"),
        (("log", "--close-after", "soon"), "close_after: 'soon' is no duration"),
        (("log", "--close-after", "10s"), "quiet_after must be shorter than close_after"),
    ],
)
def test_wrong_usage_exits_with_2(command: Command, arguments: tuple[str, ...], complaint: str) -> None:
    ran = command("score", *arguments)
    assert (ran.code, ran.out) == (2, b"")
    assert complaint in ran.err


def test_failures_are_one_line(command: Command, checkpoint: Path, log: Path, tmp_path: Path) -> None:
    tiny = ("--checkpoint", checkpoint)
    nowhere = tmp_path / "no" / "scores.csv"
    for arguments, complaint in {
        (tmp_path / "none", *tiny): f"cannot read {tmp_path / 'none'}: No such file or directory",
        (log, "--checkpoint", tmp_path): f"{tmp_path} is no checkpoint: it has no model.safetensors",
        (log, "--out", nowhere, *tiny): f"cannot write {nowhere}: No such file or directory",
        ("--text", " \n", *tiny): "there is no log line in the text",
        ("--text", "x" * 70_000, *tiny): "the line has 70000 bytes, more than 65536",
    }.items():
        ran = command("score", *arguments)
        assert (ran.code, ran.out) == (1, b"")
        assert ran.err.startswith(f"error: {complaint}")
        assert ran.err.count("\n") == 1


def test_a_failure_leaves_the_old_file_and_no_half_one(command: Command, checkpoint: Path, tmp_path: Path) -> None:
    out, broken = tmp_path / "scores.csv", tmp_path / "log.gz"
    out.write_text("before\n")
    broken.write_bytes(gzip.compress(b"".join(line + b"\n" for line in simulate(50).lines()))[:-20])
    ran = command("score", broken, "--checkpoint", checkpoint, "--out", out)
    assert (ran.code, ran.err) == (1, f"error: cannot unpack {broken}: it is cut short\n")
    assert out.read_text() == "before\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_reader_that_has_seen_enough_is_no_failure(checkpoint: Path, log: Path) -> None:
    arguments = [sys.executable, "-m", "stream", "score", str(log), "--checkpoint", str(checkpoint)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(60) == 0


def test_help_shows_an_example_and_the_columns(command: Command) -> None:
    ran = command("score", "--help")
    assert ran.code == 0
    assert "tinylogbert score hdfs.log.gz --out scores.csv" in ran.out.decode()
    assert HEADER.decode() in ran.out.decode()
