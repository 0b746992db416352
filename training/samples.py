"""Training samples: token ids of real, composed and damaged windows, with the teacher's scores and its reasons.

The teacher counts lines of unknown kinds and cannot read them. So here a window gets such lines in words, and is taught
what they mean: harmless ones make it hardly worse than it is without them; lines that speak of trouble are what the
teacher says of unknown ones; a known line in other words is still that line, and so is a harmless one in its place and
as often, since another version may say it so (which hides that a line is missing where such news happens to come).

Where it is known that the windows are healthy, a line that none of them has is unknown, whatever it says: what healthy
clusters write, training has seen. So there one that reads like a known line, and comes beside it, is one more of it.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from model.encoding import COUNTS, WindowEncoder
from training.bags import Floats
from training.composed import composed
from training.damage import Damage
from training.teacher import Lesson
from training.wording import Wording

Ids = tuple[int, ...]

_REAL, _REAL_LATE = 1 / 8, 3 / 8  # of the windows, and how many more at the end: small steps settle what they see
_COMPOSED = 3 / 7  # of the others; the rest is damaged
_WORDED = 0.3  # of the windows are read in words; the others have three times fewer tokens, and say what fits what
_AS_WORDS = 0.05  # of the known lines of these
_REWORDED = 0.7  # of these windows, one to three of their kinds
_ANEW = 0.2  # of these kinds: other words altogether, in their place and as often, as another version might have them
_BESIDE = 0.5  # of these kinds, where all windows are healthy: the known lines stay, and up to three are more
_RUINED = 0.15  # of these windows: one of their kinds speaks of trouble, in all of its lines
_NEWS = 0.3  # of these windows without an unknown line get one
_EXACT = 8  # up to here each count has a token
_HARMLESS = 0.02  # lines of an unknown kind that a window's harmless unknown lines count as, however many there are


_TOLD = np.array(COUNTS[:-1], float)


def told(counts: Floats, most: Floats) -> Floats:
    """Counts as their tokens tell them, so that what is taught is a function of what is read: from 9 to 128, and above
    the ``most`` that windows have ``(kinds + 1,)``, the greatest count of the token.

    Where a teacher believes 45 lines and not 46, and one token stands for 33 to 64, no head could learn it.
    """
    rank = np.minimum(np.searchsorted(_TOLD, counts), len(_TOLD) - 1)
    new = (counts > np.maximum(most, _EXACT)) & (counts <= _TOLD[-1])
    return np.where(new, _TOLD[rank], counts)


class Target(Protocol):
    """What teaches the head."""

    def lesson(self, counts: Floats) -> Lesson:
        """The score that each row of counts ``(windows, kinds + 1)`` should have, and why."""
        ...


class Sampler:
    """Draws batches from windows of one completeness: real ones, others composed of such, and damaged ones.

    ``healthy``: no failure is among the windows.
    """

    def __init__(
        self,
        counts: Floats,
        weights: Floats,
        kinds: Sequence[str],
        complete: bool,
        encoder: WindowEncoder,
        teacher: Target,
        rng: np.random.Generator,
        healthy: bool = False,
    ) -> None:
        self._counts, self._most = counts, counts.max(axis=0)
        self._healthy = healthy
        frequent = np.sqrt(weights)
        self._share = 0.5 * frequent / frequent.sum() + 0.5 / len(counts)
        self._kinds = kinds
        self._complete = complete
        self._encoder = encoder
        self._teacher = teacher
        self._rng = rng
        self._damage = Damage(counts, rng)
        self._wording = Wording(kinds, rng)

    def draw(self, size: int, over: float = 0.0) -> tuple[list[Ids], Lesson]:
        """Token ids of ``size`` windows and what they teach, when a share ``over`` of training is over."""
        rows = self._counts[self._rng.choice(len(self._counts), size, p=self._share)]
        real = round(size * (_REAL + _REAL_LATE * over**2))
        made = round((size - real) * _COMPOSED)
        parts = rows[:real], composed(self._counts, made, self._rng), self._damage.draw(rows[real + made :])
        rows = np.concatenate(parts)
        read = [self.read(row) for row in rows]
        meant = told(np.array([meaning for _, meaning in read]), self._most)
        return [ids for ids, _ in read], self._teacher.lesson(meant)

    def read(self, row: Floats) -> tuple[Ids, Floats]:
        """A row of counts in words, as token ids, and what these words mean: a row again."""
        if not row[-1] and self._rng.random() >= _WORDED:
            return self._encoder.encode(self._known(row), self._complete), row
        meaning = row.copy()
        bag: Counter[str] = Counter()
        as_words: set[str] = set()
        present = np.flatnonzero(row[:-1]).tolist()
        ruined = self._some(present, 1) if self._rng.random() < _RUINED else []
        reworded = self._some(present, int(self._rng.integers(1, 4))) if self._rng.random() < _REWORDED else []
        for kind in present:
            text, number = self._kinds[kind], int(row[kind])
            if kind in ruined:
                text = self._wording.troubled()
                meaning[kind], meaning[-1] = 0, meaning[-1] + row[kind]
            elif kind in reworded:
                text = self._said_otherwise(kind)
                number = self._beside(kind, number, bag, meaning)
            if text != self._kinds[kind] or self._rng.random() < _AS_WORDS:
                as_words.add(text)
            bag[text] += number
        self._add_unknown(bag, meaning, int(row[-1]))
        return self._encoder.encode(bag, self._complete, as_words), meaning

    def _known(self, row: Floats) -> Counter[str]:
        return Counter({self._kinds[kind]: int(row[kind]) for kind in np.flatnonzero(row[:-1]).tolist()})

    def _said_otherwise(self, kind: int) -> str:
        anew = not self._healthy and self._rng.random() < _ANEW
        return self._wording.harmless() if anew else self._wording.reworded(kind)

    def _beside(self, kind: int, number: int, bag: Counter[str], meaning: Floats) -> int:
        """How often a known line comes in other words: in its place, or beside it as more of it."""
        if not self._healthy or self._rng.random() >= _BESIDE:
            return number
        bag[self._kinds[kind]] += number
        more = int(self._rng.integers(1, 4))
        meaning[kind] += more
        return more

    def _add_unknown(self, bag: Counter[str], meaning: Floats, number: int) -> None:
        if not number and self._rng.random() < _NEWS:
            number = int(self._rng.integers(1, 4))
            meaning[-1] += number
        if number:
            harmless = self._rng.random() < 0.5
            bag[self._wording.harmless() if harmless else self._wording.troubled()] += number
            if harmless and not self._healthy:
                meaning[-1] += _HARMLESS - number

    def _some(self, kinds: list[int], number: int) -> list[int]:
        chosen: list[int] = self._rng.permutation(kinds)[:number].tolist()
        return chosen
