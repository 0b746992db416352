"""A command of ours as a process of its own: it loads at once, begins once it is told its flags, and logs into a file.

The kernel ends it should this process be killed.
"""

import os
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from stream.broker import process
from stream.errors import BrokerError
from stream.output import open_output

_GRACE_S = 10.0
_PATIENCE_S = 60.0
_POLL_S = 0.05


class Child:
    """``tinylogbert COMMAND``; ``what`` is its name in errors, ``environ`` is added to the environment."""

    def __init__(self, what: str, command: str, log_file: Path, checkpoint: Path | None, **environ: str) -> None:
        self._what = what
        self._log_file = log_file
        self._flags_file = log_file.with_suffix(".flags")
        self._checkpoint = [str(checkpoint)] if checkpoint else []
        self._flags_file.unlink(missing_ok=True)
        log_file.write_bytes(b"")
        words = [sys.executable, "-m", "stream.demo.warm", command, str(self._flags_file), *self._checkpoint]
        # What the user says to Kafka's client is about another broker.
        inherited = {name: value for name, value in os.environ.items() if name != "TINYLOGBERT_KAFKA"}
        self._process = process.spawn(words, {**inherited, **environ}, log_file, die_with_parent=True)

    @property
    def pid(self) -> int:
        """Its number, for whoever measures it."""
        return int(self._process.pid)

    def begin(self, flags: Mapping[str, object], more: Iterable[str] = ()) -> None:
        """Let it begin, with these settings and other flags."""
        words = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
        words += [*more, *(f"--checkpoint={folder}" for folder in self._checkpoint)]
        with open_output(str(self._flags_file)) as file:
            file.write("\n".join(words).encode())

    def wait_for(self, event: str) -> Mapping[str, Any]:
        """Return its log line of this event, once there is one; raise BrokerError if it ends, or after a minute."""
        deadline = time.monotonic() + _PATIENCE_S
        while (found := self._said(event)) is None:
            self.check()
            if time.monotonic() > deadline:
                raise BrokerError(f"the {self._what} is not ready after {_PATIENCE_S:.0f} s ({self._log_file})")
            time.sleep(_POLL_S)
        return found

    def check(self) -> None:
        """Raise BrokerError, with its last words, if it has ended."""
        if process.exit_code(self._process, within_s=0) is not None:
            words = self._log_file.read_text(errors="replace").strip().splitlines()
            last = words[-1] if words else "without a word"
            raise BrokerError(f"the {self._what} has ended: {last} ({self._log_file})")

    def end(self) -> None:
        """SIGTERM, and SIGKILL if it does not end."""
        process.end(self._process, _GRACE_S)
        self._flags_file.unlink(missing_ok=True)

    def _said(self, event: str) -> Mapping[str, Any] | None:
        wanted = orjson.dumps(event)
        for line in self._log_file.read_bytes().split(b"\n")[:-1]:  # the last one may be half written
            if wanted in line and line.startswith(b"{") and (found := orjson.loads(line)).get("event") == event:
                return dict(found)
        return None
