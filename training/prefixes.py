"""The teacher of windows that may go on: a prefix is as anomalous as the best that can still become of it.

A block that is being written has every count too low, and that is no failure. So a prefix is completed with every
window that training knows (the greater count of each kind), and its target is the least that the teacher gives to any
completion: what is missing may still come, what is there and fits nowhere stays.
"""

import numpy as np

from training.bags import Floats
from training.teacher import Lesson, Teacher

_MOST_COMPLETIONS = 512
_ROWS = 64


class PrefixTeacher:
    """Targets of prefixes, from the teacher of complete windows and the complete windows themselves."""

    def __init__(self, teacher: Teacher, counts: Floats, weights: Floats) -> None:
        """``counts`` ``(windows, kinds + 1)`` are distinct complete windows, ``weights`` how often each was seen."""
        self._teacher = teacher
        most = np.argsort(-weights, kind="stable")[:_MOST_COMPLETIONS]
        self._completions = counts[most]

    def target(self, counts: Floats) -> Floats:
        """Least target of all completions of each prefix: ``(prefixes,)``; ``counts`` as ``Teacher.target`` has it."""
        return self.lesson(counts).targets

    def lesson(self, counts: Floats) -> Lesson:
        """The least targets, with the reasons that the teacher has for those completions."""
        return self._teacher.lesson(np.concatenate([counts[:0], *map(self._best, _parts(counts))]))

    def _best(self, rows: Floats) -> Floats:
        """Of each row the completion that is worth the least."""
        whole = np.maximum(rows[:, None, :], self._completions[None, :, :])  # (rows, completions, kinds + 1)
        targets = self._teacher.target(whole.reshape(-1, rows.shape[1])).reshape(len(rows), -1)
        return np.asarray(whole[np.arange(len(rows)), targets.argmin(axis=1)])


def _parts(counts: Floats) -> list[Floats]:
    return [counts[i : i + _ROWS] for i in range(0, len(counts), _ROWS)]
