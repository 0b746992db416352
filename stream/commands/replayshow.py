"""What a person sees of a replay while it runs: how far it is and the figures so far, with their curves on a terminal;
a line now and then in a log. All of it on stderr.
"""

import time
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.text import Text

from stream.commands.chart import chart

if TYPE_CHECKING:
    from training.replay import Replay

_TELL_S = 10.0
_DRAW_S = 0.5
_LOOK_LINES = 256
_ROWS, _WIDEST = 4, 100


class ReplayShow:
    """Use it in a ``with`` block; ``share`` is told how much of the input is past, ``look`` comes after each line."""

    def __init__(self, replay: "Replay", console: Console | None = None) -> None:
        self._replay = replay
        self._console = console or Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._begun = time.monotonic()
        self._next = self._begun + (_DRAW_S if self._console.is_terminal else _TELL_S)
        self._done = self._of = 0

    def share(self, done: int, of: int) -> None:
        """So much of the input is past; ``of`` is 0 if nobody knows."""
        self._done, self._of = done, of

    def look(self) -> None:
        """Show what there is, if it is time."""
        if self._replay.lines % _LOOK_LINES == 0 and (now := time.monotonic()) >= self._next:
            if self._console.is_terminal:
                self._next = now + _DRAW_S
                self._live.update(self._picture(), refresh=True)
            else:
                self._next = now + _TELL_S
                self._tell()

    def __enter__(self) -> "ReplayShow":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        if kind is None:
            self._tell()

    def _tell(self) -> None:
        self._console.print(self.text(), soft_wrap=True, markup=False)

    def text(self) -> str:
        """Everything in one line."""
        replay, auc = self._replay, self._replay.blocks.auc
        seconds = max(time.monotonic() - self._begun, 1e-3)
        share = f" ({self._done / self._of:.0%})" if self._of else ""
        left = seconds * (self._of - self._done) / self._done if 0 < self._done < self._of else None
        return (
            f"{replay.lines:,} lines{share}, {replay.lines / seconds:,.0f} lines/s, {replay.windows:,} windows closed, "
            f"{auc.anomalous + auc.normal:,} blocks with a label, {auc.anomalous:,} anomalous, "
            f"ROC-AUC {auc.roc_auc():.4f}, AP {auc.average_precision():.4f}"
            f"{'' if left is None else f', {_duration(left)} left'}"
        )

    def _picture(self) -> Group:
        bar = ProgressBar(total=self._of or None, completed=self._done, pulse=not self._of)
        return Group(Text(self.text()), Padding(bar), *self._curves())  # a bar alone ends no line

    def _curves(self) -> list[Text]:
        """ROC-AUC and average precision of all blocks so far, over the lines that were read."""
        curve = self._replay.prequential.curve
        if len(curve) < 2:
            return []
        width = min(self._console.width - 12, _WIDEST)
        drawn = []
        for name, which, color in (("ROC-AUC", 0, "blue"), ("AP", 1, "yellow")):
            rows = chart([point.cumulative[which] for point in curve], max(width, 8), _ROWS, 0.0, 1.0)
            labels = [f"{name:>8} 1", *[""] * (_ROWS - 2), "0"]
            drawn += [Text.assemble(f"{label:>10} ", (row, color)) for label, row in zip(labels, rows, strict=True)]
        return drawn


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
