"""The demo's broker, daemon and sender: started in order, and ended whatever happens.

Each is a context manager. Broker and daemon are processes that the kernel ends should this one be killed.
"""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.broker import EmbeddedBroker, process
from stream.demo.log import DemoLog
from stream.errors import BrokerError, UserError
from stream.kafka.clients import new_admin, partitions_of
from stream.kafka.sender import Labelled, Sender, labelled
from stream.output import open_output
from stream.settings import Settings

_GRACE_S = 10.0
_BROKER_GRACE_S = 0.5
_PATIENCE_S = 60.0
_POLL_S = 0.05
_SETTINGS = ("bootstrap_servers", "group_id", "worker_id", "partitions", "idle_after")


@contextmanager
def broker(folder: Path, say: Callable[[str], None]) -> Iterator[str]:
    """An empty broker on a free port, its data in ``folder``; yields its address. Raises BrokerError."""
    kafka = EmbeddedBroker(folder, port=0, die_with_parent=True)
    kafka.stop()  # one that a killed demo has left
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield kafka.start(say)
    finally:
        say("stopping the broker")
        kafka.stop(grace_s=_BROKER_GRACE_S)  # the next demo begins with an empty one


class Daemon:
    """``tinylogbert consume`` as a process of its own; it gets ready at once, and consumes once told its settings."""

    def __init__(self, log_file: Path, checkpoint: Path | None) -> None:
        self._log_file = log_file
        self._flags_file = log_file.with_suffix(".flags")
        self._checkpoint = [str(checkpoint)] if checkpoint else []
        self._flags_file.unlink(missing_ok=True)
        log_file.write_bytes(b"")
        command = [sys.executable, "-m", "stream.demo.warm", str(self._flags_file), *self._checkpoint]
        # Broker, sender and daemon share the cores: threads that spin for a core which another has are worse than none.
        environ = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = process.spawn(command, environ, log_file, die_with_parent=True)

    def consume(self, settings: Settings) -> None:
        """Let it begin; return once it has its partitions, raise BrokerError if it ends or has none in a minute."""
        flags = [f"--{name.replace('_', '-')}={getattr(settings, name)}" for name in _SETTINGS]
        flags += [f"--checkpoint={folder}" for folder in self._checkpoint]
        with open_output(str(self._flags_file)) as file:
            file.write("\n".join(flags).encode())
        deadline = time.monotonic() + _PATIENCE_S
        while b'"event": "assigned"' not in self._log_file.read_bytes():
            self.check()
            if time.monotonic() > deadline:
                raise BrokerError(f"the daemon has no partitions after {_PATIENCE_S:.0f} s ({self._log_file})")
            time.sleep(_POLL_S)

    def check(self) -> None:
        """Raise BrokerError, with its last words, if it has ended."""
        if process.exit_code(self._process, within_s=0) is not None:
            words = self._log_file.read_text(errors="replace").strip().splitlines()
            raise BrokerError(f"the daemon has ended: {words[-1] if words else 'without a word'} ({self._log_file})")

    def end(self) -> None:
        """SIGTERM, and SIGKILL if it does not end."""
        process.end(self._process, _GRACE_S)
        self._flags_file.unlink(missing_ok=True)


@contextmanager
def daemon(log_file: Path, checkpoint: Path | None) -> Iterator[Daemon]:
    """A daemon that gets ready, its log in a file."""
    running = Daemon(log_file, checkpoint)
    try:
        yield running
    finally:
        running.end()


class Playing:
    """A thread that plays the log into the raw topic within about ``seconds``."""

    def __init__(self, settings: Settings, log: DemoLog, seconds: float) -> None:
        self.error: UserError | None = None
        self.done = False
        self._log = log
        partitions = len(partitions_of(new_admin(settings), settings, settings.raw_topic))
        self._ticks: list[Labelled] = [(log.tick, None)] * partitions
        self._sender = Sender(settings, settings.raw_topic, log.seconds / seconds)
        self._last = Sender(settings, settings.raw_topic)
        self._thread = threading.Thread(target=self._play, name="player", daemon=True)
        self._thread.start()

    @property
    def sent(self) -> int:
        """Lines sent so far."""
        return self._sender.lines

    def stop(self) -> None:
        """Let it end, and wait for that."""
        self._sender.stop()
        self._thread.join(_GRACE_S)

    def _play(self) -> None:
        try:
            self._sender.send(labelled(self._log.lines, self._log.labels))
            self._sender.flush()
            self._last.send(self._ticks)
            self._last.flush()
            self.done = True
        except UserError as error:
            self.error = error


@contextmanager
def playing(settings: Settings, log: DemoLog, seconds: float) -> Iterator[Playing]:
    """The log, being played."""
    player = Playing(settings, log, seconds)
    try:
        yield player
    finally:
        player.stop()
