"""What the daemon tells of itself where it shows metrics: a thread asks every two seconds, if it is told where.

Reads the one figure that no topic holds, the number of open windows, out of Prometheus' text form. A name with several
addresses, as a headless Service of Kubernetes has, is that of several daemons: each is asked, and none twice.
"""

import socket
import threading
import urllib.request
from collections.abc import Iterable, Iterator
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
        self._place = host_and_port(address) if address else ("", 0)
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
                self.open_windows = total(_ask(opener, url) for url in _urls(*self._place))
            except (OSError, ValueError):
                self.open_windows = None  # the daemon may be back later
            self._over.wait(_EVERY_S)


def _urls(host: str, port: int) -> list[str]:
    """Of every daemon behind a name: each has an address of the first kind (IPv4 or 6) that the name has."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    places = list(dict.fromkeys(str(where[0]) for *_, where in found))
    four = [place for place in places if ":" not in place]
    return [f"http://{place if four else f'[{place}]'}:{port}/metrics" for place in four or places]


def _ask(opener: urllib.request.OpenerDirector, url: str) -> str:
    with opener.open(url, timeout=_TIMEOUT_S) as answer:
        return str(answer.read(_MOST_BYTES).decode(errors="replace"))


def total(texts: Iterable[str]) -> int | None:
    """The sum over partitions in what each ``/metrics`` said, a partition that two speak of once; None if none does.

    >>> total(['tinylogbert_open_windows{partition="0"} 3.0', 'tinylogbert_open_windows{partition="1"} 4.0'])
    7
    """
    lines = [line for text in texts for line in text.splitlines() if line.startswith(_OPEN_WINDOWS + "{")]
    found = {place: float(value) for place, _, value in (line.rpartition(" ") for line in lines)}
    return int(sum(found.values())) if found else None


@contextmanager
def daemon_metrics(address: str | None) -> Iterator[DaemonMetrics]:
    """The thread, until the block ends."""
    thread = DaemonMetrics(address)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()
