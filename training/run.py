"""One training from its first stage to its last: what is shown, what the curves are, and where it goes on after a kill.

Stages report every step here. They are known by their order, so a training must have the same stages each time, and
read the model's weights only where every stage is over.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, runtime_checkable

from training.resume import Kept, Point, Tensors
from training.shown import WHOLE

_ROWS = 1000


class Progress(Protocol):
    """Told about every step of a stage of training."""

    def __call__(self, stage: str, done: int, of: int, loss: float | None) -> None:
        """``done`` of ``of`` steps are over; ``loss`` is a running mean, None where nothing is learned."""


@runtime_checkable
class Speaks(Protocol):
    """A progress that can also print a line."""

    def say(self, text: str) -> None:
        """Print a line above what is shown."""


class Row(NamedTuple):
    """One point of the learning curves: ``loss`` is the step's own, ``mean`` the running mean."""

    stage: str
    step: int
    loss: float
    mean: float
    rate: float


class Run:
    """Shows progress, keeps curves and, if ``kept`` is given, goes on from there and saves there.

    ``plan`` is the work of each stage to come, in any unit that they share (windows times tokens): from it the time
    left over all of them is known.
    """

    def __init__(self, progress: Progress, plan: Mapping[str, float] | None = None, kept: Kept | None = None) -> None:
        self._progress = progress
        self._plan = dict(plan or {})
        self._kept = kept
        self._point = kept.point if kept else None
        self._stage = -1
        self._past = 0.0  # work of the stages that are over
        self._means: list[float] = list(self._point.told["means"]) if self._point else []
        self.curve = [Row(*row) for row in self._point.told["curve"]] if self._point else []
        if kept and kept.note:
            self.say(kept.note)

    @classmethod
    def of(cls, progress: "Progress | Run") -> "Run":
        """A run of its own for whoever trains one stage alone."""
        return progress if isinstance(progress, Run) else cls(progress)

    def __call__(self, stage: str, done: int, of: int, loss: float | None) -> None:
        """See ``Progress``; it also tells how far the whole is."""
        if stage in self._plan:
            whole = int(sum(self._plan.values()))
            self._progress(WHOLE, int(self._past + self._plan[stage] * done / of), whole, None)
        self._progress(stage, done, of, loss)

    def say(self, text: str) -> None:
        """Print a line, if somebody listens."""
        if isinstance(self._progress, Speaks):
            self._progress.say(text)

    def begin(self) -> float | Point | None:
        """The next stage begins: its loss if it was over already, a point in it, or None at its very beginning."""
        self._stage += 1
        if self._stage < len(self._means):
            return self._means[self._stage]
        point, self._point = self._point, None
        return point if point and point.stage == self._stage else None

    def step(self, row: Row, of: int, tensors: Callable[[], Tensors]) -> None:
        """A step is done, the ``row.step``-th of ``of``."""
        if row.step % -(-of // _ROWS) == 0 or row.step == of:
            self.curve.append(row)
        if self._kept:
            self._kept.save(self._stage, row.step, lambda: self._told(row.mean), tensors)
        self(row.stage, row.step, of, row.mean)

    def end(self, stage: str, mean: float) -> None:
        """The stage is over."""
        self._past += self._plan.get(stage, 0.0)
        if self._stage >= len(self._means):
            self._means.append(mean)

    def _told(self, mean: float) -> dict[str, Any]:
        return {"means": self._means, "mean": mean, "curve": self.curve}
