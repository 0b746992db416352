"""Figures of a stream as it is by now: over the last events, over the last hours, or with old events fading away.

Each forgets what is over by taking it out of ``training.auc``, which leaves no trace there, so that the figures are
those of what is left, to the last digit. Times are passed in; they may come in any order.
"""

import heapq
import math
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from training.auc import StreamingAuc

_HORIZON = 64
"""So many half-lives until an event is forgotten: it weighs 5e-20 of a new one, less than a digit of a float."""


class Events(NamedTuple):
    """What a sliding window holds: three sequences of one length."""

    scores: list[float]
    labels: list[bool]
    blocks: list[str]


class LastEvents:
    """Figures over the last ``most`` events. Memory: about 170 bytes an event."""

    def __init__(self, most: int) -> None:
        self.auc = StreamingAuc()
        self._most = most
        self._events: deque[tuple[float, bool, str]] = deque()

    def add(self, score: float, anomalous: bool, block: str = "") -> None:
        """Add an event, and forget one if they are too many. O(log n)."""
        self.auc.add(score, anomalous)
        self._events.append((score, anomalous, block))
        if len(self._events) > self._most:
            self.auc.remove(*self._events.popleft()[:2])

    def events(self) -> Events:
        """What it holds, for a bootstrap."""
        return _columns(self._events)


class LastTime:
    """Figures over the events later than ``span`` before the latest time. Memory: about 210 bytes an event."""

    def __init__(self, span: float) -> None:
        self.auc = StreamingAuc()
        self.now = -math.inf
        self._span = span
        self._events: list[tuple[float, float, bool, str]] = []

    def add(self, time: float, score: float, anomalous: bool, block: str = "") -> None:
        """Add an event, unless it is too old by now, and forget what has become so. O(log n)."""
        self.auc.add(score, anomalous)
        heapq.heappush(self._events, (time, score, anomalous, block))
        self.now = max(time, self.now)
        while self._events[0][0] <= self.now - self._span:
            self.auc.remove(*heapq.heappop(self._events)[1:3])

    def events(self) -> Events:
        """What it holds, for a bootstrap."""
        return _columns(event[1:] for event in sorted(self._events))


class Fading:
    """Figures in which an event weighs 1 at its time and half as much with every ``half_life`` that goes by.

    What is older than 64 half-lives is forgotten; a class that has nothing younger is missing. Memory: about 230 bytes
    an event of that time.
    """

    def __init__(self, half_life: float) -> None:
        if not 0 < half_life < math.inf:
            raise ValueError(f"a half-life is {half_life}; it must be above 0")
        self.auc = StreamingAuc()
        self.now = -math.inf
        self._half_life = half_life
        self._since = 0.0  # an event at this time weighs 1 inside: only the ratios of weights matter
        self._halved = 0
        self._events: list[tuple[float, float, bool, float, int]] = []  # the weight when ``_halved`` was so much

    @property
    def weights(self) -> tuple[float, float]:
        """The weight of the anomalous events by now, and of the normal ones."""
        if not self._events:
            return 0.0, 0.0
        anomalous, normal = self.auc.weights
        faded = self._weight(self.now)
        return anomalous / faded, normal / faded

    def add(self, time: float, score: float, anomalous: bool) -> None:
        """Add an event, unless it is too old by now, and forget what has become so. O(log n)."""
        if math.isnan(score):
            raise ValueError("a score is NaN")
        oldest = max(time, self.now) - _HORIZON * self._half_life
        if time <= oldest:
            return
        while self._events and self._events[0][0] <= oldest:
            _, old, label, weight, halved = heapq.heappop(self._events)
            self.auc.remove(old, label, math.ldexp(weight, halved - self._halved))
        self._move(time)
        weight = self._weight(time)
        self.auc.add(score, anomalous, weight)
        heapq.heappush(self._events, (time, score, anomalous, weight, self._halved))
        self.now = max(time, self.now)

    def _move(self, time: float) -> None:
        """See to it that weights neither grow without end nor need more and more bits."""
        if not self._events:
            self._since = time
        elif (steps := int((time - self._since) / self._half_life) // _HORIZON) > 0:
            self._since += steps * _HORIZON * self._half_life
            self._halved += steps * _HORIZON
            self.auc.halve(steps * _HORIZON)

    def _weight(self, time: float) -> float:
        return math.exp2((time - self._since) / self._half_life)


def _columns(events: Iterable[tuple[float, bool, str]]) -> Events:
    columns = [list(column) for column in zip(*events, strict=True)] or [[], [], []]
    return Events(*columns)
