"""What a person sees of the demo: each block's first alarm as a row, progress below, figures at the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from stream.demo.log import DemoLog
from stream.show import EventTable
from training.blockscores import BlockScores

_LOG_EVERY_S = 5.0


class Show:
    """Rows on stdout; progress below them on a terminal, now and then on stderr otherwise."""

    def __init__(self, out: Console, err: Console) -> None:
        self._terminal = out.is_terminal
        self._err = out if self._terminal else err
        self._table = EventTable(out)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(30), TimeElapsedColumn())
        self._bar = Progress(*columns, console=self._err, transient=True, disable=not self._terminal)
        self._task = self._bar.add_task("", total=None)
        self._next = 0.0
        self._said = ""
        self._alarmed: set[str] = set()

    def say(self, step: str) -> None:
        """A step has begun; what follows a step's colon is detail."""
        head = step.partition(": ")[0]
        if self._terminal:
            self._bar.update(self._task, description=step, total=None)
        elif head != self._said:
            self._err.print(head, markup=False, soft_wrap=True)
        self._said = head

    def tell(self, text: str) -> None:
        """Something to keep: it stays on the screen."""
        self._err.print(text, markup=False, soft_wrap=True)

    def event(self, event: dict[str, Any]) -> None:
        """A window was scored: a block's first alarm is shown."""
        if event["anomalous"] and event["block_id"] not in self._alarmed:
            self._alarmed.add(event["block_id"])
            self._table.show(event)

    def progress(self, sent: int, log: DemoLog, blocks: BlockScores) -> None:
        """How far the stream has come, and how well the scores so far tell the failures."""
        auc = blocks.auc
        text = (
            f"{sent:,} of {len(log.lines):,} lines, {len(blocks.scores):,} blocks scored, "
            f"{len(self._alarmed)} alarms, streaming AUC {auc.roc_auc():.4f}"
        )
        self._bar.update(self._task, description=text, completed=sent, total=len(log.lines))
        if not self._terminal and time.monotonic() >= self._next:
            self._next = time.monotonic() + _LOG_EVERY_S
            self._err.print(text, markup=False, soft_wrap=True)

    def still(self) -> None:
        """No more progress is on the screen."""
        self._bar.stop()

    @contextmanager
    def live(self) -> Iterator[None]:
        """The progress is on the screen until the block ends."""
        with self._bar:
            yield
