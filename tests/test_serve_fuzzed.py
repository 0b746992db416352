"""Schemathesis against the running server: whatever is sent, it answers as its description says, and never with 5xx."""

from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from pipeline import new_settings, wait_until
from schemathesis import GenerationMode
from serving import alarm, publish, serving

ROUTES = (
    "POST /score",
    "GET /anomalies",
    "GET /blocks/{block_id}",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
)
ENDLESS = "GET /events"


@pytest.fixture(scope="module")
def api(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    configured = new_settings(broker)
    publish(configured, *(alarm(f"blk_{n}") for n in range(5)))
    with serving(configured, tmp_path_factory.mktemp("fuzzed")) as opened:
        yield opened


@pytest.fixture(scope="module")
def operations(api: httpx.Client) -> dict[str, Any]:
    """What the running server says that it can do."""
    described = schemathesis.openapi.from_dict(feasible(api.get("/openapi.json").json()))
    results: Iterator[Any] = described.get_all_operations()
    found = (result.ok() for result in results)
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


def feasible(described: Any) -> Any:
    """Without limits that are beyond what hypothesis can make; tests/test_serve.py tries these."""
    if isinstance(described, dict):
        kept = {key: value for key, value in described.items() if key != "maxLength" or value <= 8_000}
        return {key: feasible(value) for key, value in kept.items()}
    return [feasible(one) for one in described] if isinstance(described, list) else described


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_answers_as_described(
    api: httpx.Client, operations: dict[str, Any], route: str, mode: GenerationMode
) -> None:
    operation = operations[route]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.path_parameters):
        pytest.skip("nothing is sent that could be wrong")

    @settings(max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def every(case: Any) -> None:
        case.call_and_validate(base_url=str(api.base_url), timeout=30)

    every()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_a_stream_begins_or_is_refused_with_a_reason_whatever_is_asked(
    api: httpx.Client, operations: dict[str, Any], mode: GenerationMode
) -> None:
    """A stream has no end, so that its begin is read, and it is closed then."""
    seen = set()

    @settings(max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operations[ENDLESS].as_strategy(generation_mode=mode))
    def every(case: Any) -> None:
        asked = case.as_transport_kwargs(base_url=str(api.base_url))
        with requests.request(**asked, stream=True, timeout=30) as answer:
            seen.add(answer.status_code)
            if answer.status_code == 200:
                assert begins(answer)
            elif answer.status_code != 405:  # another method than GET
                assert answer.status_code in (400, 422)
                assert answer.json()["detail"]

    every()
    assert (200 in seen) if mode is GenerationMode.POSITIVE else (422 in seen)
    none_is_open(api)


def begins(answer: requests.Response) -> bool:
    first = next(answer.iter_lines())
    return first == b": following" or first.startswith(b"id:")


def none_is_open(api: httpx.Client) -> None:
    wait_until(lambda: "tinylogbert_http_streams 0.0" in api.get("/metrics").text, "every stream is closed")


@pytest.mark.parametrize(
    ("query", "last"),
    [
        ("", "nonsense"),
        ("", "-1"),
        ("", "1.x.2"),
        ("", "99999999999999999999"),
        ("", "." * 10_000),
        ("", "١٢"),
        ("", "\xff\xfe"),
        ("severity=odd", ""),
        ("severity=", ""),
        ("anomalous=perhaps", ""),
        (f"block={'b' * 201}", ""),
    ],
)
def test_a_stream_whose_request_is_nonsense_is_refused_with_a_reason(api: httpx.Client, query: str, last: str) -> None:
    headers = {b"last-event-id": last.encode()} if last else {}
    with api.stream("GET", f"/events?{query}", headers=headers) as answer:
        assert answer.status_code == 422, answer.read()
        assert orjson.loads(answer.read())["detail"]


@pytest.mark.parametrize("last", ["0", "9223372036854775807", "...", "7" + ".1" * 500])
def test_a_place_that_no_partition_has_begins_a_stream_all_the_same(api: httpx.Client, last: str) -> None:
    with api.stream("GET", "/events?other=1", headers={"last-event-id": last}) as answer:
        assert answer.status_code == 200
        assert next(answer.iter_lines())
    none_is_open(api)


def test_every_route_that_is_described_is_tried(operations: dict[str, Any]) -> None:
    assert set(operations) == {*ROUTES, ENDLESS}


@pytest.mark.parametrize("since", ["0", "1226260000", "-1.5", "yesterday", ""])
def test_a_number_is_no_time(api: httpx.Client, since: str) -> None:
    assert api.get("/anomalies", params={"since": since}).status_code == 422
