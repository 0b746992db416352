"""A log without end: a sample (a real one, or a simulated one) again and again, each time later and with other blocks.

Knows no broker. Event time goes on from pass to pass, so that windows close as they do in a log of that length.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from bench.speed.log import REAL, Line, simulated, stream_lines

_STAMP = "%y%m%d %H%M%S"
_STAMP_BYTES = 13
_PAUSE = timedelta(minutes=1)
_SAMPLE = 111_000


def sample(log: Path | None) -> list[Line]:
    """Block and line of the lines that are repeated: of ``log``, of the real sample if it is there, or simulated."""
    if log is None and not REAL.exists():
        return simulated(_SAMPLE)
    return list(stream_lines(_SAMPLE, log))


def endless(lines: Sequence[Line], wait: Callable[[int], bool]) -> Iterator[bytes]:
    """Raw lines, as long as ``wait``, which is called with the number of those that are given, says so."""
    first, last = (_time(line[1]) for line in (lines[0], lines[-1]))
    given = 0
    for number in count():
        for raw in _again(lines, number, number * (last - first + _PAUSE)):
            if given % 1000 == 0 and not wait(given):
                return
            yield raw
            given += 1


def _again(lines: Sequence[Line], number: int, later: timedelta) -> Iterator[bytes]:
    draw = random.Random(number)
    blocks: dict[bytes, bytes] = {}
    stamps: dict[bytes, bytes] = {}
    for block, raw in lines:
        if (fresh := blocks.get(block)) is None:
            fresh = blocks[block] = b"blk_%d" % draw.randrange(-(2**63), 2**63)
        if (stamp := stamps.get(raw[:_STAMP_BYTES])) is None:
            stamp = stamps[raw[:_STAMP_BYTES]] = (_time(raw) + later).strftime(_STAMP).encode()
        yield stamp + raw[_STAMP_BYTES:].replace(block, fresh)


def _time(raw: bytes) -> datetime:
    return datetime.strptime(raw[:_STAMP_BYTES].decode(), _STAMP).replace(tzinfo=UTC)
