"""Training samples: token ids of real and damaged windows, with the teacher's score as their target.

The teacher counts lines of unknown kinds and cannot read them. So here half of the windows that have some get harmless
ones, and are taught to be hardly worse than without them; the others get lines that speak of trouble, and are taught
what the teacher says of unknown lines.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from model.encoding import WindowEncoder
from training.bags import Floats
from training.damage import Damage
from training.wording import Wording

Ids = tuple[int, ...]

_AS_WORDS = 0.05
_REWORDED = 0.05
_HARMLESS = 0.02  # lines of an unknown kind that a window's harmless unknown lines count as, however many there are


class Target(Protocol):
    """What teaches the head."""

    def target(self, counts: Floats) -> Floats:
        """The score that each row of counts ``(windows, kinds + 1)`` should have: ``(windows,)``."""
        ...


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
        harmless = self._rng.random(size) < 0.5
        taught = rows.copy()
        taught[harmless, -1] = np.minimum(taught[harmless, -1], _HARMLESS)
        ids = [self.encode(row, calm) for row, calm in zip(rows, harmless.tolist(), strict=True)]
        return ids, self._teacher.target(taught)

    def encode(self, row: Floats, harmless: bool = False) -> Ids:
        """Token ids of one row of counts, some of its known lines read as words or reworded; ``harmless`` says what its
        unknown lines are like.
        """
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
            unknown = self._wording.harmless() if harmless else self._wording.troubled()
            bag[unknown] = bag.get(unknown, 0) + int(row[-1])
        return self._encoder.encode(bag, self._complete, as_words)
