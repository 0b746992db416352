"""Samples → figures and a graph."""

import statistics
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from bench.longrun.watch import Sample


def figures(samples: Sequence[Sample]) -> dict[str, float]:
    """Lines, lines/s after the first tenth, resident MiB in the second and the last quarter of the run (medians), and
    the growth between them as a share.
    """
    n = len(samples)
    warm, last = samples[n // 10], samples[-1]
    second, fourth = (statistics.median(s.mib for s in part) for part in (samples[n // 4 : n // 2], samples[-n // 4 :]))
    return {
        "lines": last.lines,
        "seconds": round(last.seconds, 1),
        "lines_per_s": round((last.lines - warm.lines) / (last.seconds - warm.seconds)),
        "mib_second_quarter": round(second, 1),
        "mib_last_quarter": round(fourth, 1),
        "mib_most": round(max(s.mib for s in samples), 1),
        "growth": round(fourth / second - 1, 4),
    }


def draw(samples: Sequence[Sample], to: Path) -> None:
    """Resident memory over the lines that are done, and lines a second over time, as a PNG."""
    from training.plots import new_figure, save_figure

    figure, (memory, rate) = new_figure(2, "A long run at full speed")
    memory.plot([s.lines / 1e6 for s in samples], [s.mib for s in samples], color="#0072B2")
    memory.set(xlabel="lines done (millions)", ylabel="resident memory of the daemon (MiB)")
    memory.set_ylim(bottom=0)
    steps = samples[::10]
    pairs = list(pairwise(steps))
    rate.plot(
        [b.seconds for _, b in pairs],
        [(b.lines - a.lines) / (b.seconds - a.seconds) / 1000 for a, b in pairs],
        color="#D55E00",
    )
    rate.set(xlabel="time (s)", ylabel="lines/s (thousands), over 10 s")
    rate.set_ylim(bottom=0)
    save_figure(figure, to)
