"""Windows that never were: real ones, damaged, so that the head knows the teacher's score everywhere near the data.

What real failures do, in general terms: lines are missing, come too often or too seldom, belong to another window, or
were never seen before. Rare kinds are put in as often as frequent ones. Half of the damaged windows are one step
away from a real one: there a head that has learned all real windows by heart has everything to learn yet (LOG.md).
"""

import numpy as np

from training.bags import Floats

_AT_ONCE = (1, 1, 1, 2, 2, 3)  # ways in which one window is damaged
_LEAST_SPREAD = 1e-3
_MANY, _TIMES = 8, 32  # a flood is so many lines, or what there are, and up to so many times as many


class Damage:
    """Draws damaged rows of counts ``(windows, kinds + 1)``; the last column counts lines of no known kind."""

    def __init__(self, counts: Floats, rng: np.random.Generator) -> None:
        self._counts = counts
        self._rng = rng
        spread = counts[:, :-1].std(axis=0) + _LEAST_SPREAD
        self._vary = spread / spread.sum()  # how many are too many is hardest to say of kinds whose number varies
        self._ways = (
            *2 * [self._drop], *5 * [self._change], *4 * [self._insert], *3 * [self._flood],
            *(self._keep_few, self._mix, self._foreign, self._foreign),
        )  # fmt: skip

    def draw(self, rows: Floats) -> Floats:
        """Damage each row in one way, or in two or three; an empty window keeps one line."""
        damaged = rows.copy()
        for row in damaged:
            for _ in range(int(self._rng.choice(_AT_ONCE))):
                self._ways[int(self._rng.integers(len(self._ways)))](row)
            if not row.any():
                row[int(self._rng.integers(len(row)))] = 1
        return damaged

    def _drop(self, row: Floats) -> None:
        row[self._one_of(row)] = 0

    def _change(self, row: Floats) -> None:
        kind = self._one_of(row)
        now = row[kind]
        changed = (now - 1, now - 1, now + 1, now - 2, now + 2, now * 2, now // 2)
        row[kind] = max(0, changed[int(self._rng.integers(len(changed)))])

    def _insert(self, row: Floats) -> None:
        row[int(self._rng.integers(len(row) - 1))] += int(self._rng.integers(1, 4))

    def _flood(self, row: Floats) -> None:
        kind = self._one_of(row) if self._rng.random() < 0.5 else int(self._rng.choice(len(row) - 1, p=self._vary))
        row[kind] = int(max(_MANY, row[kind]) * np.exp(self._rng.uniform(0, np.log(_TIMES))))

    def _keep_few(self, row: Floats) -> None:
        row[self._rng.random(len(row)) < 0.5] = 0

    def _mix(self, row: Floats) -> None:
        other = self._counts[int(self._rng.integers(len(self._counts)))]
        taken = self._rng.random(len(row)) < 0.5
        row[taken] = other[taken]

    def _foreign(self, row: Floats) -> None:
        row[-1] += int(self._rng.integers(1, 4))

    def _one_of(self, row: Floats) -> int:
        present = np.flatnonzero(row)
        return int(present[int(self._rng.integers(len(present)))]) if len(present) else 0
