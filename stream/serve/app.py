"""The FastAPI application: routes, their refusals as one sentence, the docs and the page. Starts nothing."""

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from stream.serve.docs import add_docs
from stream.serve.event_routes import event_router
from stream.serve.guard import OPEN, Guard
from stream.serve.login import login_router
from stream.serve.measured import Measured
from stream.serve.models import Problem
from stream.serve.page.mount import mount_page
from stream.serve.parts import Parts
from stream.serve.read_routes import read_router
from stream.serve.score_route import score_router
from stream.serve.state_routes import state_router

TITLE = "TinyLogBERT"
_ABOUT = """Label-free anomaly detection for log streams in Kafka.

Windows of lines are scored by block; a window that healthy ones hardly ever resemble is anomalous."""
_TAGS = [
    {"name": "windows", "description": "What the daemon has scored."},
    {"name": "score", "description": "Lines of your own."},
    {"name": "state", "description": "Health and metrics."},
]


def new_app(parts: Parts, ending: Callable[[], bool]) -> Guard:
    """The application behind its guard; ``ending`` says whether the server is told to end."""
    app = FastAPI(
        title=TITLE,
        version=version("tinylogbert"),
        description=_ABOUT,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.exception_handler(RequestValidationError)(_invalid)
    routers = [score_router(parts), read_router(parts), event_router(parts, ending), state_router(parts)]
    routers.append(login_router(parts.token))
    for router in routers:
        app.include_router(router)
    add_docs(app, TITLE)
    _refuse_other_methods(app, [route for router in routers for route in router.routes])
    mount_page(app, parts, TITLE)
    _say_how_to_enter(app, guarded=parts.token is not None)
    return Guard(Measured(app, parts.metrics, parts.log), parts.token, parts.local)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """A parameter that does not fit, as one sentence."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"detail": f"{where}: {first['msg']}"}, 422)


def _refuse_other_methods(app: FastAPI, routes: Iterable[BaseRoute]) -> None:
    """What is mounted behind the routes would answer 404 where the method alone is wrong."""
    allowed: dict[str, set[str]] = {}
    for route in routes:
        if isinstance(route, Route) and route.methods:
            allowed.setdefault(route.path, set()).update(route.methods)
    for path, methods in allowed.items():
        why = f"only {' and '.join(sorted(methods))} here"
        refusal = JSONResponse({"detail": why}, 405, {"allow": ", ".join(sorted(methods))})
        app.router.routes.append(Route(path, refusal, include_in_schema=False))


def _say_how_to_enter(app: FastAPI, guarded: bool) -> None:
    """The token and its refusal, in the description of every route that needs it."""
    if not guarded:
        return
    make = app.openapi

    def described() -> dict[str, Any]:
        schema = make()
        components = schema.setdefault("components", {})
        components.setdefault("securitySchemes", {})["token"] = {"type": "http", "scheme": "bearer"}
        problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        components.setdefault("schemas", {}).setdefault("Problem", Problem.model_json_schema())
        for path, methods in schema["paths"].items():
            for operation in methods.values() if path not in OPEN else ():
                operation["security"] = [{"token": []}]
                operation["responses"]["401"] = {"description": "The token is missing or wrong.", "content": problem}
        return schema

    app.openapi = described  # type: ignore[method-assign]
