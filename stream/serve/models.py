"""What requests and answers look like, for whoever reads ``/docs``. Events are as they were published (README)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from stream.lines.reader import MAX_LINE_BYTES
from stream.serve.judging import MAX_LINES

LINE = (
    "081109 203615 148 INFO dfs.DataNode$DataXceiver: Receiving block blk_38865049064139660 "
    "src: /10.250.19.102:54106 dest: /10.250.19.102:50010"
)
TROUBLE = (
    "081109 203616 148 INFO dfs.DataNode$DataXceiver: writeBlock blk_38865049064139660 received exception "
    "java.io.IOException: Could not read from stream"
)
_MASKED = (
    "dfs.DataNode$DataXceiver: writeBlock <block> received exception java.io.IOException: Could not read from stream"
)
EVENT: dict[str, Any] = {
    "schema": 1,
    "block_id": "blk_38865049064139660",
    "part": 1,
    "revision": 2,
    "status": "closed",
    "reason": "silence",
    "score": 3.21,
    "p_value": 0.0004,
    "anomalous": True,
    "severity": "critical",
    "lines": 19,
    "first_time": "2008-11-09T20:36:15Z",
    "last_time": "2008-11-09T20:41:02Z",
    "checkpoint": "hdfs-1a2b3c",
    "evidence": [
        {
            "time": "2008-11-09T20:36:16Z",
            "text": _MASKED,
            "surprise": 7.1,
            "expected": ["dfs.DataNode$PacketResponder: PacketResponder for block <block> terminating"],
            "source": ["hdfs.lines", 0, 1234],
        }
    ],
}
Severity = Literal["normal", "notice", "warning", "critical"]
Source = Annotated[list[str | int], Field(description="Topic (or `request`), partition, offset (or number of line).")]


class Problem(BaseModel):
    """Why it was refused, in one sentence."""

    detail: str


class Evidence(BaseModel):
    """A line that carries the score."""

    time: str | None
    text: str = Field(description="The masked line.")
    surprise: float = Field(description="How much of the score it carries.")
    expected: list[str] = Field(description="Masked lines that would have fitted better, or that are missing.")
    source: Source


class Event(BaseModel):
    """A scored window, as it is published. Times are ISO 8601 in UTC."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"example": EVENT})

    block_id: str | None = Field(description="None for lines that name no block.")
    part: int = Field(description="1, and 2, 3, … for a block that comes back.")
    revision: int
    status: Literal["open", "closed"]
    reason: str
    score: float = Field(description="Higher is more anomalous.")
    p_value: float = Field(description="Share of healthy windows that score as high or higher.")
    anomalous: bool
    severity: Severity
    lines: int
    first_time: str | None
    last_time: str | None
    checkpoint: str
    evidence: list[Evidence]


class ScoreRequest(BaseModel):
    """Lines to be judged: as one text, or one by one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    log_text: str | None = Field(None, description="Lines in one text.")
    lines: list[Annotated[str, StringConstraints(max_length=MAX_LINE_BYTES)]] | None = Field(None, max_length=MAX_LINES)
    complete: bool = Field(False, description="No more lines of these blocks will come; otherwise they may.")


class Judged(BaseModel):
    """An event a window of the lines; ``no_block`` and ``unreadable``, by reason, count lines that are in none."""

    checkpoint: str
    lines: int
    no_block: int
    unreadable: dict[str, int]
    blocks: list[Event]


class Anomalies(BaseModel):
    """Windows that are anomalous by their newest verdict, the newest first; ``next`` is the cursor of the next page."""

    anomalies: list[Event]
    next: str | None


class Line(BaseModel):
    """A raw line; ``surprise`` if the evidence names it."""

    time: str
    text: str
    source: Source
    surprise: float | None


class Part(BaseModel):
    """A part of a block: its newest event and its raw lines in order; ``lines_missing`` says why there are fewer."""

    event: Event
    lines: list[Line]
    lines_missing: str | None


class Block(BaseModel):
    """All parts of a block that the server remembers."""

    block_id: str
    parts: list[Part]


class Health(BaseModel):
    """``checks``: ``ok``, or what is wrong, by name."""

    ready: bool
    checks: dict[str, str]
