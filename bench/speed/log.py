"""The lines of all contestants: a long stream of whole lives of blocks. Knows no broker.

A sample of a real log is laid over itself, as often as need be, each time with blocks of its own and somewhat later:
as dense as a larger part of the same cluster's log. Windows repeat a little more than in the whole log: 2 % of those of
a million lines are distinct, of all of HDFS_v1 3 %. Every line names one block, so that a line is a message to
everybody, with the block as its key.
"""

import heapq
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from stream.errors import InputError
from stream.files import read_lines
from stream.lines import block_ids
from stream.simulator import simulate

REAL = Path(__file__).parents[3] / "shared" / "data" / "hdfs-1pct.log.gz"
"""Real lines beside the project, where they are present."""

Line = tuple[bytes, bytes]
"""Block id and raw line."""

_BLOCK = re.compile(rb"blk_-?[0-9]+")
_STAMP = "%y%m%d %H%M%S"
_STAMP_BYTES = 13
_LATER_S = 3600
_LINES_A_BLOCK = 18


def stream_lines(count: int, log: Path | None = None) -> Iterator[Line]:
    """``count`` lines with their blocks, in the order of time: of ``log``, of ``REAL`` if that is there, or simulated.

    Raises InputError for a log without lines that name one block.
    """
    source = log or (REAL if REAL.exists() else None)
    if source is None:
        return iter(simulated(count))
    return laid_over(_of_one_block(read_lines([str(source)])), count)


def simulated(count: int) -> list[Line]:
    """So many lines of a simulated cluster."""
    blocks = count // _LINES_A_BLOCK + 1
    while len(found := list(islice(_of_one_block(simulate(blocks, seed=1).lines()), count))) < count:
        blocks *= 2
    return found


def laid_over(lines: Iterable[Line], count: int) -> Iterator[Line]:
    """``count`` lines of a log that begins with ``YYMMDD HHMMSS``, laid over itself as often as that takes."""
    sample = list(lines)
    if not sample:
        raise InputError("no line of the log names one block alone")
    copies = [_copy(sample, number) for number in range(-(-count // len(sample)))]
    merged = heapq.merge(*copies, key=lambda line: line[1][:_STAMP_BYTES])
    return islice(merged, count)


def stamped(raw: bytes, when: datetime) -> bytes:
    """The line at another time."""
    return when.strftime(_STAMP).encode() + raw[_STAMP_BYTES:]


def _copy(sample: Sequence[Line], number: int) -> Iterator[Line]:
    """The sample with other blocks, up to an hour later; the first copy is the sample itself."""
    if number == 0:
        yield from sample
        return
    draw = random.Random(number)
    later = timedelta(seconds=draw.randrange(1, _LATER_S))
    blocks: dict[bytes, bytes] = {}
    stamps: dict[bytes, bytes] = {}
    for block, raw in sample:
        if (fresh := blocks.get(block)) is None:
            fresh = blocks[block] = b"blk_%d" % draw.randrange(-(2**63), 2**63)
        head = raw[:_STAMP_BYTES]
        if (stamp := stamps.get(head)) is None:
            stamp = stamps[head] = (_time(head) + later).strftime(_STAMP).encode()
        yield fresh, stamp + _BLOCK.sub(fresh, raw[_STAMP_BYTES:])


def _time(head: bytes) -> datetime:
    try:
        return datetime.strptime(head.decode(), _STAMP).replace(tzinfo=UTC)
    except ValueError as error:
        raise InputError(f"a line of the log begins with {head!r}, not with YYMMDD HHMMSS") from error


def _of_one_block(lines: Iterable[bytes]) -> Iterator[Line]:
    for raw in lines:
        if len(blocks := block_ids(raw)) == 1:
            yield blocks[0], raw
