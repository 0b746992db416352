"""Looks at open windows: all their lines in canonical order or, where that is enough, only which lines there are.

Where first and last line are near enough, no order and no time between them matters: the lines are one window, and the
sorted numbers of their templates are its content. That is a fifth of the work, and for nearly all windows enough.
"""

from functools import partial

from stream.errors import StateError
from stream.lines.continued import JOINT, folded
from stream.windows.due import Due, Head
from stream.windows.openwindow import OpenWindow, Published
from stream.windows.packed import templates, unpack
from stream.windows.templates import TemplateTable
from stream.windows.window import Reason, Window, name_of

Lines = list[tuple[int, str, int, int]]
"""Time, masked text, offset, template number: sorts into the canonical order."""


class Looks:
    """Reads windows whose lines name templates of ``table``; ``number`` counts the looks."""

    def __init__(self, table: TemplateTable) -> None:
        self.number = 0
        self._table = table

    def lines(self, block: bytes, window: OpenWindow) -> Lines:
        """All lines, sorted; raises StateError if there are not as many as the window says."""
        self.number += 1
        return self._lines(block, window.body, window.count)

    def whole(self, block: bytes, window: OpenWindow, reason: Reason) -> Due:
        """A window that is ``undivided``, to be scored for this reason; raises StateError as ``lines`` does."""
        self.number += 1
        found = templates(window.body)
        if len(found) != window.count:
            raise _damaged(block, len(found), window.count)
        chains = self._table.chains
        if chains and not chains.isdisjoint(found):  # which lines they go on with, their order tells
            lines = self._lines(block, window.body, window.count)
            return self.part(block, window.part, lines, reason, window.published)
        found.sort()
        head = Head(window.part, reason, window.count, window.first, window.last)
        read = partial(self._read, block, head, bytes(window.body))
        return Due.unread(block, head, window.published, b"".join(found), read)

    def part(self, block: bytes, part: int, lines: Lines, reason: Reason, published: Published | None) -> Due:
        """Some of the lines as a window, to be scored for this reason."""
        return Due(block, self._window(block, part, lines, reason), published)

    def _read(self, block: bytes, head: Head, body: bytes) -> Window:
        return self._window(block, head.part, self._lines(block, body, head.lines), head.reason)

    def _lines(self, block: bytes, body: bytes | bytearray, count: int) -> Lines:
        texts = self._table.texts  # that they are all there, the store has seen when it was restored
        lines = [(time, texts[number], offset, number) for time, number, offset in unpack(body)]
        lines.sort()
        if len(lines) != count:
            raise _damaged(block, len(lines), count)
        return lines

    def _window(self, block: bytes, part: int, lines: Lines, reason: Reason) -> Window:
        if self._table.chains and any(JOINT in line[1] for line in lines):
            lines = [(*line, 0) for line in folded([line[:3] for line in lines])]
        times, texts, offsets, _ = zip(*lines, strict=True)
        return Window(name_of(block), part, reason, texts, times, offsets)


def _damaged(block: bytes, found: int, count: int) -> StateError:
    return StateError(f"window {block!r} holds {found} lines, not {count}")
