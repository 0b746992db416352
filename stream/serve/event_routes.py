"""``GET /events``: scored windows as they come, as server-sent events.

Nobody has a queue: each client is a place in the store, which is the same for all. One that reads too slowly loses its
place when the store forgets what is there, and is told so and dropped; it comes back with its ``Last-Event-ID``. One
that takes nothing at all is let go by the guard.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, HTTPException, Query
from fastapi.responses import StreamingResponse

from stream.serve.filters import Filter
from stream.serve.models import EVENT, Problem, Severity
from stream.serve.parts import Parts
from stream.serve.position import decode, encode
from stream.serve.store import Store

CLIENTS = 100
_BATCH = 200
_POLL_S = 0.05
_HEARTBEAT_S = 10.0
_ANEW = {"detail": "the topic was made anew: what was before it is gone"}
_EXAMPLE = f"id: 120.118..7\nevent: window\ndata: {orjson.dumps(EVENT).decode()}\n\n"


def event_router(parts: Parts, ending: Callable[[], bool]) -> APIRouter:
    """The route; ``ending`` says whether the server is told to end, which ends the streams."""
    router = APIRouter(tags=["windows"])
    clients = 0

    @router.get(
        "/events",
        summary="Windows as they come",
        response_model=None,
        response_class=StreamingResponse,
        responses={
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}}},
            422: {"model": Problem},
            503: {"model": Problem, "description": f"More than {CLIENTS} clients are listening."},
        },
    )
    async def events(
        severity: Annotated[Severity, Query(description="The least severity.")] = "normal",
        anomalous: Annotated[bool, Query(description="Only windows that are anomalous.")] = False,
        block: Annotated[str, Query(max_length=200, description="Text that the block's id contains.")] = "",
        last_event_id: Annotated[
            str | None, Header(max_length=100_000, description="`id` of the last event that came.", pattern="^[0-9.]*$")
        ] = None,
    ) -> StreamingResponse:
        """Every scored window from now on, or from behind `Last-Event-ID` on; a comment every ten seconds.

        Event `window` carries a published event; `gap` says that events between this and the last one are forgotten.
        """
        nonlocal clients
        try:
            position = decode(last_event_id) if last_event_id else None
        except ValueError as error:
            raise HTTPException(422, f"last-event-id: {error}") from error
        if clients >= CLIENTS:
            raise HTTPException(503, f"more than {CLIENTS} clients are listening", {"retry-after": "10"})
        wanted = Filter(severity, block=block, anomalous=anomalous)

        async def body() -> AsyncIterator[bytes]:
            nonlocal clients
            clients += 1
            parts.metrics.stream(+1)
            try:
                async for text in follow(parts.store, wanted, position, ending):
                    yield text
            finally:
                clients -= 1
                parts.metrics.stream(-1)

        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(body(), media_type="text/event-stream", headers=headers)

    return router


async def follow(
    store: Store, wanted: Filter, position: dict[int, int] | None, ending: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """The stream, without end but for a place that is lost, or the server's end.

    Where the topic is deleted and made anew, offsets mean nothing any more, and what comes is all new.
    """
    loop = asyncio.get_running_loop()
    made_anew = store.made_anew
    number, at = store.place
    if position is not None:
        number, at = store.taken - len(store), position
        if store.of_another(position):
            number, at = max(number, made_anew), {}
            yield _message("gap", at, _ANEW)
        elif store.missing(position):
            yield _message("gap", at, {"detail": "events in between are forgotten"})
    yield _comment("following")
    heard = loop.time()
    while not ending():
        entries, lost = store.after(number, _BATCH)
        if lost:
            yield _message("gap", at, {"detail": "you read too slowly: connect again"})
            return
        for entry in entries:
            number = entry.number
            if made_anew < store.made_anew < number:
                made_anew, at = store.made_anew, {}
                yield _message("gap", at, _ANEW)
            if entry.offset < at.get(entry.partition, 0):
                continue
            at[entry.partition] = entry.offset + 1
            if wanted.lets(entry):
                heard = loop.time()
                yield _message("window", at, entry.event)
        if loop.time() - heard >= _HEARTBEAT_S:
            heard = loop.time()
            yield _message_id(at) + _comment("still here")
        if len(entries) < _BATCH:
            await asyncio.sleep(_POLL_S)


def _message(kind: str, at: dict[int, int], data: Any) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (encode(at).encode(), kind.encode(), orjson.dumps(data))


def _message_id(at: dict[int, int]) -> bytes:
    """What was passed over by a filter need not come again either."""
    return b"id: %s\n" % encode(at).encode()


def _comment(text: str) -> bytes:
    return b": %s\n\n" % text.encode()
