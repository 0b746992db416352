"""Puts the page on the application. NiceGUI keeps one application a process, so this is done once."""

from importlib.resources import files
from typing import Any

from fastapi import FastAPI
from nicegui import ui
from starlette.responses import JSONResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from stream.serve.page.page import Page
from stream.serve.parts import Parts

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#20242c"/>'
    '<path d="M5 20h6l3-10 4 14 3-8h6" fill="none" stroke="#e5484d" stroke-width="2.5" stroke-linejoin="round"/></svg>'
)


def mount_page(app: FastAPI, parts: Parts, title: str) -> None:
    """Add the page at ``/``; what is neither it nor its files is not found."""
    style = files("stream.serve.page").joinpath("style.css").read_text()

    def root() -> None:
        ui.add_css(style)
        Page(parts).build()

    ui.page("/", title=title)(root)
    ui.run_with(app, title=title, favicon=_ICON, dark=None, tailwind=False, show_welcome_message=False)
    mounted = app.router.routes[-1]
    assert isinstance(mounted, Mount)
    mounted.app = _PageAlone(mounted.app)


class _PageAlone:
    """NiceGUI makes a client, with memory of its own, for each path that it does not know."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: Any = scope.get("path", "")
        if scope["type"] == "http" and path not in ("/", "/favicon.ico") and not path.startswith("/_nicegui"):
            await JSONResponse({"detail": "there is nothing here; see /docs"}, 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)
