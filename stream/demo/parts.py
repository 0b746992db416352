"""The demo's broker, daemon, page and sender: started in order, and ended whatever happens.

Each is a context manager. All but the sender are processes that the kernel ends should this one be killed.
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from stream.broker import EmbeddedBroker
from stream.demo.child import Child
from stream.demo.log import DemoLog
from stream.errors import UserError
from stream.kafka.clients import new_admin, partitions_of
from stream.kafka.sender import Labelled, Sender, labelled
from stream.settings import Settings

_GRACE_S = 10.0
_BROKER_GRACE_S = 0.5
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


def daemon(log_file: Path, checkpoint: Path | None) -> AbstractContextManager[Child]:
    """A daemon that gets ready; its log in a file."""
    return _child("daemon", "consume", log_file, checkpoint)


def consume(running: Child, settings: Settings) -> str:
    """Let a daemon begin; return, once it has its partitions, where it shows its metrics. Raises BrokerError."""
    running.begin({**{name: getattr(settings, name) for name in _SETTINGS}, "metrics_address": 0})
    running.wait_for("assigned")
    return str(urlsplit(running.wait_for("metrics")["url"]).netloc)


def page(log_file: Path, checkpoint: Path | None) -> AbstractContextManager[Child]:
    """A server of API and page that gets ready; its log in a file."""
    return _child("page", "serve", log_file, checkpoint)


@contextmanager
def _child(what: str, command: str, log_file: Path, checkpoint: Path | None) -> Iterator[Child]:
    # Broker, sender and children share the cores: threads that spin for a core which another has are worse than none.
    running = Child(what, command, log_file, checkpoint, OMP_NUM_THREADS="1")
    try:
        yield running
    finally:
        running.end()


def serve(running: Child, settings: Settings, metrics: str, labels: Path) -> str:
    """Let a server begin, on a free port of this machine; return, once it listens, its URL. Raises BrokerError.

    ``metrics`` is what ``consume`` returned.
    """
    chosen = {name: getattr(settings, name) for name in ("bootstrap_servers", "group_id")}
    running.begin({**chosen, "listen_address": 0, "daemon_metrics": metrics}, [f"--labels={labels}"])
    return str(running.wait_for("serving")["url"])


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
