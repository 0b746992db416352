"""Training samples: token ids of real and damaged windows, with the teacher's score as their target."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from model.encoding import WindowEncoder
from stream.lines import words
from training.bags import Floats
from training.damage import Damage

Ids = tuple[int, ...]

_AS_WORDS = 0.05
_REWORDED = 0.03


class Target(Protocol):
    """What teaches the head."""

    def target(self, counts: Floats) -> Floats:
        """The score that each row of counts ``(windows, kinds + 1)`` should have: ``(windows,)``."""
        ...


class Wording:
    """Readings of lines: a known one with a word changed (harmless), or one that no log ever had (foreign)."""

    def __init__(self, kinds: Sequence[str], rng: np.random.Generator) -> None:
        self._rng = rng
        self._lines = [words(kind).split() or ["line"] for kind in kinds]
        self._vocabulary = sorted({word for line in self._lines for word in line})
        self._letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))

    def reworded(self, kind: int) -> str:
        """The words of a known line, one of them left out, doubled or put elsewhere."""
        line = list(self._lines[kind])
        place = int(self._rng.integers(len(line)))
        word = line.pop(place)
        if len(line) < 3 or self._rng.random() < 0.5:
            line.insert(int(self._rng.integers(len(line) + 1)), word)
        return " ".join(line)

    def foreign(self) -> str:
        """A line of words from other lines, or made up, of usual length."""
        length = int(self._rng.integers(3, 13))
        return " ".join(self._invented() if self._rng.random() < 0.5 else self._borrowed() for _ in range(length))

    def _borrowed(self) -> str:
        return self._vocabulary[int(self._rng.integers(len(self._vocabulary)))]

    def _invented(self) -> str:
        return "".join(self._rng.choice(self._letters, int(self._rng.integers(2, 11))))


class Sampler:
    """Draws batches from the windows of one completeness: half of them real, half damaged."""

    def __init__(
        self,
        counts: Floats,
        weights: Floats,
        kinds: Sequence[str],
        complete: bool,
        encoder: WindowEncoder,
        teacher: Target,
        rng: np.random.Generator,
    ) -> None:
        self._counts = counts
        frequent = np.sqrt(weights)
        self._share = 0.5 * frequent / frequent.sum() + 0.5 / len(counts)
        self._kinds = kinds
        self._complete = complete
        self._encoder = encoder
        self._teacher = teacher
        self._rng = rng
        self._damage = Damage(counts, rng)
        self._wording = Wording(kinds, rng)

    def draw(self, size: int) -> tuple[list[Ids], Floats]:
        """Token ids of ``size`` windows and their targets ``(size,)``."""
        rows = self._counts[self._rng.choice(len(self._counts), size, p=self._share)]
        half = size // 2
        rows = np.concatenate([rows[:half], self._damage.draw(rows[half:])])
        return [self.encode(row) for row in rows], self._teacher.target(rows)

    def encode(self, row: Floats) -> Ids:
        """Token ids of one row of counts, some of its known lines read as words."""
        bag: dict[str, int] = {}
        as_words: set[str] = set()
        for kind in np.flatnonzero(row[:-1]).tolist():
            text = self._kinds[kind]
            chance = self._rng.random()
            if chance < _REWORDED:
                text = self._wording.reworded(kind)
            if chance < _REWORDED + _AS_WORDS:
                as_words.add(text)
            bag[text] = bag.get(text, 0) + int(row[kind])
        if row[-1]:
            bag[self._wording.foreign()] = int(row[-1])
        return self._encoder.encode(bag, self._complete, as_words)
