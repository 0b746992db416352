"""What happened to the scores of blocks, in order, so that figures over time can be worked out once more when labels
have come after the scores that they judge.

Memory: 24 bytes a scored window, provisional ones among them.
"""

from array import array
from collections.abc import Iterator

_OPEN = -(2**63)


class Happened:
    """Feed it with ``add`` and ``mark``; iterate over what was added."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._scores, self._times = array("d"), array("q")
        self.marks: list[int] = []
        """Of each mark, how many had been added before it."""

    def add(self, block: str, score: float, closed: int | None) -> None:
        """A block has this score now; ``closed`` is the event time of the last line of a window that closed, in ms."""
        self._blocks.append(block)
        self._scores.append(score)
        self._times.append(_OPEN if closed is None else closed)

    def mark(self) -> None:
        """Remember this place."""
        self.marks.append(len(self._blocks))

    def __iter__(self) -> Iterator[tuple[str, float, int | None]]:
        """Blocks, scores, and times of windows that closed, in order."""
        for block, score, time in zip(self._blocks, self._scores, self._times, strict=True):
            yield block, score, None if time == _OPEN else time
