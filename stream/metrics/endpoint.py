"""Where Prometheus scrapes a process that is no web server: ``GET /metrics`` in a thread of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import start_http_server

from stream.errors import InputError
from stream.metrics.families import Exporter, new_registry
from stream.settings import host_and_port


@contextmanager
def endpoint(address: str, *exporters: Exporter) -> Iterator[str]:
    """Listen at ``HOST:PORT``, or at a port of this machine alone, and yield the URL; port 0 is any that is free.

    Raises InputError where it cannot listen there.
    """
    host, port = host_and_port(address)
    try:
        server, thread = start_http_server(port, host, new_registry(*exporters))
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(
            f"metrics cannot be shown at {host}:{port}: {why}; choose another --metrics-address"
        ) from error
    shown = f"[{host}]" if ":" in host else host
    try:
        yield f"http://{shown}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
