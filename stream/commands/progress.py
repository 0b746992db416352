"""Progress of long readings on stderr: a bar on a terminal, a line now and then in a log, nothing for a quick one."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from stream.files import Told

_QUIET_S = 2.0
_LOG_EVERY_S = 10.0


def reading(what: str) -> AbstractContextManager[Told]:
    """Yield what ``stream.files.read_lines`` calls with bytes done and bytes of all (0: nobody knows).

    The bar shows after two seconds and goes away at the end; what is printed meanwhile stands above it.
    """
    return _shown(what, DownloadColumn(), megabytes=True)


def counting(what: str) -> AbstractContextManager[Told]:
    """Yield what is called with how many of how many are done; shown as ``reading`` does."""
    return _shown(what, MofNCompleteColumn(), megabytes=False)


@contextmanager
def _shown(what: str, share: ProgressColumn, megabytes: bool) -> Iterator[Told]:
    console = Console(stderr=True, highlight=False)
    shown = _Bar(what, console, share) if console.is_terminal else _Log(what, console, megabytes)
    try:
        yield shown.told
    finally:
        shown.stop()


@contextmanager
def working(what: str) -> Iterator[None]:
    """For what takes seconds and cannot say how far it is: it turns on a terminal; in a log, one line."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        console.print(what, soft_wrap=True, markup=False)
    with console.status(what):
        yield


class _Bar:
    def __init__(self, what: str, console: Console, share: ProgressColumn) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), share, TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True)
        self._task: TaskID = self._bar.add_task(what, total=None)
        self._from = time.monotonic() + _QUIET_S

    def told(self, done: int, of: int) -> None:
        self._bar.update(self._task, completed=done, total=of or None)
        if not self._bar.live.is_started and time.monotonic() > self._from:
            self._bar.start()

    def stop(self) -> None:
        self._bar.stop()


class _Log:
    def __init__(self, what: str, console: Console, megabytes: bool) -> None:
        self._what = what
        self._console = console
        self._megabytes = megabytes
        self._next = time.monotonic() + _LOG_EVERY_S

    def told(self, done: int, of: int) -> None:
        if (now := time.monotonic()) > self._next:
            self._next = now + _LOG_EVERY_S
            share = f"{min(done / of, 1):.0%} of {self._amount(of)}" if of else self._amount(done)
            self._console.print(f"{self._what}: {share}", soft_wrap=True, markup=False)

    def stop(self) -> None:
        pass

    def _amount(self, number: int) -> str:
        return f"{number / 1e6:,.1f} MB" if self._megabytes else f"{number:,}"
