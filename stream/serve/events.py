"""One scored window as the server holds it: the published event, and what filters and the page ask of it. Pure."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from stream.lines.continued import MAX_TEXT
from stream.show import BadEvent, parse_event

_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
RANKS = {"normal": 0, "notice": 1, "warning": 2, "critical": 3}
"""Severities, the least first."""

MAX_BLOCK_ID, MAX_PART = 256, 10**9
LAST_MS = 253_402_300_799_999
"""The end of the year 9999, epoch ms."""
_OVERHEAD, _BYTES_A_BYTE = 1500, 5  # what an event takes as objects, measured


class Entry(NamedTuple):
    """An event with where and when it was published. Times are epoch milliseconds.

    ``number`` counts what the store took, from 1; ``last`` is the time of the window's last line; ``first_published``
    is when its first event came, ``alarmed`` when its present alarm began, None if it is none.
    """

    number: int
    partition: int
    offset: int
    published: int
    last: int
    first_published: int
    alarmed: int | None
    size: int
    event: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, int]:
        """Block and part."""
        return self.event["block_id"], self.event["part"]

    @property
    def began(self) -> int:
        """When its present alarm began, or else when its newest event came."""
        return self.published if self.alarmed is None else self.alarmed

    @property
    def rank(self) -> int:
        """The severity as a number, 0 to 3."""
        return RANKS.get(self.event["severity"], 0)

    @property
    def component(self) -> str:
        """The component that the worst line names; empty for a window without evidence."""
        evidence = self.event["evidence"]
        return component_of(evidence[0]["text"]) if evidence else ""


def read_event(value: bytes | None) -> dict[str, Any]:
    """Read a published event; raise BadEvent unless all that the server asks of it is there."""
    event = parse_event(value)
    match event:
        case {"revision": int(), "anomalous": bool(), "first_time": str(), "checkpoint": str(), "score": score} if (
            math.isfinite(score) and 0 < len(event["block_id"]) <= MAX_BLOCK_ID and 0 < event["part"] < MAX_PART
        ):
            for name in ("first_time", "last_time"):
                epoch_ms(event[name])
            for line in event["evidence"]:
                _check_evidence(line)
            return event
    raise BadEvent("fields are missing or of another kind")


def size_of(value: bytes) -> int:
    """What an event of so many bytes takes in memory, about."""
    return _OVERHEAD + _BYTES_A_BYTE * len(value)


@lru_cache(8192)
def epoch_ms(text: str) -> int:
    """ISO 8601 → epoch milliseconds, in UTC where it names no zone; raise BadEvent for any other text, and for a time
    that is in UTC not within the years 1 to 9999.
    """
    try:
        moment = datetime.fromisoformat(text)
        return epoch_ms_of(moment.astimezone(UTC) if moment.tzinfo else moment)
    except (ValueError, OverflowError) as error:
        raise BadEvent(f"{text[:40]!r} is no time") from error


def epoch_ms_of(moment: datetime) -> int:
    """Epoch milliseconds of a time, in UTC where it names no zone."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MS


@lru_cache(8192)
def component_of(text: str) -> str:
    """The component that a masked line names, without its level.

    >>> component_of("WARN dfs.FSDataset: Unexpected error")
    'dfs.FSDataset'
    """
    head, sign, _ = text.partition(":")
    return head.rpartition(" ")[2] if sign else ""


def _check_evidence(line: Mapping[str, Any]) -> None:
    match line:
        case {"time": str(time), "surprise": int() | float(), "expected": list(expected)} if all(
            isinstance(text, str) and len(text) <= MAX_TEXT for text in (line["text"], *expected)
        ):
            epoch_ms(time)
        case _:
            raise BadEvent("evidence of another kind")
