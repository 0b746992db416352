"""Values of several rounds → median, spread and ratio. Knows nothing of what was measured."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A row: ``values``, one a round, in ``unit``. ``of`` names the figure of the same section that it is a ratio of.
    ``goal`` is what that ratio, or else the median, is to be: at least so much, or at most where ``least`` is false.
    """

    section: str
    name: str
    unit: str
    values: Sequence[float]
    of: str | None = None
    goal: float | None = None
    least: bool = True

    @property
    def median(self) -> float:
        """The middle of the values."""
        return statistics.median(self.values)


@dataclass(frozen=True)
class Compared:
    """A figure, and its median over that of the figure it names; None if that was not measured."""

    figure: Figure
    ratio: float | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the goal is reached; None where there is none, or nothing to compare with."""
        figure = self.figure
        value = self.ratio if figure.of else figure.median
        if figure.goal is None or value is None:
            return None
        return value >= figure.goal if figure.least else value <= figure.goal

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        f = self.figure
        values: dict[str, Any] = {"values": list(f.values), "median": f.median, "of": f.of, "ratio": self.ratio}
        goal = {"goal": f.goal, "goal_is": "least" if f.least else "most", "reached": self.reached}
        return {"section": f.section, "name": f.name, "unit": f.unit, **values, **(goal if f.goal is not None else {})}


def compared(figures: Sequence[Figure]) -> list[Compared]:
    """Each figure with its ratio."""
    medians = {(f.section, f.name): f.median for f in figures}
    bases = [medians.get((f.section, f.of)) if f.of else None for f in figures]
    return [Compared(f, f.median / base if base else None) for f, base in zip(figures, bases, strict=True)]
