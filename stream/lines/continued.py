"""Lines that go on with the line before them: a stack trace. Such a line has no time and names its block at most in
passing; it belongs to the window of the line that it goes on with.

Of a trace the masked text keeps what was thrown, what caused it, and of each the place where it was thrown: the first
frame. The other frames say little of what happened, and much of which version of which library it happened in.

A trace comes as one message where the log shipper joins it, and line by line where it does not; both must make the same
window. So a ``Head``, the last line of a source, says what its text is so far, and each further piece makes of it a
longer *chain*, the pieces parted by a line feed, which no masked text has. Chains are windowed like lines, and
``folded`` takes away, of a window that is looked at, what a longer chain goes on with: a rule of the texts alone, so
that no order of arrival and no place where a commit falls changes it.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import orjson

MARK = b"\x16"
"""The first byte of a chain among the routed lines: no line of a log begins with it (SYN, synchronous idle)."""

JOINT = "\n"
"""Between the pieces of a chain."""

MAX_TEXT = 1024
"""A masked text is cut to so many characters: it is kept for as long as the template is known, and HDFS needs 250."""

NOTE_BYTES = 1500
"""So long a head may be, as bytes: it goes into the metadata of a committed offset, beside a clock. A chain stops
growing there, whether anything is committed in its midst or not.
"""

_CONTINUES = re.compile(
    rb"\s+(?:at |\.\.\. |--- End of |File \"|suppressed: )|\t|(?:Caused by|Suppressed|Wrapped by): "
    rb"|Traceback \(most recent call last\)|\s{2,}\S"
    rb"|[A-Za-z_$][\w$]{0,100}(?:\.[A-Za-z_$][\w$]{0,100}){0,15}(?:Exception|Error|Throwable|Failure|Fault)(?![\w$.])"
)
_FRAME = re.compile(r"\s*(?:at |\.\.\. |File \"|--- End of )")


class Head(NamedTuple):
    """The last line of a source, with what has gone on with it: ``time`` in epoch ms, the chain so far, the blocks to
    whose windows it goes, who wrote it (see ``envelopes``), and whether the last piece of it was a frame.
    """

    time: int
    chain: str
    blocks: tuple[bytes, ...]
    source: str = ""
    framed: bool = False

    def values(self) -> list[object]:
        """As JSON has it: see ``unpacked``."""
        return [self.time, self.chain, [block.decode() for block in self.blocks], self.source, self.framed]

    @property
    def bearable(self) -> bool:
        """Whether it has room where it is kept."""
        return len(self.chain) <= NOTE_BYTES and len(self.blocks) <= 64 and _room(self.values())


def _room(values: list[object]) -> bool:
    return len(orjson.dumps(values)) <= NOTE_BYTES


def unpacked(note: object) -> Head | None:
    """The head that ``values`` gave, as it is read from JSON; None for anything else."""
    match note:
        case [int(time), str(chain), list(names), str(source), bool(framed)] if all(isinstance(n, str) for n in names):
            return Head(time, chain, tuple(name.encode() for name in names), source, framed)
    return None


def continues(line: bytes) -> bool:
    """Whether a line that has no time is of a kind that goes on with another.

    >>> continues(b"java.io.IOException: Connection reset by peer"), continues(b"Starting the balancer")
    (True, False)
    """
    return _CONTINUES.match(line) is not None


def is_frame(piece: str) -> bool:
    """Whether a piece of a trace, as it is logged, is a frame (``at …``), or says how many there are more."""
    return _FRAME.match(piece) is not None


def condensed(message: str) -> Iterator[str]:
    """What is kept of a message of several lines: all but the frames behind a frame."""
    behind = False
    for piece in message.split(JOINT):
        frame = is_frame(piece)
        if piece.strip() and not (frame and behind):
            yield piece
        behind = frame


def longer(head: Head, piece: str, frame: bool, blocks: Iterable[bytes]) -> Head | None:
    """The head with another masked piece, and the blocks that this one names if it named none itself; None where the
    piece adds nothing: a frame behind a frame, or there is no more room.
    """
    if not piece or (frame and head.framed):
        return None
    grown = Head(head.time, f"{head.chain}{JOINT}{piece}", head.blocks or tuple(blocks), head.source, frame)
    return grown if grown.bearable else None


def chain_record(time: int, chain: str) -> bytes:
    """A chain as the value of a routed line: see ``read_chain``."""
    return MARK + orjson.dumps([time, chain])


def read_chain(value: bytes) -> tuple[int, str] | None:
    """Time and chain; None for a value that ``chain_record`` did not write."""
    if not value.startswith(MARK):
        return None
    try:
        match orjson.loads(value[1:]):
            case [int(time), str(chain)]:
                return time, chain
    except orjson.JSONDecodeError:
        pass
    return None


Timed = tuple[int, str, int]
"""A line of a window: time, text, offset."""


def folded(lines: Sequence[Timed]) -> list[Timed]:
    """The lines of a window, sorted, without those with which a longer chain of the same time goes on; a chain is where
    its first line is, and has the text of the same trace in one message.

    >>> folded([(0, "a", 5), (0, "a", 6), (0, "a\\njava.io.IOException", 7)])
    [(0, 'a', 6), (0, 'a java.io.IOException', 5)]
    """
    pool = defaultdict[tuple[int, str], list[int]](list)
    for time, text, offset in sorted(lines, key=lambda line: (line[1].count(JOINT), line)):
        before = pool[time, text.rpartition(JOINT)[0]] if JOINT in text else []
        pool[time, text].append(before.pop(0) if before else offset)
    return sorted((time, whole(text), offset) for (time, text), offsets in pool.items() for offset in offsets)


def whole(text: str) -> str:
    """The masked text of a chain: that of the same trace in one message. Any other text is what it was."""
    return text.replace(JOINT, " ")[:MAX_TEXT].rstrip() if JOINT in text else text
