"""The HDFS blocks that a line names. Knows nothing of the rest of the line."""

import re

from stream.lines.reader import BadLine

MAX_BLOCKS = 1024
"""A line that names more is refused, for it would be sent as often. HDFS hands out 1000 invalidations at a time
(``dfs.block.invalidate.limit``).
"""

# A generation stamp (``blk_1073741825_1001``, Hadoop 2 and 3) changes while the block lives: it is no part of the key.
# An id has 64 bits, so at most 19 digits; a longer number is none, and must not be cut to one.
_BLOCK = re.compile(rb"blk_-?[0-9]{1,19}(?![0-9])")


def block_ids(line: bytes) -> list[bytes]:
    """Return the distinct block ids of a raw line, in order of appearance; empty if it names none.

    >>> block_ids(b"BLOCK* ask 10.0.0.1:50010 to delete blk_1 blk_-2 blk_1")
    [b'blk_1', b'blk_-2']
    """
    found = _BLOCK.findall(line)
    return found if len(found) < 2 else list(dict.fromkeys(found))


def only_block(line: bytes, mentions: int) -> bytes | None:
    """The block that a line names, if it is one alone; it says ``blk_`` at most ``mentions`` times."""
    if mentions == 1:  # no need to look at what comes behind it
        first = _BLOCK.search(line)
        return first.group() if first else None
    found = block_ids(line) if mentions else []
    return found[0] if len(found) == 1 else None


def windowed_blocks(line: bytes) -> list[bytes]:
    """The blocks to whose windows a line goes: as ``block_ids``; raise BadLine (``blocks``) if they are too many."""
    found = block_ids(line)
    if len(found) > MAX_BLOCKS:
        raise BadLine("blocks", f"the line names {len(found)} blocks, more than {MAX_BLOCKS}")
    return found
