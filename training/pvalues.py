"""Whether p-values keep their word on windows whose labels are known: figures and a plot. Knows no model and no log.

Of normal windows one in a hundred should have a p-value of a hundredth or less, and so on. Kolmogorov's and Smirnov's
test holds them against uniform, ties broken at random (``training.uniform``); the shares are of the p-values as they
are, since verdicts are. A p-value of the calibration's floor means "at most".
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from training.evaluate import Floats
from training.uniform import LEAST, spread, uniformity

STATED = (0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4)
_SLACK = 1.5
BINS = 10


class PValues(NamedTuple):
    """p-values of complete windows: those of normal blocks, and those of all, which tell what values there are."""

    normal: Floats
    every: Floats


def calibration_figures(found: PValues) -> dict[str, Any] | None:
    """Figures as JSON values; None where normal windows are fewer than 20."""
    if len(found.normal) < LEAST:
        return None
    test = uniformity(_spread(found))
    return {
        "normal_windows": test.windows,
        "ks_statistic": test.statistic,
        "ks_p_value": test.p_value,
        "histogram": np.histogram(_spread(found), BINS, (0, 1))[0].tolist(),
        "realised": {f"{stated:g}": float((found.normal <= stated).mean()) for stated in STATED},
    }


def calibration_plot(found: PValues, figures: dict[str, Any], to: Path) -> None:
    """Realised against stated shares of normal windows: all of them, and the small ones on logarithms."""
    from training.plots import MARK, NEUTRAL, NORMAL, new_figure, save_figure

    title = (
        f"p-values of {len(found.normal):,} normal windows against uniform: "
        f"KS {figures['ks_statistic']:.3f} (p = {figures['ks_p_value']:.2g})"
    )
    figure, (left, right) = new_figure(2, title)
    drawn, steps = np.sort(_spread(found)), np.arange(1, len(found.normal) + 1) / len(found.normal)
    left.plot(drawn, steps, color=NORMAL, lw=2, label="p-values, ties broken at random")
    left.plot([0, 1], [0, 1], color=NEUTRAL, ls=":", label="uniform")
    left.set(xlabel="p-value", ylabel="share of normal windows with no more")
    stated = np.geomspace(max(1e-5, 0.3 / len(found.normal)), 1, 200)
    realised = np.searchsorted(np.sort(found.normal), stated, "right") / len(found.normal)
    right.plot(stated, realised, color=NORMAL, lw=2, drawstyle="steps-post", label="p-values as they are")
    right.plot(stated, stated, color=NEUTRAL, ls=":", label="uniform")
    right.plot(stated, _SLACK * stated, color=MARK, lw=1, ls="--", label="1.5 times the stated share")
    right.set(xscale="log", yscale="log", xlabel="stated share", ylabel="realised share of normal windows")
    for axes in (left, right):
        axes.legend(loc="upper left")
    save_figure(figure, to)


def histogram_plot(figures: dict[str, Any], to: Path) -> None:
    """How the p-values of normal windows are spread, beside what chance does to so many uniform ones."""
    from training.plots import MARK, NEUTRAL, NORMAL, new_figure, save_figure

    counts, of = np.array(figures["histogram"]), figures["normal_windows"]
    title = f"p-values of {of:,} normal windows: KS {figures['ks_statistic']:.3f} (p = {figures['ks_p_value']:.2g})"
    figure, (axes,) = new_figure(1, title)
    middle, far = of / BINS, 1.96 * np.sqrt(of * (1 - 1 / BINS) / BINS)
    axes.set_ylim(0, 1.35 * max(counts.max(), middle + far))  # room for the legend
    axes.bar((np.arange(BINS) + 0.5) / BINS, counts, 1 / BINS, color=NORMAL, alpha=0.45, ec=NORMAL)
    axes.axhline(middle, color=MARK, ls="--", label=f"uniform: {middle:,.4g} windows a bin")
    axes.axhspan(
        max(middle - far, 0), middle + far, color=NEUTRAL, alpha=0.25, zorder=0, label="95 % of uniform samples, a bin"
    )
    axes.set(xlabel="p-value, ties broken at random", ylabel="normal windows", xlim=(0, 1))
    axes.legend(loc="upper right")
    save_figure(figure, to)


def _spread(found: PValues) -> Floats:
    """p-values with ties broken at random: each between itself and the next smaller one that any window has."""
    values = np.concatenate([[0.0], np.unique(found.every)])
    normal = np.sort(found.normal)  # so that nothing depends on the order of the windows
    below = np.maximum(np.searchsorted(values, normal) - 1, 0)  # a file of scores may have a 0
    return spread(normal, values[below], np.random.default_rng(0))
