"""``tinylogbert simulate`` as a person meets it: exit codes, files, what is on stdout and stderr."""

import csv
import gzip
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stream.commands.simulate import simulate_command
from stream.errors import UserError
from stream.simulator import FAILURES, simulate

COMMAND = [sys.executable, "-m", "stream", "simulate"]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(simulate_command, [str(argument) for argument in arguments])


def test_writes_lines_and_labels_and_sums_up_on_stderr(tmp_path: Path) -> None:
    out, labels = tmp_path / "hdfs.log", tmp_path / "labels.csv"
    result = run("--blocks", "200", "--seed", "7", "--out", out, "--labels", labels)
    lines = out.read_bytes().splitlines()
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith(f"{len(lines):,} lines, 200 blocks, 6 anomalous, ")
    assert lines == list(simulate(200, seed=7).lines())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hdfs.log", "labels.csv"]


def test_labels_are_a_csv_with_the_failures_name(tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    run("--blocks", "50", "--anomaly-rate", "0.5", "--failure", "lost_write", "--out", "-", "--labels", labels)
    assert labels.read_text().splitlines()[0] == "BlockId,Label,Failure"
    with labels.open() as file:
        kinds = {(row["Label"], row["Failure"]) for row in csv.DictReader(file)}
    assert kinds == {("Normal", ""), ("Anomaly", "lost_write")}


def test_a_dash_writes_to_stdout() -> None:
    result = run("--blocks", "20", "--out", "-")
    assert result.exit_code == 0
    assert result.stdout_bytes.splitlines() == list(simulate(20).lines())


def test_gz_is_compressed_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    first, second = tmp_path / "a.log.gz", tmp_path / "b.log.gz"
    for path in (first, second):
        assert run("--blocks", "20", "--out", path).exit_code == 0
    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()).splitlines() == list(simulate(20).lines())


def test_list_failures_names_them_all() -> None:
    result = run("--list-failures")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == list(FAILURES)


def test_an_unknown_failure_is_a_user_error_and_writes_nothing(tmp_path: Path) -> None:
    result = run("--blocks", "5", "--failure", "sunspots", "--out", tmp_path / "hdfs.log")
    assert isinstance(result.exception, UserError)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist_is_a_user_error(tmp_path: Path) -> None:
    result = run("--blocks", "5", "--out", tmp_path / "no" / "hdfs.log")
    assert isinstance(result.exception, UserError)
    assert "cannot write" in str(result.exception)


@pytest.mark.parametrize(
    "arguments", [("--blocks", "0", "--out", "-"), ("--blocks", "5"), ("--blocks", "5", "--anomaly-rate", "2")]
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_help_shows_an_example() -> None:
    assert "tinylogbert simulate --blocks 2000" in run("--help").stdout


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    with subprocess.Popen(
        [*COMMAND, "--blocks", "20000", "--out", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_ctrl_c_leaves_the_old_file_and_no_half_one(tmp_path: Path) -> None:
    out = tmp_path / "hdfs.log"
    out.write_bytes(b"before\n")
    with subprocess.Popen([*COMMAND, "--blocks", "50000000", "--out", str(out)], stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in tmp_path.glob(".*.part")):
            assert time.monotonic() < deadline, "the command did not begin to write"
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert [path.name for path in tmp_path.iterdir()] == ["hdfs.log"]
    assert out.read_bytes() == b"before\n"
