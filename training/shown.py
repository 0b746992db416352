"""Progress of training on stderr: bars with loss and time left on a terminal, a line every ten seconds in a log."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_LOG_EVERY_S = 10.0


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


class _Log:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = time.monotonic() + _LOG_EVERY_S
        self._begun: dict[str, float] = {}
        self._ended: set[str] = set()

    def __call__(self, stage: str, done: int, of: int, loss: float | None = None) -> None:
        now = time.monotonic()
        begun = self._begun.setdefault(stage, now)
        ends = done == of and stage not in self._ended  # a last step may be told more than once
        if now < self._next and not ends:
            return
        if ends:
            self._ended.add(stage)
        self._next = now + _LOG_EVERY_S
        share = f"{done / of:.0%}, {(now - begun) * (of - done) / done:.0f} s left" if of and done else f"{done:,}"
        self._console.print(f"{stage}: {share} {_loss(loss)}".rstrip(), soft_wrap=True, markup=False)


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
