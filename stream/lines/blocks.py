"""The blocks that a line names: HDFS's, or whatever else a regular expression calls a block. Knows nothing of the rest
of the line.
"""

import re
from typing import Protocol

from stream.lines.bad import MAX_LINE_BYTES, BadLine

MAX_BLOCKS = 1024
"""A line that names more is refused, for it would be sent as often. HDFS hands out 1000 invalidations at a time
(``dfs.block.invalidate.limit``).
"""

MAX_KEY = 256
"""Bytes of a name that a pattern finds; a longer one is none. It is kept for every open window."""

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
    return _bearable(block_ids(line))


class Blocks(Protocol):
    """What finds the blocks of a line: see the functions of these names; ``mentions`` is what the line's reader tells.

    ``named`` gives the places of a text that name blocks, with what a pattern wants around them.
    """

    def ids(self, line: bytes, /) -> list[bytes]: ...  # noqa: D102
    def only(self, line: bytes, mentions: int, /) -> bytes | None: ...  # noqa: D102
    def windowed(self, line: bytes, /) -> list[bytes]: ...  # noqa: D102
    def named(self, text: bytes, /) -> list[bytes]: ...  # noqa: D102


class _Hdfs:
    ids = named = staticmethod(block_ids)
    only = staticmethod(only_block)
    windowed = staticmethod(windowed_blocks)


HDFS: Blocks = _Hdfs()
"""HDFS's blocks; the functions themselves, for every line asks."""


class PatternBlocks:
    """What a regular expression finds, or its first group if it has one: names of at most ``MAX_KEY`` bytes.

    RE2 runs it, whose time is linear in the line whatever the pattern is; so there is no looking around and no back
    reference. Raises ValueError for a pattern that it cannot run, or that finds the empty text.

    >>> PatternBlocks("request=([0-9a-f]+)").ids(b"GET / request=7f3 status=200")
    [b'7f3']
    """

    def __init__(self, pattern: str) -> None:
        import re2  # nobody else needs it

        options = re2.Options()
        options.log_errors = False
        try:
            self._pattern = re2.compile(pattern.encode(), options=options)
        except re2.error as error:
            why = error.args[0].decode(errors="replace") if error.args else "?"
            raise ValueError(f"{pattern!r} is no regular expression of RE2: {why}") from None
        if self._pattern.search(b"") is not None:
            raise ValueError(f"{pattern!r} finds the empty text, which names nothing")
        self._group = 1 if self._pattern.groups else 0
        self._last: tuple[bytes, list[bytes], bytes] = (b"", [], b"")

    def ids(self, line: bytes) -> list[bytes]:
        """The distinct names, in order of appearance."""
        return self._read(line)[1]

    def only(self, line: bytes, mentions: int) -> bytes | None:
        """The name, if it is one alone."""
        found = self._read(line)[1]
        return found[0] if len(found) == 1 else None

    def windowed(self, line: bytes) -> list[bytes]:
        """The names; raise BadLine (``blocks``) if they are too many."""
        return _bearable(self._read(line)[1])

    def named(self, text: bytes) -> list[bytes]:
        """The whole matches."""
        return [match.group() for match in self._matches(text)]

    def hidden(self, line: bytes) -> bytes:
        """The line with ``<block>`` where the names were, which masking leaves as it is."""
        return self._read(line)[2]

    def _read(self, line: bytes) -> tuple[bytes, list[bytes], bytes]:
        if self._last[0] is not line:  # whoever asks for the names has just read the line
            names, rest, at = [], [], 0
            for match in self._matches(line):
                begin, end = match.span(self._group)
                names.append(line[begin:end])
                rest += [line[at:begin], b"<block>"]
                at = end
            self._last = (line, list(dict.fromkeys(names)), b"".join([*rest, line[at:]]))
        return self._last

    def _matches(self, line: bytes) -> "list[re.Match[bytes]]":
        if len(line) > MAX_LINE_BYTES:
            return []
        found: list[re.Match[bytes]] = list(self._pattern.finditer(line))
        return [match for match in found if 0 < len(match.group(self._group) or b"") <= MAX_KEY]


def _bearable(found: list[bytes]) -> list[bytes]:
    if len(found) > MAX_BLOCKS:
        raise BadLine("blocks", f"the line names {len(found)} blocks, more than {MAX_BLOCKS}")
    return found
