"""The demo: all of it as real processes, the page among them, figures at the end, and nothing left running."""

import csv
import gzip
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tiny_checkpoint import write_tiny_checkpoint

from stream.demo.child import Child
from stream.demo.linger import is_watched, until_told
from stream.demo.log import write_log
from stream.errors import BrokerError, InputError
from stream.lines import LineReader, block_ids


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("demo") / "tiny")


@contextmanager
def started(out: Path, checkpoint: Path, *more: str, terminal: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """The demo, with a terminal or without; interrupted at the end of the block if it is alive."""
    command = [sys.executable, "-m", "stream", "demo", "--out", str(out), "--checkpoint", str(checkpoint)]
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    at: dict[str, Any] = (
        {"stdin": none, "stdout": pipe} if terminal is None else {"stdin": terminal, "stdout": terminal}
    )
    # What the user says to Kafka's client is about another broker than the demo's.
    environ = {**os.environ, "COLUMNS": "120", "TINYLOGBERT_KAFKA": '{"security.protocol": "SSL"}'}
    with subprocess.Popen(
        [*command, *more], **at, stderr=pipe, text=True, start_new_session=True, env=environ
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)


def said_until(process: subprocess.Popen[str], words: str) -> list[str]:
    """The lines on stderr, up to the one that has these words."""
    assert process.stderr
    said = [""]
    while words not in said[-1]:
        said.append(process.stderr.readline())
        assert said[-1], said
    return said[1:]


class Terminal:
    """A terminal that a process may have, and what it showed so far."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self.shown = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # the last one who had it is gone
            while chunk := os.read(self._ours, 65_536):
                self.shown += chunk.decode(errors="replace")

    def press_enter(self) -> None:
        os.write(self._ours, b"\n")

    def close(self) -> None:
        os.close(self.theirs)
        self._reader.join(10)
        os.close(self._ours)


def running_on(folder: Path) -> list[str]:
    """Processes, of any kind, that were started with this folder in their command line."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(folder) in words and process.pid != os.getpid():
            found.append(words)
    return found


def test_on_a_terminal_the_page_stays_until_enter_and_then_nothing_runs_but_the_files_are_there(
    tmp_path: Path, checkpoint: Path
) -> None:
    terminal = Terminal()
    with started(
        tmp_path / "out", checkpoint, "--blocks", "150", "--seconds", "1", terminal=terminal.theirs
    ) as process:
        stays = said_until(process, "the page stays")[-1]
        assert stays.endswith("; Enter or Ctrl-C ends it\n")
        (url,) = re.findall(r"http://127\.0\.0\.1:\d+", stays)
        with httpx.Client(base_url=url, trust_env=False, timeout=20) as page:
            assert "TinyLogBERT" in page.get("/").text
            alarm = page.get("/anomalies").json()["anomalies"][0]
            assert page.get(f"/blocks/{alarm['block_id']}").json()["parts"][0]["lines"]
        assert process.poll() is None
        terminal.press_enter()
        process.communicate(timeout=60)
    terminal.close()
    out = terminal.shown
    assert process.returncode == 0, out
    assert out.count(f"the page is at {url}") == 1
    figures = json.loads((tmp_path / "out" / "figures.json").read_bytes())
    assert figures["blocks"] == 150
    assert figures["anomalous"] == 4
    assert f"streaming AUC {figures['roc_auc']:.4f}, average precision {figures['average_precision']:.4f}" in out
    with (tmp_path / "out" / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["block_id"] for row in rows}) == 150
    alarms = {row["block_id"] for row in rows if row["anomalous"] == "true"}
    assert all(block in out for block in alarms)
    assert not running_on(tmp_path)


def test_ctrl_c_ends_daemon_page_and_broker_too(tmp_path: Path, checkpoint: Path) -> None:
    with started(tmp_path / "out", checkpoint, "--blocks", "150", "--seconds", "60") as process:
        said = said_until(process, "the page is at http://127.0.0.1:")
        assert said[0] == "simulating a log with failures in it\n"
        assert running_on(tmp_path)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not running_on(tmp_path)


def test_where_nobody_watches_it_is_not_waited_for_enter() -> None:
    assert not is_watched(io.StringIO(), io.StringIO())


def test_the_page_stays_for_the_time_that_was_said_and_no_longer() -> None:
    asked = []
    until_told(None, 0.2, lambda: asked.append(time.monotonic()))
    assert asked
    until_told(None, 0, lambda: pytest.fail("the time is over"))


def test_a_page_that_ends_by_itself_is_not_waited_for() -> None:
    def check() -> None:
        raise BrokerError("the page has ended")

    with pytest.raises(BrokerError, match="the page has ended"):
        until_told(None, None, check)


def test_a_checkpoint_that_is_none_ends_it_with_one_line_before_anything_starts(tmp_path: Path) -> None:
    with started(tmp_path / "out", tmp_path / "nothing") as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith(f"error: {tmp_path / 'nothing'} is no checkpoint: it has no ")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_daemon_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    daemon = Child("daemon", "consume", tmp_path / "daemon.log", None)
    try:
        daemon.begin({"quiet_after": "never"})
        with pytest.raises(BrokerError, match=r"the daemon has ended: .*'never' is no duration") as ended:
            daemon.wait_for("assigned")
    finally:
        daemon.end()
    assert "\n" not in str(ended.value)


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
