"""Schemathesis against the running server: whatever is sent, it answers as its description says, and never with 5xx."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from pipeline import new_settings
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
    described = schemathesis.openapi.from_url(f"{api.base_url}/openapi.json")
    found = (result.ok() for result in described.get_all_operations())
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("route", ROUTES)
def test_every_route_answers_as_described(operations: dict[str, Any], route: str, mode: GenerationMode) -> None:
    operation = operations[route]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query or operation.path_parameters):
        pytest.skip("nothing is sent that could be wrong")

    @settings(max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def every(case: Any) -> None:
        case.call_and_validate(timeout=30)

    every()


def test_every_route_that_is_described_is_tried(operations: dict[str, Any]) -> None:
    assert set(operations) == {*ROUTES, ENDLESS}
