"""The page that asks a browser for the token. No script, no library: it works before anything else does."""

import time
from collections.abc import Callable
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from stream.serve.guard import COOKIE
from stream.serve.token import TICKET_S, Token

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>TinyLogBERT</title><link rel="icon" href="data:,"><style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ display: grid; place-items: center; min-height: 100vh; margin: 0 }}
form {{ display: grid; gap: .75rem; width: min(22rem, 90vw) }}
h1 {{ font-size: 1.25rem; margin: 0 }} p {{ margin: 0; color: #c62828 }}
input, button {{ font: inherit; padding: .5rem .75rem; border-radius: .25rem; border: 1px solid gray }}
</style></head><body><form method="post" action="/login">
<h1>TinyLogBERT</h1>
<label for="token">Token of this server</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input name="to" type="hidden" value="{to}">{why}
<button>Open</button></form></body></html>
"""
_PATHS = ("/", "/docs")


def login_router(token: Token | None, now: Callable[[], float] = time.time) -> APIRouter:
    """``GET`` and ``POST /login``; without a token both lead to the page."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    def ask(to: str = "/") -> Response:
        return HTMLResponse(_page(to)) if token else RedirectResponse("/", 303)

    @router.post("/login")
    async def enter(request: Request) -> Response:
        fields = parse_qs((await request.body()).decode(errors="replace"))
        said, to = (fields.get(name, [""])[0] for name in ("token", "to"))
        if token and not token.fits(said):
            return HTMLResponse(_page(to, "<p role=alert>That is not the token.</p>"), 403)
        response = RedirectResponse(_known(to), 303)
        if token:
            secure = request.url.scheme == "https"
            response.set_cookie(
                COOKIE, token.ticket(now()), max_age=TICKET_S, httponly=True, samesite="strict", secure=secure
            )
        return response

    return router


def _page(to: str, why: str = "") -> str:
    return _PAGE.format(to=_known(to), why=why)


def _known(to: str) -> str:
    """A path of ours: nobody is sent elsewhere, and nothing foreign gets into the page."""
    return to if to in _PATHS else "/"
