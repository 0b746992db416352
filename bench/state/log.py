"""The blocks and lines of the measurement. Made of their numbers, so that two processes mean the same by them."""

import random
from datetime import UTC, datetime, timedelta

from stream.kafka.partitioners import murmur2

BEGIN = datetime(2008, 11, 9, 20, 35, 18, tzinfo=UTC)
SPREAD_S = 11 * 3600  # less than a silence that closes, so that all windows stay open
LIFE_S = 300
_TEXTS = [f"dfs.DataNode$PacketResponder: {word} block" for word in "ghijklmnopqrstuvwxyzGHIJKLMNOP"]
_MASKED = [f"{text} <block>" for text in _TEXTS]


def block(number: int) -> bytes:
    """The block of this number; its digits are as many as HDFS's."""
    return b"blk_-%d" % (1_000_000_000_000_000_000 + number * 0x9E3779B97F4A7C15 % 8_000_000_000_000_000_000)


def partition_of(name: bytes, partitions: int) -> int:
    """Where the route stage sends a block."""
    return 0 if partitions == 1 else murmur2(name, partitions)


def text(number: int) -> str:
    """A masked text."""
    return _MASKED[number % len(_MASKED)]


def raw(second: int, name: bytes, draw: random.Random) -> bytes:
    """A raw line, so many seconds after the beginning."""
    stamp = (BEGIN + timedelta(seconds=second)).strftime("%y%m%d %H%M%S").encode()
    return b"%b 143 INFO %b %b" % (stamp, draw.choice(_TEXTS).encode(), name)


def begun_at(number: int, windows: int) -> int:
    """When the block of this number was begun, in s after the beginning of the log."""
    return number * SPREAD_S // windows


def some_blocks(windows: int, lines: int, recent: bool) -> list[int]:
    """The blocks of ``lines`` more lines: any of all, or mostly those that were begun last, as in a stream."""
    draw = random.Random(7)
    if not recent:
        return [draw.randrange(windows) for _ in range(lines)]
    return [windows - 1 - min(int(draw.expovariate(1 / 2000)), windows - 1) for _ in range(lines)]
