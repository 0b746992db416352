"""The demo: all of it as real processes, figures at the end, and nothing left running, whenever it ends."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tiny_checkpoint import write_tiny_checkpoint

from stream.demo.log import write_log
from stream.errors import InputError
from stream.lines import LineReader, block_ids


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("demo") / "tiny")


def start(out: Path, checkpoint: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "stream", "demo", "--out", str(out), "--checkpoint", str(checkpoint)]
    pipe = subprocess.PIPE
    return subprocess.Popen([*command, *more], stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def running_on(folder: Path) -> list[str]:
    """Processes, of any kind, that were started with this folder in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(folder) in words and process.pid != os.getpid():
            found.append(words)
    return found


def test_the_demo_plays_the_stream_closes_every_block_and_leaves_files_but_no_process(
    tmp_path: Path, checkpoint: Path
) -> None:
    process = start(tmp_path / "out", checkpoint, "--blocks", "150", "--seconds", "1")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    figures = json.loads((tmp_path / "out" / "figures.json").read_bytes())
    assert figures["blocks"] == 150
    assert figures["anomalous"] == 4
    assert f"streaming AUC {figures['roc_auc']:.4f}, average precision {figures['average_precision']:.4f}" in out
    with (tmp_path / "out" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["block_id"] for row in rows}) == 150
    alarms = {row["block_id"] for row in rows if row["anomalous"] == "true"}
    assert all(block in out for block in alarms)
    assert err.startswith("simulating a log with failures in it\n")
    assert not running_on(tmp_path)


def test_ctrl_c_ends_daemon_and_broker_too(tmp_path: Path, checkpoint: Path) -> None:
    process = start(tmp_path / "out", checkpoint, "--seconds", "60")
    deadline = time.monotonic() + 60
    log = tmp_path / "out" / "daemon.log"
    while not (log.exists() and b'"assigned"' in log.read_bytes()):
        assert time.monotonic() < deadline, "the daemon does not start"
        os.sched_yield()
    assert running_on(tmp_path)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not running_on(tmp_path)


def test_a_checkpoint_that_is_none_ends_it_with_one_line(tmp_path: Path) -> None:
    process = start(tmp_path / "out", tmp_path / "nothing", "--blocks", "100")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"{tmp_path / 'nothing'} is no checkpoint" in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("error: the daemon has ended: ")
    assert not running_on(tmp_path / "out")


def test_the_log_ends_with_a_line_so_late_that_all_other_windows_are_over(tmp_path: Path) -> None:
    log = write_log(tmp_path, blocks=100, seed=1, silence_ms=3_600_000)
    read = LineReader().read
    assert read(log.tick).time - read(log.lines[-1]).time == 3_660_000
    assert block_ids(log.tick)[0].decode() not in log.labels
    written = gzip.decompress((tmp_path / "stream.log.gz").read_bytes()).split(b"\n")
    assert written == [*log.lines, log.tick, b""]


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to"):
        write_log(tmp_path / "file", blocks=100, seed=1, silence_ms=1)
