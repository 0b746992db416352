"""Raw lines as a person wants them: a stack trace that came line by line is one, as ``stream.lines.continued.folded``
makes one line of it for the window. Of what follows its first line the lines topic has the masked text alone. Pure.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from stream.lines.continued import JOINT, whole


class RawLine(NamedTuple):
    """A line and where it lies; ``time`` is epoch milliseconds, ``text`` the masked text (a chain while it is sought).

    ``raw`` may be of several lines.
    """

    time: int
    text: str
    raw: bytes
    source: tuple[str, int, int]


def joined(lines: Iterable[RawLine]) -> list[RawLine]:
    """The lines, each with the pieces of the longest chain that goes on with it, in canonical order."""
    pool = defaultdict[tuple[int, str], list[RawLine]](list)
    for line in sorted(lines, key=lambda line: (line.text.count(JOINT), line.time, line.text, line.source)):
        head, joint, piece = line.text.rpartition(JOINT)
        if joint and (before := pool[line.time, head]):
            first = before.pop(0)
            pool[line.time, line.text].append(first._replace(text=line.text, raw=first.raw + b"\n" + piece.encode()))
        else:
            pool[line.time, line.text].append(line)
    found = (line._replace(text=whole(line.text)) for some in pool.values() for line in some)
    return sorted(found, key=lambda line: (line.time, line.text, line.source))
