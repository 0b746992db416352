"""A web server of one file that behaves as it is told: with and without ranges, cut in the middle, other answers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Web:
    """What the server has and does; ``asked`` is the header Range of each request, ``None`` where there was none."""

    content: bytes = b""
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    """Of each answer in turn, the bytes after which the connection breaks."""
    status: int = 200
    size: int | None = 0
    """What is said to be the size of the whole; 0: the truth, ``None``: nothing is said."""
    stalls: bool = False
    """Whether an answer that is cut is not ended but stands still until the server ends."""
    shift: int = 0
    """How far a partial answer begins from where it should."""
    asked: list[str | None] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    url: str = ""


@contextmanager
def serving(web: Web) -> Iterator[Web]:
    """Serve it on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, web)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        web.url = f"http://127.0.0.1:{server.server_address[1]}/files/set.zip"
        try:
            yield web
        finally:
            web.ended.set()
            server.shutdown()
            thread.join()


def answer(handler: BaseHTTPRequestHandler, web: Web) -> None:
    asked = handler.headers["Range"]
    web.asked.append(asked)
    partial = asked is not None and web.ranges and web.status == 200
    begin = int(asked.removeprefix("bytes=").removesuffix("-")) + web.shift if partial else 0
    body, size = web.content[begin:], web.size or len(web.content)
    handler.send_response(206 if partial else web.status)
    if partial:
        handler.send_header("Content-Range", f"bytes {begin}-{size - 1}/{size}")
    if web.size is not None:
        handler.send_header("Content-Length", str(size - begin))
    handler.end_headers()
    cut = web.cuts.pop(0) if web.cuts else len(body)
    with suppress(ConnectionError):  # who asked has seen enough
        handler.wfile.write(body[:cut])
        handler.wfile.flush()
    if web.stalls and cut < len(body):
        web.ended.wait(60)
