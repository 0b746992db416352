"""Counts requests, and turns what nobody foresaw into a log line and an answer without a traceback. Plain ASGI."""

import time

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream.logs import Log
from stream.metrics.server import ServerMetrics

_METHODS = frozenset(("GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"))
_GONE = 499  # as nginx counts it
_STREAMS = frozenset(("/events",))


class Measured:
    """Around the whole application."""

    def __init__(self, app: ASGIApp, metrics: ServerMetrics, log: Log) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        status = 0

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, told)
        except ClientDisconnect:  # it went away, or takes nothing any more: nobody is there to be answered
            status = _GONE
        except Exception as error:
            self._log.error("a request failed", path=_pattern(scope), error=repr(error)[:300], exc_info=True)
            if not status:
                await JSONResponse({"detail": "this should not have happened; the log says more"}, 500)(
                    scope, receive, told
                )
        finally:
            path = _pattern(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            seconds = None if path in _STREAMS else time.monotonic() - begun
            self._metrics.request(method, path, status, seconds)


def _pattern(scope: Scope) -> str:
    """The route's pattern, never what a client sent."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    return path.replace(":path}", "}") if isinstance(path, str) and path else "(none)"
