"""The HDFS blocks that a line names. Knows nothing of the rest of the line."""

import re

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
