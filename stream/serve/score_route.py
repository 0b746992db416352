"""``POST /score``: judges lines that are sent."""

import time
from typing import Any

import orjson
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from stream.lines.reader import MAX_LINE_BYTES
from stream.serve.desk import Busy
from stream.serve.guard import MAX_BODY
from stream.serve.judging import MAX_LINES, Refused, TooLate, judge_lines
from stream.serve.models import LINE, TROUBLE, Judged, Problem, ScoreRequest
from stream.serve.parts import Parts

_JSON = "application/json"
_TEXT = ("text/plain", "application/octet-stream", "application/x-www-form-urlencoded", "")
"""What curl sends for a file is called a form, whatever is in it."""

_TEXT_SCHEMA = {"type": "string", "pattern": r"\S", "maxLength": MAX_BODY}
_LINES_SCHEMA = {
    "type": "array",
    "items": {"type": "string", "maxLength": MAX_LINE_BYTES},
    "contains": {"pattern": r"\S"},
    "minItems": 1,
    "maxItems": MAX_LINES,
}


def _object(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with this field, and ``complete``."""
    complete = {"type": "boolean", "default": False, "description": "No more lines of these blocks will come."}
    properties = {name: schema, "complete": complete}
    return {"type": "object", "properties": properties, "required": [name], "additionalProperties": False}


_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        _JSON: {
            "schema": {"oneOf": [_object("log_text", _TEXT_SCHEMA), _object("lines", _LINES_SCHEMA)]},
            "examples": {
                "text": {"summary": "One text", "value": {"log_text": f"{LINE}\n{TROUBLE}"}},
                "lines": {"summary": "Lines of whole blocks", "value": {"lines": [LINE, TROUBLE], "complete": True}},
            },
        },
        "text/plain": {"schema": _TEXT_SCHEMA, "examples": {"raw": {"value": f"{LINE}\n{TROUBLE}\n"}}},
    },
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body cannot be read."},
    408: {"model": Problem, "description": "The body came too slowly."},
    413: {"model": Problem, "description": "The body is too large."},
    415: {"model": Problem, "description": "The body is neither JSON nor text."},
    422: {"model": Problem, "description": "What it says cannot be judged."},
    503: {"model": Problem, "description": "Too much is waiting, or the checkpoint is being loaded: try again."},
}


def score_router(parts: Parts, seconds: float = 20.0) -> APIRouter:
    """``seconds`` is the time that there is for one request."""
    router = APIRouter(tags=["score"])

    @router.post(
        "/score",
        summary="Judge log lines",
        response_model=None,
        responses={200: {"model": Judged}, **_REFUSALS},
        openapi_extra={"requestBody": _BODY},
    )
    async def score(request: Request) -> JSONResponse:
        """Window the lines by block and judge each window, as the daemon does.

        Blocks may go on: a window is judged as one that is quiet so far, unless `complete` says that no more will come.
        Lines of which none has a time and a block are judged as one window without a name.
        """
        lines, complete = _read(request.headers.get("content-type", ""), await request.body())
        deadline = time.monotonic() + seconds
        try:
            judged = await parts.desk.run(
                lambda scorer: judge_lines(lines, complete, scorer, parts.settings.windows, parts.zone, deadline)
            )
        except Refused as error:
            raise HTTPException(422, str(error)) from error
        except Busy as error:
            raise HTTPException(503, str(error), {"retry-after": "1"}) from error
        except TooLate as error:
            why = f"it would take longer than {seconds:g} s; send fewer lines, or try again"
            raise HTTPException(503, why, {"retry-after": "5"}) from error
        for event in judged.blocks:
            parts.metrics.windows(event["severity"])
        return JSONResponse(judged._asdict())

    return router


def _read(content_type: str, body: bytes) -> tuple[list[bytes], bool]:
    """The lines of a body, and whether they are complete."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == _JSON or kind.endswith("+json"):
        return _read_json(body)
    if kind not in _TEXT:
        raise HTTPException(415, f"a body of type {kind[:60]!r} is not read: send {_JSON} or text/plain")
    return body.splitlines(), False


def _read_json(body: bytes) -> tuple[list[bytes], bool]:
    try:
        said = ScoreRequest.model_validate(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the body is no JSON: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise HTTPException(422, f"{where}: {first['msg']}" if where else first["msg"]) from error
    if (said.log_text is None) == (said.lines is None):
        raise HTTPException(422, 'send either {"log_text": "…"} or {"lines": ["…"]}')
    texts = said.log_text.encode().splitlines() if said.log_text is not None else [t.encode() for t in said.lines or ()]
    return texts, said.complete
