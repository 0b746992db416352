"""What training shows of itself, as PNG files in the checkpoint's folder: curves, scores, [CLS] vectors.

Labels are not known here, so colours are scores and verdicts. The same training draws the same bytes. The model's name
does not depend on them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from model.calibration import Calibration
from model.encoding import WindowEncoder
from model.inference import Inference
from training.bags import Bag, Floats
from training.plots import ANOMALOUS, MARK, NEUTRAL, NORMAL, new_figure, save_figure
from training.projection import tsne
from training.run import Row

LEARNING, SCORES, TSNE = "learning.png", "scores.png", "tsne.png"
_BINS = 60
_MOST_POINTS = 1000
_COLOURS = "viridis"


def learning_picture(folder: Path, rows: Sequence[Row]) -> None:
    """Loss against steps, a panel a stage; nothing where there was no step."""
    stages = list(dict.fromkeys(row.stage for row in rows))
    if not stages:
        return
    figure, panels = new_figure(len(stages), "Learning curves")
    for axes, stage in zip(panels, stages, strict=True):
        points = [row for row in rows if row.stage == stage]
        steps = [row.step for row in points]
        axes.plot(steps, [row.loss for row in points], color=NORMAL, lw=0.8, alpha=0.4, label="of a step")
        axes.plot(steps, [row.mean for row in points], color=MARK, lw=1.8, label="running mean")
        axes.set(xlabel="step", ylabel="loss", yscale="log")
        axes.set_title(stage, fontsize="medium")
        axes.legend(loc="upper right")
    save_figure(figure, folder / LEARNING)


def scores_picture(
    folder: Path, calibration: Calibration, closed: Mapping[float, int], opened: Mapping[float, int]
) -> None:
    """How scores, with the windows of each, are spread about the thresholds; complete ones and prefixes."""
    sides = [("complete windows", closed, calibration.closed), ("windows that may go on", opened, calibration.open)]
    sides = [side for side in sides if side[1]]
    figure, panels = new_figure(len(sides), "Scores of the windows that calibrate, without labels")
    for axes, (name, counted, reference) in zip(panels, sides, strict=True):
        scores, weights = np.array(list(counted)), np.array(list(counted.values()), float)
        high = scores >= reference.threshold
        bins = np.linspace(scores.min() - 0.01, scores.max() + 0.01, _BINS + 1).tolist()
        for chosen, color, hatch, label in ((~high, NORMAL, None, "normal"), (high, ANOMALOUS, "///", "anomalous")):
            shown = f"{label} ({int(weights[chosen].sum()):,})"
            axes.hist(scores[chosen], bins, weights=weights[chosen], color=color, alpha=0.6, hatch=hatch, label=shown)
        axes.axvline(reference.threshold, color=MARK, ls="--", label=f"threshold {reference.threshold:.2f}")
        axes.set(xlabel="score (higher is more anomalous)", ylabel="windows (logarithmic)", yscale="log")
        axes.set_title(f"{int(weights.sum()):,} {name}", fontsize="medium")
        axes.set_ylim(bottom=0.7)
        axes.legend(loc="upper right")
    save_figure(figure, folder / SCORES)


def tsne_picture(
    folder: Path, scores: Mapping[Bag, float], encoder: WindowEncoder, inference: Inference, threshold: float
) -> None:
    """Where the [CLS] vectors of complete windows lie, coloured by score; nothing for less than ten places."""
    bags = _draw(sorted(scores))
    points = tsne(np.asarray(inference.vectors([encoder.encode(dict(bag), True) for bag in bags]), np.float64))
    if points is None:
        return
    found = np.array([scores[bag] for bag in bags])
    title = f"t-SNE of the [CLS] vectors of {len(bags):,} of {len(scores):,} distinct windows"
    figure, (axes,) = new_figure(1, title)
    _scatter(figure, axes, points, found, threshold)
    save_figure(figure, folder / TSNE)


def _scatter(figure, axes, points: Floats, scores: Floats, threshold: float) -> None:  # type: ignore[no-untyped-def]
    low, high = np.percentile(scores, [1, 99]).tolist()
    for chosen, marker, edge, label in (
        (scores < threshold, "o", "white", "normal"),
        (scores >= threshold, "X", MARK, "anomalous"),
    ):
        shown = axes.scatter(
            *points[chosen].T,
            c=scores[chosen],
            cmap=_COLOURS,
            vmin=low,
            vmax=max(high, low + 1e-6),
            s=36 if marker == "X" else 20,
            marker=marker,
            ec=edge,
            lw=0.4,
            label=f"{label} ({int(chosen.sum()):,})",
        )
    figure.colorbar(shown, ax=axes, label="score (higher is more anomalous)")
    axes.set(xticks=[], yticks=[], xlabel="t-SNE dimension 1 (no unit)", ylabel="t-SNE dimension 2 (no unit)")
    legend = axes.legend(loc="best")
    for handle in legend.legend_handles:
        handle.set_facecolor(NEUTRAL)


def _draw(bags: list[Bag]) -> list[Bag]:
    """At most a thousand of them, drawn with a fixed seed."""
    if len(bags) <= _MOST_POINTS:
        return bags
    return [bags[i] for i in sorted(np.random.default_rng(0).choice(len(bags), _MOST_POINTS, replace=False).tolist())]
