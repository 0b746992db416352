"""Readings of lines: a known one in other words, and lines that no log ever had, harmless or speaking of trouble.

A head that has only seen known lines takes every unknown one for the same. So it is taught that a known line whose
words have changed a little is still that line, and that an unknown line is worth what its words say
(``training.wordlist``). What is left of a known line keeps at least half of its words, and a line with words of trouble
that the known one has not is another, so near as it may be. Knows nothing of windows, counts or scores.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from stream.lines import words
from training.wordlist import EVERYDAY, LEVELS, TROUBLE, is_troubled

_SHORTEST, _LONGEST = 3, 13
_MOST_CHANGED = 0.4
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Line = list[str]


class Wording:
    """Draws readings of the lines ``kinds``, which are masked texts."""

    def __init__(self, kinds: Sequence[str], rng: np.random.Generator) -> None:
        self._rng = rng
        self._lines = [words(kind).split() or ["line"] for kind in kinds]
        calm = [[word for word in line if not is_troubled(word)] for line in self._lines]
        self._runs = [list(pair) for line in calm for pair in pairwise(line)] or [["line"]]
        self._changes: tuple[Callable[[Line], None], ...] = (self._leave_out, self._move, self._add, self._replace)

    def reworded(self, kind: int) -> str:
        """The words of a known line after one to four changes; its words of trouble stay."""
        return " ".join(self._changed(self._lines[kind]))

    def harmless(self) -> str:
        """An unknown line about everyday work, of usual length: words of other lines, of its trade, or made up."""
        return " ".join(self._everyday(int(self._rng.integers(_SHORTEST, _LONGEST))))

    def troubled(self) -> str:
        """A line, unknown or known but for this, that says that something went wrong."""
        known = self._lines[int(self._rng.integers(len(self._lines)))]
        line = (
            self._changed(known) if self._rng.random() < 0.5 else self._everyday(int(self._rng.integers(1, _LONGEST)))
        )
        for _ in range(int(self._rng.integers(1, 4))):
            place = int(self._rng.integers(len(line) + 1))
            line[place:place] = self._one(TROUBLE).split()
        level = [self._one(LEVELS)] if self._rng.random() < 0.3 else []
        return " ".join(level + line)

    def _changed(self, known: Line) -> Line:
        line = list(known)
        for _ in range(min(int(self._rng.integers(1, 5)), max(1, int(_MOST_CHANGED * len(line))))):
            self._changes[int(self._rng.integers(len(self._changes)))](line)
        return line

    def _everyday(self, length: int) -> Line:
        line: Line = []
        while len(line) < length:
            chance = self._rng.random()
            if chance < 0.4:
                line += self._runs[int(self._rng.integers(len(self._runs)))]
            elif chance < 0.9:
                line.append(self._one(EVERYDAY))
            else:
                line.append(self._invented())
        return line[:length]

    def _leave_out(self, line: Line) -> None:
        calm = [place for place, word in enumerate(line) if not is_troubled(word)]
        if calm and len(line) > 1:
            line.pop(calm[int(self._rng.integers(len(calm)))])

    def _move(self, line: Line) -> None:
        word = line.pop(int(self._rng.integers(len(line))))
        line.insert(int(self._rng.integers(len(line) + 1)), word)

    def _add(self, line: Line) -> None:
        line.insert(int(self._rng.integers(len(line) + 1)), self._one(EVERYDAY))

    def _replace(self, line: Line) -> None:
        place = int(self._rng.integers(len(line)))
        if not is_troubled(line[place]):
            line[place] = self._one(EVERYDAY) if self._rng.random() < 0.8 else self._invented()

    def _one(self, of: Sequence[str]) -> str:
        return of[int(self._rng.integers(len(of)))]

    def _invented(self) -> str:
        length = int(self._rng.integers(2, 11))
        return "".join(_LETTERS[int(i)] for i in self._rng.integers(len(_LETTERS), size=length))
