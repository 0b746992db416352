"""Commands of the documentation, taken from its pages and run as a reader would: in a shell, one after the other.

``tinylogbert`` is this one, but for what takes minutes or would touch what is not the test's: trainings are short, and
the broker that is started or asked for is the session's.
"""

import gzip
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docpages import ROOT
from pipeline import wait_until

from stream.simulator import simulate

_TINYLOGBERT = """\
#!/bin/sh
case "$1 $2" in
  "broker start"|"broker status") set -- "$@" --data-dir '{broker}' ;;
  "broker stop") set -- "$@" --data-dir '{nowhere}' ;;
esac
case "$1 $*" in
  *--detector*) ;;
  train*) set -- "$@" ${{TRAINING:---steps 2 --no-plots}} ;;
esac
exec '{python}' -m stream "$@"
"""


class Shell:
    """Runs lines in a folder; what a line exports or sets, the next one has. Daemons run until the block ends."""

    def __init__(self, folder: Path, broker: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._kept = folder / ".environment"
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        programs = folder / ".bin"
        programs.mkdir()
        command = programs / "tinylogbert"
        own = {"broker": broker, "nowhere": folder / "nowhere", "python": sys.executable}
        command.write_text(_TINYLOGBERT.format(**own))
        command.chmod(0o755)
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **environment}

    def run(self, line: str) -> str:
        """Run a line to its end and return what it printed; what fails anywhere in it fails the test."""
        script = f"set -aeuo pipefail\n{line}\nenv -0 > {self._kept}"
        ran = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120
        )
        assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
        pairs = self._kept.read_text().rstrip("\0").split("\0")
        self.environment |= dict(pair.split("=", 1) for pair in pairs)
        return ran.stdout

    def start(self, line: str) -> Path:
        """Start what runs until it is told to end; returns the file that has all that it says."""
        log = self.folder / f".{len(list(self.folder.glob('.*.log')))}.log"
        with log.open("wb") as out:
            self._daemons[line] = subprocess.Popen(
                ["bash", "-c", f"exec {line}"], cwd=self.folder, env=self.environment, stdout=out, stderr=out
            )
        return log

    def saying(self, log: Path, *texts: str) -> None:
        """Wait until a daemon has said one of these; one that ended before fails the test."""
        alive = list(self._daemons.values())

        def said() -> bool:
            return any(text in log.read_text() for text in texts)

        wait_until(lambda: said() or any(daemon.poll() is not None for daemon in alive), f"{log} says {texts}", 120)
        assert said(), log.read_text()

    def end(self) -> dict[str, int]:
        """End the daemons as Ctrl-C does; their exit codes."""
        for daemon in self._daemons.values():
            daemon.send_signal(signal.SIGINT)
        codes = {line: daemon.wait(60) for line, daemon in self._daemons.items()}
        self._daemons.clear()
        return codes

    def kill(self) -> None:
        """Leave nothing running."""
        for daemon in self._daemons.values():
            daemon.kill()
            daemon.wait(60)


@contextmanager
def shell(folder: Path, broker: Path, environment: dict[str, str]) -> Iterator[Shell]:
    """A shell in a folder, with the session's broker; whatever it started is dead at the end of the block.

    ``TRAINING`` in its environment is said to every training that names no detector.
    """
    opened = Shell(folder, broker, environment)
    try:
        yield opened
    finally:
        opened.kill()


def own_topics() -> dict[str, str]:
    """The environment of a test of its own: topics and a group that no other has, any free port."""
    unique = uuid.uuid4().hex[:10]
    names = ("raw", "lines", "scores", "anomalies", "dead_letter", "windows")
    topics = {f"TINYLOGBERT_{name.upper()}_TOPIC": f"{name}-{unique}" for name in names}
    return {**topics, "TINYLOGBERT_GROUP_ID": f"group-{unique}", "TINYLOGBERT_LISTEN_ADDRESS": "0"}


def write_log(log: Path, labels: Path, blocks: int, hours: float | None = None) -> None:
    """A simulated log with failures in it, packed if its name says so, and the labels of its blocks."""
    content = b"".join(line + b"\n" for line in simulate(blocks, 0.06, seed=5, hours=hours).lines())
    log.write_bytes(gzip.compress(content) if log.suffix == ".gz" else content)
    known = simulate(blocks, 0.06, seed=5, hours=hours).labels()
    labels.write_text("BlockId,Label\n" + "".join(f"{label.block_id},{int(label.anomalous)}\n" for label in known))


def url_in(log: Path) -> str:
    """Where the server of this log listens."""
    return next(str(json.loads(line)["url"]) for line in log.read_text().splitlines() if '"serving"' in line)
