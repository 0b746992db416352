"""One source of lines, such as a raw partition or a file: message after message → what goes into windows.

The slow way, for any message: envelopes, stack traces, lines of several blocks. Whoever reads plain lines of one block
in a row may read them with ``LineReader.parts`` alone, if it tells ``head`` of the last one.
"""

from typing import NamedTuple

from stream.lines.bad import BadLine, check
from stream.lines.continued import Head, continues, is_frame, longer
from stream.lines.envelopes import Inner
from stream.lines.reader import LineReader


class Entry(NamedTuple):
    """A line of windows: ``time`` in epoch ms, its masked text and the blocks to whose windows it goes.

    ``chain``: it goes on with the line before, and ``text`` is both (see ``continued``); ``line`` is then that piece.
    """

    time: int
    text: str
    blocks: tuple[bytes, ...]
    line: bytes
    chain: bool = False


class Log:
    """Remembers the last line, nothing else; ``head`` is all that has to be kept to go on elsewhere.

    ``continued`` counts the lines that belong to a line before them, be it that they add to its text or not.
    """

    def __init__(self, reader: LineReader, head: Head | None = None) -> None:
        self.head = head
        self.continued = 0
        self._reader = reader

    def messages(self, raw: bytes) -> list[Inner]:
        """The plain lines of a message, each for ``entry``; none where it cannot be read and names no block, else
        raise BadLine.
        """
        try:
            return self._reader.open(raw)
        except BadLine as bad:
            self.head = None
            if bad.reason not in ("too_long", "encoding") and not self._reader.blocks.windowed(raw):
                return []
            raise

    def entry(self, inner: Inner) -> Entry | None:
        """What goes into windows; None for a line that names no block, or adds nothing to the line before.

        Raises BadLine for a line that is too long, not UTF-8, names too many blocks, or names one and has no time.
        """
        line, source = inner.line, inner.source
        check(line)
        try:
            time, text, _ = self._reader.parts(line)
        except BadLine:
            blocks = tuple(self._reader.blocks.windowed(line))
            if (head := self._before(inner)) is not None:
                return self._more(head, line, blocks)
            if line.strip():
                self.head = None
            if blocks:
                raise  # not from a function that is given it: error and frame would hold each other
            return None
        self.head = Head(time, text, (), source)
        blocks = tuple(self._reader.blocks.windowed(line))
        self.head = Head(time, text, blocks, source)
        return Entry(time, text, blocks, line) if blocks else None

    def _before(self, inner: Inner) -> Head | None:
        """The line that one without a time goes on with, if it does."""
        head = self.head
        if head is None or head.source != inner.source or not head.bearable or not continues(inner.line):
            return None
        return head

    def _more(self, head: Head, line: bytes, blocks: tuple[bytes, ...]) -> Entry | None:
        grown = longer(head, self._reader.text(line), is_frame(line.decode()), blocks)
        self.continued += bool(head.blocks or blocks)
        if grown is None:
            return None
        self.head = grown
        return Entry(grown.time, grown.chain, grown.blocks, line, chain=True) if grown.blocks else None


def to_be_opened(raw: bytes) -> tuple[int, str, int]:
    """In the place of ``LineReader.parts`` where a form is forced: every message goes the slow way."""
    raise BadLine("timestamp", "the form is forced")
