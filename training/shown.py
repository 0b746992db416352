"""Progress of training on stderr: bars with loss and time left on a terminal, a line every ten seconds in a log.

A stage called ``WHOLE`` is all stages together: the bar above the others, and the end of each line of a log.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_LOG_EVERY_S = 10.0
WHOLE = "training"


class Shown(Protocol):
    """Is told about every step of a stage; ``of`` is 0 if nobody knows, ``loss`` is a running mean."""

    def __call__(self, stage: str, done: int, of: int, loss: float | None = None) -> None:  # noqa: D102
        ...


class _Bars:
    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, of: int, loss: float | None = None) -> None:
        task = self._tasks.get(stage)
        if task is None:
            task = self._tasks[stage] = self._bars.add_task(stage, total=of or None, loss="")
        self._bars.update(task, completed=done, total=of or None, loss=_loss(loss))

    def say(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(text, soft_wrap=True, markup=False)


class _Log:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = time.monotonic() + _LOG_EVERY_S
        self._begun: dict[str, tuple[float, int]] = {}
        self._ended: set[str] = set()
        self._whole = ""

    def __call__(self, stage: str, done: int, of: int, loss: float | None = None) -> None:
        now = time.monotonic()
        begun, before = self._begun.setdefault(stage, (now, done))
        left = (now - begun) * (of - done) / (done - before) if done > before else None
        if stage == WHOLE:
            self._whole = "" if left is None or done == of else f"; in all {done / of:.0%}, {_seconds(left)} left"
            return
        ends = done == of and stage not in self._ended  # a last step may be told more than once
        if now < self._next and not ends:
            return
        if ends:
            self._ended.add(stage)
        self._next = now + _LOG_EVERY_S
        share = f"{done:,}" if not of else f"{done / of:.0%}" + ("" if left is None else f", {_seconds(left)} left")
        self.say(f"{stage}: {share} {_loss(loss)}".rstrip() + self._whole)

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, soft_wrap=True, markup=False)


def _seconds(left: float) -> str:
    return f"{left:.0f} s" if left < 120 else f"{left / 60:.0f} min"


@contextmanager
def shown() -> Iterator[Shown]:
    """Yield what shows the progress; it stays on the screen at the end."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Log(console)
        return
    columns = (TextColumn("{task.description:22}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[loss]}"))
    with Progress(*columns, *times, console=console) as bars:
        yield _Bars(bars)


def _loss(loss: float | None) -> str:
    return "" if loss is None else f"loss {loss:.4f}"
