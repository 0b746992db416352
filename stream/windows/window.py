"""The window: what a scorer and an event see of a block. Does not know how it was kept or why it is looked at."""

from enum import StrEnum
from typing import NamedTuple


def name_of(block: bytes) -> str:
    """A block's id as text; bytes that are no UTF-8 are spelled out."""
    return block.decode(errors="backslashreplace")


class Reason(StrEnum):
    """Why a window is scored now; all but ``QUIET`` close it."""

    QUIET = "quiet"
    SILENCE = "silence"
    MAX_LINES = "max_lines"
    MAX_AGE = "max_age"
    EVICTED = "evicted"
    END = "end of input"


class Window(NamedTuple):
    """The lines of one block so far, in canonical order: by time, within one time by masked text.

    ``times`` are epoch milliseconds; ``offsets`` say where each raw line stands in the topic or file that was read;
    all three sequences have one entry a line, at least one. ``part`` is 1 for a block's first window, 2 for the next.
    """

    block_id: str
    part: int
    reason: Reason
    texts: tuple[str, ...]
    times: tuple[int, ...]
    offsets: tuple[int, ...]

    @property
    def complete(self) -> bool:
        """Whether the window is closed."""
        return self.reason is not Reason.QUIET
