"""What stands before every request: who may ask, under which name, how much may be sent and how slowly; and headers for
browsers.

Plain ASGI, so that it holds for web sockets and streams as well.
"""

import asyncio
import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stream.serve.address import is_loopback
from stream.serve.token import Token

MAX_BODY = 2 * 1024 * 1024
PATIENCE_S = 60.0
_TOO_LARGE = f"the body is larger than {MAX_BODY:,} bytes"
_TOO_SLOW = "the body comes too slowly"
COOKIE = "tinylogbert_ticket"
OPEN = ("/health/live", "/health/ready", "/login")
"""Paths that need no token."""

# Vue compiles templates in the browser, which takes eval; nothing may come from, or go, elsewhere.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'; "
    "base-uri 'self'; form-action 'self'; object-src 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
}


class Guard:
    """Without a token, and with ``local``, whoever calls this machine by another name than its own is refused: a page
    elsewhere could have bound its name to us (DNS rebinding). ``patience`` is the time in s that a body may take to
    come, and each piece of an answer to be taken: who is slower would hold a place for ever.
    """

    def __init__(
        self,
        app: ASGIApp,
        token: Token | None,
        local: bool,
        now: Callable[[], float] = time.time,
        patience: float = PATIENCE_S,
    ) -> None:
        self._app = app
        self._token = token
        self._local = local
        self._now = now
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or answer why not."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            else:
                await refusal(scope, receive, _with_headers(send))
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        await self._limited(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        if not self._token:
            host = headers.get("host", "").rpartition("@")[2]
            if self._local and not is_loopback(_name(host)):
                return _answer(403, "without a token, this server answers to localhost alone")
        elif scope["path"] not in OPEN and not self._knows(headers):
            if scope["type"] == "http" and "text/html" in headers.get("accept", "") and scope["method"] == "GET":
                return RedirectResponse(f"/login?to={quote(scope['path'])}", 303)
            return _answer(401, "say the token: Authorization: Bearer …", {"www-authenticate": "Bearer"})
        if _acts(scope) and _is_foreign(headers):
            return _answer(403, "a page of another origin may not do that")
        length = headers.get("content-length", "0")
        if length.isdigit() and len(length) < 20 and int(length) > MAX_BODY:
            return _answer(413, _TOO_LARGE, {"connection": "close"})
        return None

    def _knows(self, headers: Headers) -> bool:
        assert self._token is not None
        scheme, _, said = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._token.fits(said.strip()):
            return True
        try:
            ticket = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return ticket is not None and self._token.admits(ticket.value, self._now())

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the bytes of a body, which need not be as long as it says, and the time that it takes."""
        taken, whole = 0, False
        deadline = asyncio.get_running_loop().time() + self._patience

        async def counted() -> Message:
            nonlocal taken, whole
            try:
                async with asyncio.timeout_at(None if whole else deadline):  # behind it the client's end is waited for
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, _TOO_SLOW, {"connection": "close"}) from error
            taken += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if taken > MAX_BODY:
                raise HTTPException(413, _TOO_LARGE, {"connection": "close"})  # whoever reads the body answers so
            return message

        async def patient(message: Message) -> None:
            try:
                async with asyncio.timeout(self._patience):
                    await send(message)
            except TimeoutError as error:
                raise ClientDisconnect from error

        await self._app(scope, counted, _with_headers(patient))


def _acts(scope: Scope) -> bool:
    """Whether it does more than read: sends something, or talks with the page."""
    talks = scope["type"] == "websocket" or scope["path"].startswith("/_nicegui_ws")
    return bool(talks or scope["method"] == "POST")


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says that a page from elsewhere asks; a proxy has to pass on the name that was called."""
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != headers.get("host")


def _name(host: str) -> str:
    """The host of ``HOST:PORT``, without brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _answer(status: int, why: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"detail": why}, status, headers)


def _with_headers(send: Send) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return told
