"""Where Prometheus scrapes a process that is no web server: ``GET /metrics`` in a thread of its own."""

import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from stream.errors import InputError
from stream.metrics.families import Exporter, new_registry, understood
from stream.settings import host_and_port

_App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _Handler(WSGIRequestHandler):
    timeout = 10  # s in which a request has to come; each takes a thread

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or says nothing, is no line in our log: as a probe of a load balancer does."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


@contextmanager
def endpoint(address: str, *exporters: Exporter) -> Iterator[str]:
    """Listen at ``HOST:PORT``, or at a port of this machine alone, and yield the URL; port 0 is any that is free.

    Raises InputError where it cannot listen there.
    """
    host, port = host_and_port(address)
    try:
        server = _listen(host, port, make_wsgi_app(new_registry(*exporters)))
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(
            f"metrics cannot be shown at {host}:{port}: {why}; choose another --metrics-address"
        ) from error
    shown = f"[{host}]" if ":" in host else host
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield f"http://{shown}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listen(host: str, port: int, app: _App) -> WSGIServer:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)

    class Server(_Server):
        address_family = found[0][0]

    return make_server(host, port, _forgiving(app), Server, _Handler)


def _forgiving(app: _App) -> _App:
    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        return app({**environ, "HTTP_ACCEPT": understood(environ.get("HTTP_ACCEPT", ""))}, start)

    return answer
