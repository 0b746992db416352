"""What the server tells about itself: requests, streams and events. Counted where they happen, from any thread."""

import threading
from collections import Counter

from stream.distribution import Distribution
from stream.metrics.families import Described, Exporter, Figures, exposition, new_registry

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

SERVER = (
    Described("tinylogbert_http_requests_total", "counter", "Requests answered.", ("method", "path", "status")),
    Described("tinylogbert_http_request_seconds", "histogram", "Time to answer a request; streams not.", ("path",)),
    Described("tinylogbert_http_streams", "gauge", "Open streams of events (GET /events)."),
    Described("tinylogbert_served_events_total", "counter", "Events read from the scored topics.", ("topic",)),
    Described("tinylogbert_served_windows_total", "counter", "Windows scored for POST /score.", ("severity",)),
)
"""``path`` is the route's pattern (``/blocks/{id}``), never what a client sent: its values have to stay few."""


class ServerMetrics:
    """The counts of one server; ``exposition`` is its answer to ``GET /metrics``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, ...]] = Counter()
        self._seconds: dict[tuple[str, ...], Distribution] = {}
        self._events: Counter[tuple[str, ...]] = Counter()
        self._windows: Counter[tuple[str, ...]] = Counter()
        self._streams = 0
        self.exporter = Exporter(SERVER, self._figures)
        self._registry = new_registry(self.exporter)

    def request(self, method: str, path: str, status: int, seconds: float | None = None) -> None:
        """A request was answered; ``path`` is the pattern of its route; no time for a stream."""
        with self._lock:
            self._requests[method, path, str(status)] += 1
            if seconds is not None:
                self._seconds.setdefault((path,), Distribution(_SECONDS)).see(seconds)

    def stream(self, by: int) -> None:
        """A stream of events began (1) or ended (-1)."""
        with self._lock:
            self._streams += by

    def events(self, topic: str, number: int = 1) -> None:
        """So many events were read from a topic."""
        with self._lock:
            self._events[topic,] += number

    def windows(self, severity: str, number: int = 1) -> None:
        """So many windows were scored with this severity."""
        with self._lock:
            self._windows[severity,] += number

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Body and content type for ``GET /metrics``; ``accept`` is the request's header."""
        return exposition(self._registry, accept)

    def _figures(self) -> Figures:
        with self._lock:
            return {
                "tinylogbert_http_requests_total": dict(self._requests),
                "tinylogbert_http_request_seconds": {of: seconds.copy() for of, seconds in self._seconds.items()},
                "tinylogbert_http_streams": {(): self._streams},
                "tinylogbert_served_events_total": dict(self._events),
                "tinylogbert_served_windows_total": dict(self._windows),
            }
