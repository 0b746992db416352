"""Where Prometheus asks: addresses, forms of the answer, and clients that behave badly."""

import socket
import struct
import threading

import httpx
import pytest
from command import Command
from pipeline import new_settings

from stream.metrics.endpoint import endpoint
from stream.metrics.families import Exporter, exposition, new_registry
from stream.metrics.server import ServerMetrics


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


@pytest.mark.parametrize("address", ["host", "host:", ":9464", "host:99999", "a b:1", "::1:9464"])
def test_what_is_no_address_is_refused_as_wrong_usage(command: Command, address: str) -> None:
    ran = command("consume", "--metrics-address", address)
    assert ran.code == 2
    assert f"{address!r} is no address such as 9464, 127.0.0.1:9464 or [::]:9464" in ran.err


def test_a_port_that_is_taken_ends_the_daemon_with_one_line(broker: str, command: Command) -> None:
    settings = new_settings(broker)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        topics = [text for n in ("raw", "lines", "scores", "anomalies", "dead_letter", "windows")
                  for text in (f"--{n.replace('_', '-')}-topic", getattr(settings, f"{n}_topic"))]  # fmt: skip
        ran = command(
            "consume", "--stage", "route", "--bootstrap-servers", broker, *topics, "--metrics-address", address
        )
    assert ran.code == 1
    last = ran.err.splitlines()[-1]
    assert (
        last == f"error: metrics cannot be shown at {address}: Address already in use; choose another --metrics-address"
    )


def test_prometheus_gets_openmetrics_where_it_asks_for_it() -> None:
    body, kind = exposition(new_registry(), "application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_the_endpoint_ends_with_its_block() -> None:
    with endpoint("127.0.0.1:0", Exporter([], dict)) as url:
        assert "python_info" in httpx.get(url, trust_env=False).text
    port = int(url.split(":")[2].split("/")[0])
    with socket.create_server(("127.0.0.1", port)):
        pass  # nobody holds it any more


@pytest.mark.parametrize("kind", ["application/openmetrics-text", "text/plain"])
def test_a_version_that_is_none_gets_the_plain_form(kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    accept = f"{kind}; version=1.x"
    assert ServerMetrics().exposition(accept)[1].startswith("text/plain")
    with endpoint("127.0.0.1:0", Exporter([], dict)) as url:
        answer = httpx.get(url, headers={"accept": accept}, trust_env=False)
    assert (answer.status_code, "build_info" in answer.text) == (200, True)
    assert capfd.readouterr().err == ""


def test_a_probe_that_goes_away_is_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    with endpoint("127.0.0.1:0", Exporter([], dict)) as url:
        place = httpx.URL(url)
        with socket.create_connection((place.host, place.port or 0)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closed by a reset
        assert httpx.get(url, trust_env=False).status_code == 200
        for thread in threading.enumerate():
            if "process_request" in thread.name:
                thread.join()
    assert capfd.readouterr().err == ""
