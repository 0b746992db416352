"""What the daemon tells of itself where it shows metrics: a thread asks every two seconds, if it is told where.

Reads the one figure that no topic holds, the number of open windows, out of Prometheus' text form.
"""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from stream.settings import host_and_port

_EVERY_S = 2.0
_TIMEOUT_S = 2.0
_MOST_BYTES = 4 * 1024 * 1024
_JOIN_S = 5.0
_OPEN_WINDOWS = "tinylogbert_open_windows"


class DaemonMetrics:
    """``open_windows`` is None where it is not known."""

    def __init__(self, address: str | None) -> None:
        self.asked = address is not None
        self.open_windows: int | None = None
        self._over = threading.Event()
        host, port = host_and_port(address) if address else ("", 0)
        self._url = f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"
        self._thread = threading.Thread(target=self._run, name="daemon metrics", daemon=True)

    def start(self) -> None:
        """Begin, if there is anybody to ask."""
        if self.asked:
            self._thread.start()

    def stop(self) -> None:
        """End, and wait for that."""
        self._over.set()
        if self.asked:
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while not self._over.is_set():
            try:
                with opener.open(self._url, timeout=_TIMEOUT_S) as answer:
                    self.open_windows = open_windows(answer.read(_MOST_BYTES).decode(errors="replace"))
            except (OSError, ValueError):
                self.open_windows = None  # the daemon may be back later
            self._over.wait(_EVERY_S)


def open_windows(text: str) -> int | None:
    """The sum over partitions in what ``/metrics`` said; None if it says nothing of it.

    >>> open_windows('tinylogbert_open_windows{partition="0"} 3.0\\ntinylogbert_open_windows{partition="1"} 4.0')
    7
    """
    found = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(_OPEN_WINDOWS + "{")]
    return int(sum(float(value) for value in found)) if found else None


@contextmanager
def daemon_metrics(address: str | None) -> Iterator[DaemonMetrics]:
    """The thread, until the block ends."""
    thread = DaemonMetrics(address)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()
