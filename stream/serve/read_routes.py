"""``GET /anomalies`` and ``GET /blocks/{id}``: what the scored topics say, and the raw lines behind it."""

import asyncio
import re
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import JSONResponse
from pydantic import BeforeValidator, WithJsonSchema

from stream.errors import BrokerError
from stream.kafka.blocklines import Found
from stream.kafka.chained import RawLine
from stream.serve.detail import Detail, detail_of, wanted_of
from stream.serve.events import MAX_BLOCK_ID, Entry, epoch_ms_of
from stream.serve.filters import Filter
from stream.serve.models import Anomalies, Block, Problem, Severity
from stream.serve.parts import Parts
from stream.windows.judge import time_text

_CURSOR = re.compile(r"^([0-9]{1,15})\.([0-9]{1,9})\.((?:[0-9a-f]{2}){1,1024})$")
_MOST_TEXT = 200
_PARTS = 20

Text = Annotated[str, Query(max_length=_MOST_TEXT)]


def _no_number(text: object) -> object:
    """Pydantic takes a number for epoch seconds, or milliseconds, as large as it is."""
    if isinstance(text, str) and text.replace(".", "", 1).lstrip("+-").isdigit():
        raise ValueError("it must be a time such as 2008-11-09T20:00:00Z")
    return text


Since = Annotated[datetime, BeforeValidator(_no_number)]


def read_router(parts: Parts) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["windows"])

    @router.get(
        "/anomalies",
        summary="What is wrong now",
        response_model=None,
        responses={200: {"model": Anomalies}, 422: {"model": Problem}},
    )
    def anomalies(
        severity: Annotated[Severity, Query(description="The least severity.")] = "normal",
        since: Annotated[
            Since | None,
            Query(description="Time of the last line; UTC if it names no zone.", examples=["2008-11-09T20:00:00Z"]),
            WithJsonSchema({"type": "string", "format": "date-time"}),
        ] = None,
        block: Annotated[Text, Query(description="Text that the block's id contains.")] = "",
        component: Annotated[Text, Query(description="Text that the component of the worst line contains.")] = "",
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
        cursor: Annotated[str, Query(pattern=_CURSOR.pattern, description="`next` of the page before.")] = "",
    ) -> JSONResponse:
        """Windows that are anomalous by their newest verdict, the newest first, of those that the server remembers."""
        wanted = Filter(severity, since=None if since is None else epoch_ms_of(since), block=block, component=component)
        found = sorted(parts.store.alarms(wanted), key=_place, reverse=True)
        if cursor:
            behind = _read_cursor(cursor)
            found = [entry for entry in found if _place(entry) < behind]
        page = found[:limit]
        after = _cursor(page[-1]) if len(found) > limit else None
        return JSONResponse({"anomalies": [entry.event for entry in page], "next": after})

    @router.get(
        "/blocks/{block_id:path}",
        summary="One block",
        response_model=None,
        responses={200: {"model": Block}, 404: {"model": Problem}, 422: {"model": Problem}},
    )
    async def block(
        block_id: Annotated[str, Path(min_length=1, max_length=MAX_BLOCK_ID, examples=["blk_38865049064139660"])],
    ) -> JSONResponse:
        """All parts of a block that the server remembers, each by its newest event, with its raw lines from Kafka."""
        entries = parts.store.block(block_id)[-_PARTS:]
        if not entries:
            raise HTTPException(404, f"nothing is known of {block_id}, or it is too long ago")
        details = [await look_up(parts, entry) for entry in entries]
        return JSONResponse({"block_id": block_id, "parts": [_part(detail) for detail in details]})

    return router


async def look_up(parts: Parts, entry: Entry) -> Detail:
    """A window with its raw lines, as far as Kafka still has them and answers."""
    return await asyncio.to_thread(_look_up, parts, entry)


def _look_up(parts: Parts, entry: Entry) -> Detail:
    if parts.pulse.now.broker:
        return detail_of(entry, Found(why=f"Kafka is away: {parts.pulse.now.broker}"))
    revisions = [e for e in parts.store.revisions(entry.event["block_id"]) if e.key == entry.key]
    try:
        found = parts.block_lines.find(wanted_of(entry, revisions))
    except BrokerError as error:
        found = Found(why=str(error))
    return detail_of(entry, found)


def _part(detail: Detail) -> dict[str, Any]:
    lines = [
        {
            "time": time_text(line.raw.time),
            "text": text_of(line.raw),
            "source": line.raw.source,
            "surprise": line.surprise,
        }
        for line in detail.lines
    ]
    return {"event": detail.entry.event, "lines": lines, "lines_missing": detail.why or None}


def text_of(line: RawLine) -> str:
    """The bytes of a raw line as text; they were read as UTF-8 before."""
    return line.raw.decode(errors="replace")


Place = tuple[int, int, str]
"""What orders windows, and stays the same for other servers: time of publication, part, block."""


def _place(entry: Entry) -> Place:
    block, part = entry.key
    return entry.published, part, block


def _cursor(entry: Entry) -> str:
    published, part, block = _place(entry)
    return f"{published}.{part}.{block.encode().hex()}"


def _read_cursor(text: str) -> Place:
    match = _CURSOR.fullmatch(text)
    assert match is not None  # the route's own pattern
    return int(match[1]), int(match[2]), bytes.fromhex(match[3]).decode(errors="replace")
