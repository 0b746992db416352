"""A window that is to be scored now, as little of it as is needed. Knows no rule of windows.

Most windows have the lines of many others, and of those that are healthy nobody asks more than how many lines there
are, and when the first and the last one came. So all lines are put together for whoever asks for the ``window``.
"""

from collections.abc import Callable
from typing import NamedTuple

from stream.windows.openwindow import Published
from stream.windows.window import Reason, Window


class Head(NamedTuple):
    """What is known of a window without reading its lines; times in epoch ms. ``part`` counts a block's windows."""

    part: int
    reason: Reason
    lines: int
    first: int
    last: int


class Due:
    """The window of block ``key``, and the last event about the same part, if there was one; ``complete``: it is
    closed.

    Of one partition, windows with equal ``content`` have the same lines, in whatever order; None where it is not known.
    """

    __slots__ = ("_read", "_window", "complete", "content", "head", "key", "published")

    def __init__(self, key: bytes, window: Window, published: Published | None = None) -> None:
        times = window.times
        self.key = key
        self.head = Head(window.part, window.reason, len(times), times[0], times[-1])
        self.published = published
        self.complete = window.complete
        self.content: bytes | None = None
        self._window: Window | None = window
        self._read: Callable[[], Window] | None = None

    @classmethod
    def unread(
        cls, key: bytes, head: Head, published: Published | None, content: bytes, read: Callable[[], Window]
    ) -> "Due":
        """One whose lines ``read`` puts together, at most once, whenever that is."""
        due = cls.__new__(cls)
        due.key, due.head, due.published, due.content = key, head, published, content
        due.complete = head.reason is not Reason.QUIET
        due._window, due._read = None, read
        return due

    @property
    def window(self) -> Window:
        """All of it; raises StateError where its lines cannot be read."""
        if self._window is None and self._read is not None:
            self._window, self._read = self._read(), None
        assert self._window is not None
        return self._window
