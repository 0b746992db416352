"""Health for whoever keeps the server running, and metrics for Prometheus."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from stream.serve.models import Health
from stream.serve.parts import Parts


def state_router(parts: Parts) -> APIRouter:
    """The routes; none of them waits for the broker."""
    router = APIRouter(tags=["state"])

    @router.get("/health/live", summary="Whether the server answers at all")
    def live() -> dict[str, bool]:
        """As long as this answers, a restart mends nothing."""
        return {"live": True}

    @router.get(
        "/health/ready",
        summary="Whether it can do its work",
        response_model=None,
        responses={200: {"model": Health}, 503: {"model": Health, "description": "Not ready; `checks` says why."}},
    )
    def ready() -> JSONResponse:
        """Ready once Kafka answers, its topics fit, what they hold was read, and the checkpoint is loaded."""
        checks = parts.checks()
        is_ready = all(found == "ok" for found in checks.values())
        content: dict[str, Any] = {"ready": is_ready, "checks": checks}
        return JSONResponse(content, 200 if is_ready else 503)

    @router.get(
        "/metrics",
        summary="For Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def metrics(request: Request) -> Response:
        """The counts of this server; the daemon shows its own with `--metrics-address`."""
        body, content_type = parts.metrics.exposition(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    return router
