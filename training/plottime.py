"""Plots of what a replay measures over time: figures as they come, and how long failures stay unseen."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from training.evaluate import Floats
from training.plots import ANOMALOUS, NEUTRAL, NORMAL, STYLES, new_figure, save_figure

_FEW = 5


def running_plot(
    times: Sequence[int], aucs: Mapping[str, Sequence[float]], precisions: Mapping[str, Sequence[float]], to: Path
) -> None:
    """ROC-AUC and average precision by name of the curve, over event time (epoch ms); NaN leaves a gap."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    moments = np.array(times, "datetime64[ms]")
    figure, panels = new_figure(2, "Figures while the log is replayed")
    for axes, title, curves in zip(panels, ("ROC-AUC", "average precision"), (aucs, precisions), strict=True):
        for (name, values), (color, style) in zip(curves.items(), STYLES, strict=False):
            dot = "o" if len(moments) < _FEW else None  # a line of one point is none
            axes.plot(moments, values, c=color, ls=style, lw=2, marker=dot, drawstyle="steps-post", label=name)
        locator = AutoDateLocator(minticks=3, maxticks=6)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.set(xlabel="event time (UTC)", ylabel=title, ylim=(-0.02, 1.02))
        axes.legend(loc="lower right")
    save_figure(figure, to)


def delay_plot(from_difference: Floats, from_last_line: Floats, missed: int, to: Path) -> None:
    """Share of failed blocks that had raised an alarm so many seconds (event time) after they could be seen."""
    of = len(from_difference) + len(from_last_line) + missed
    figure, (axes,) = new_figure(1, f"Detection delay of {of:,} failed blocks; {missed:,} raised no alarm")
    for name, seconds, color, style in (
        ("since the first line that differs", from_difference, NORMAL, "-"),
        ("since the last line, where none differs", from_last_line, ANOMALOUS, "--"),
    ):
        drawn = np.sort(np.maximum(seconds, 1.0))
        steps = np.arange(1, len(drawn) + 1) / of
        label = f"{name} ({len(drawn):,} blocks)"
        axes.plot(
            np.r_[1.0, drawn], np.r_[0.0, steps], color=color, ls=style, lw=2, drawstyle="steps-post", label=label
        )
    axes.set(xscale="log", xlabel="seconds of event time (1 and less at the left)", ylabel="share of all failed blocks")
    axes.set_ylim(-0.02, 1.02)
    for mark, name in ((60, "1 min"), (3600, "1 h"), (86_400, "1 d")):
        axes.axvline(mark, color=NEUTRAL, ls=":", lw=1)
        axes.text(mark, 1.0, f" {name}", color=NEUTRAL, va="top")
    axes.legend(loc="center left")
    save_figure(figure, to)
