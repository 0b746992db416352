"""One daemon as a process, and what its log says of it. Starts again under the same name; decides nothing."""

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from stream.broker import process

_PROGRAMS = {"bert": ("-m", "stream", "consume"), "content": ("-m", "bench.content_daemon")}
_ABORTED = "transaction aborted"
FENCED = "another worker has taken this one's place"


def command(scorer: str, flags: Sequence[str], worker_id: str | None) -> list[str]:
    """The command line of a daemon."""
    named = [f"--worker-id={worker_id}"] if worker_id else []
    return [sys.executable, *_PROGRAMS[scorer], *flags, *named]


@dataclass
class Tally:
    """What all daemons' logs say, together; ``restores`` are records and seconds of each."""

    counts: Counter[str] = field(default_factory=Counter)
    aborts: Counter[str] = field(default_factory=Counter)
    restores: list[tuple[int, float]] = field(default_factory=list)


class Member:
    """``held`` are its partitions, ``since`` when it got its first, ``begun`` whether it has come to its work."""

    def __init__(self, name: str, worker_id: str | None, log: Path, tally: Tally) -> None:
        self.name = name
        self.worker_id = worker_id
        self.log = log
        self.leaving = False
        self._tally = tally
        self._forget()

    def _forget(self) -> None:
        self.held: set[str] = set()
        self.since = 0.0
        self.begun = False
        self.born = time.monotonic()
        self._words: list[str] = []
        self._read = self.log.stat().st_size if self.log.exists() else 0

    def start(self, arguments: Sequence[str]) -> None:
        """Start the process; its log goes on in the same file."""
        self._forget()
        environ = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = process.spawn(arguments, environ, self.log, die_with_parent=True)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.exit_code() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        process.exit_code(self._process, within_s=30)

    def exit_code(self) -> int | None:
        """None while it runs; below 0 for a signal."""
        return process.exit_code(self._process, within_s=0)

    def cpu_s(self) -> float | None:
        """Processor time so far; None if it has ended."""
        try:
            times = self._process.cpu_times()
        except psutil.Error:
            return None
        return float(times.user + times.system)

    @property
    def words(self) -> str:
        """The last lines of its log that are no entries: an error, a traceback; or else the last entry."""
        return " | ".join(self._words[-4:])

    def look(self) -> None:
        """Read what the log says by now."""
        if not self.log.exists():
            return
        with self.log.open("rb") as file:
            file.seek(self._read)
            whole = file.read().rpartition(b"\n")[0]
        self._read += len(whole) + 1 if whole else 0
        for line in whole.decode(errors="replace").splitlines():
            try:
                self._entry(json.loads(line))
            except ValueError:
                self._words.append(line)
                self._tally.counts["fenced"] += FENCED in line

    def _entry(self, entry: dict[str, Any]) -> None:
        event = entry["event"]
        self._tally.counts[event.partition(",")[0]] += 1
        if event.startswith(_ABORTED):
            self._tally.aborts[entry.get("error", "")] += 1
        elif event == "started":
            self.begun = True
        elif event == "assigned":
            self.since = self.since if self.held else time.monotonic()
            self.held.update(entry["partitions"])
        elif event in ("revoked", "lost"):
            self.held.difference_update(entry["partitions"])
        elif event == "restored":
            self._tally.restores.append((entry["records"], entry["seconds"]))
