"""``tinylogbert data hdfs``, as a person runs it. It expects the real set, which nobody has here."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import Command
from smallset import ARCHIVE, quiet
from web import Web, serving

from stream.dataset import HDFS_V1, obtain
from stream.errors import InputError


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(Web(ARCHIVE)) as web:
        yield web


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


def running(url: str, folder: Path) -> subprocess.Popen[bytes]:
    arguments = ["data", "hdfs", "--out", str(folder), "--url", url]
    return subprocess.Popen([sys.executable, "-m", "stream", *arguments], stderr=subprocess.PIPE)


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_ctrl_c_leaves_what_came_and_the_next_run_goes_on(web: Web, tmp_path: Path, command: Command) -> None:
    web.size, web.cuts, web.stalls = HDFS_V1.size, [600_000], True
    part = tmp_path / "HDFS_v1.zip.part"
    first = running(web.url, tmp_path)
    try:
        wait_for(lambda: part.exists() and part.stat().st_size > 0)
        with pytest.raises(InputError, match=r"another process fetches to .*HDFS_v1.zip.part; wait for it, or end it"):
            obtain(HDFS_V1, tmp_path, quiet, web.url)
        first.send_signal(signal.SIGINT)
        _, error = first.communicate(timeout=30)
    finally:
        first.kill()
    assert (first.returncode, error) == (130, b"")
    kept = part.stat().st_size
    assert part.read_bytes() == ARCHIVE[:kept]
    web.stalls = False
    ran = command("data", "hdfs", "--out", tmp_path, "--url", web.url)
    assert web.asked[:2] == [None, f"bytes={kept}-"]
    assert (ran.code, ran.out) == (1, b"")
    assert re.fullmatch(r"error: cannot fetch from 127.0.0.1:\d+ \(.+\); [23].. of 186.6 MB are kept; .+\n", ran.err)
    assert len(ARCHIVE) - part.stat().st_size < 65_536


def refused() -> str:
    """An address of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://user:secret@127.0.0.1:{free.getsockname()[1]}/HDFS_v1.zip"


@pytest.mark.parametrize(
    ("status", "url", "error"),
    [
        (404, None, r"127.0.0.1:\d+ answers 404 Not Found for /files/set.zip"),
        (503, None, r"127.0.0.1:\d+ answers 503 Service Unavailable for /files/set.zip"),
        (200, None, r"127.0.0.1:\d+ has another file at /files/set.zip: [\d,]+ bytes or more, it must be 186,645,559"),
        (
            200,
            refused(),
            r"cannot fetch from 127.0.0.1:\d+ \(.*Connection refused\); check the address, the network .*",
        ),
        (
            200,
            "no address",
            r"cannot fetch from 'no address' \(.* contains invalid character ' '\); check the address, the network .*",
        ),
        (
            200,
            "file:///etc/passwd",
            r"cannot fetch from 'file:.*' \(No connection adapters .*\); check the address, .*",
        ),
    ],
    ids=["not found", "unavailable", "too short", "refused", "no address", "no such protocol"],
)
def test_what_cannot_be_fetched_is_one_line(
    web: Web, tmp_path: Path, command: Command, status: int, url: str | None, error: str
) -> None:
    web.status = status
    ran = command("data", "hdfs", "--out", tmp_path, "--url", url or web.url)
    assert (ran.code, ran.out) == (1, b"")
    assert re.fullmatch(f"error: {error}\n", ran.err)
    assert "secret" not in ran.err


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, command: Command) -> None:
    (tmp_path / "file").touch()
    ran = command("data", "hdfs", "--out", tmp_path / "file" / "folder")
    assert (ran.code, ran.err) == (1, f"error: cannot make the folder {tmp_path}/file/folder: Not a directory\n")
