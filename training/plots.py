"""Plots of scores against labels, as PNG files. Knows no model and no log; the numbers come from ``evaluate``.

Colours are Okabe and Ito's, which colour-blind people tell apart; shapes and line styles say the same once more.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.evaluate import Bools, Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NORMAL, ANOMALOUS, NEUTRAL, MARK = "#0072B2", "#D55E00", "#777777", "#000000"
SEVERITIES = {
    "normal": ("#BBBBBB", "o"),
    "notice": ("#56B4E9", "s"),
    "warning": ("#E69F00", "^"),
    "critical": ("#D55E00", "X"),
}
STYLES = ((NORMAL, "-"), (ANOMALOUS, "--"), (NEUTRAL, "-."), ("#009E73", ":"))
_DPI = 150
_BINS = 60


def roc_plot(scores: Floats, labels: Bools, figures: dict[str, Any], to: Path) -> None:
    """ROC curve, on a linear and on a logarithmic false-positive rate; both classes must be present."""
    from sklearn.metrics import roc_curve

    false, true, _ = roc_curve(labels, np.unique(scores, return_inverse=True)[1], drop_intermediate=False)
    figure, (left, right) = new_figure(2, f"ROC curve of {_blocks(figures)}: AUC {figures['roc_auc']:.4f}")
    least = 0.5 / figures["normal"]
    verdict = figures["at_threshold"]
    rate = verdict["false_positives"] / figures["normal"]
    for axes in (left, right):
        axes.plot(false, true, color=NORMAL, lw=2, label="scores")
        axes.plot(np.linspace(0, 1, 500), np.linspace(0, 1, 500), color=NEUTRAL, ls=":", label="chance")
        axes.plot(
            [max(rate, least) if axes is right else rate], [verdict["recall"]], **_point("o"), label=_verdicts(rate)
        )
        axes.set(xlabel="false-positive rate", ylabel="true-positive rate", ylim=(-0.02, 1.02))
    left.set(xlim=(-0.02, 1.02))
    right.set(xscale="log", xlim=(least, 1.05), xlabel="false-positive rate (logarithmic)")
    left.legend(loc="lower right")
    save_figure(figure, to)


def pr_plot(scores: Floats, labels: Bools, figures: dict[str, Any], to: Path) -> None:
    """Precision against recall, with the label-free verdicts and the oracle's; both classes must be present."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, np.unique(scores, return_inverse=True)[1])
    title = f"Precision and recall of {_blocks(figures)}: average precision {figures['average_precision']:.4f}"
    figure, (axes,) = new_figure(1, title)
    axes.plot(recall, precision, color=NORMAL, lw=2, drawstyle="steps-post", label="scores")
    share = figures["anomalous"] / (figures["anomalous"] + figures["normal"])
    axes.axhline(share, color=NEUTRAL, ls=":", label=f"chance ({share:.1%} are anomalous)")
    verdict, best = figures["at_threshold"], figures["best_f1_oracle"]
    if verdict["precision"] is not None:
        label = f"label-free threshold: F1 {verdict['f1']:.3f}"
        axes.plot([verdict["recall"]], [verdict["precision"]], **_point("o"), label=label)
    axes.plot([best["recall"]], [best["precision"]], **_point("D"), label=f"best F1, an oracle's: {best['f1']:.3f}")
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="best")
    save_figure(figure, to)


def beside_plot(scores: Mapping[str, Floats], labels: Bools, figures: dict[str, Any], to: Path) -> None:
    """Precision against recall of several scorers by name, the first one foremost; both classes must be present."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    figure, (axes,) = new_figure(1, f"Precision and recall of all detectors on {_blocks(figures)}")
    for i, ((name, values), (color, style)) in enumerate(zip(scores.items(), cycle(STYLES), strict=False)):
        ranks = np.unique(values, return_inverse=True)[1]
        precision, recall, _ = precision_recall_curve(labels, ranks)
        label = f"{name} (average precision {average_precision_score(labels, ranks):.3f})"
        width, order = (1.5, 2) if i else (2.5, 3)
        axes.plot(recall, precision, c=color, ls=style, lw=width, zorder=order, drawstyle="steps-post", label=label)
    axes.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="lower left")
    save_figure(figure, to)


def histogram(scores: Floats, labels: Bools, figures: dict[str, Any], to: Path) -> None:
    """How the scores of both classes are spread; infinite ones are left out."""
    finite = scores[np.isfinite(scores)]
    figure, (axes,) = new_figure(1, f"Scores of {_blocks(figures)}, by label")
    bins = np.linspace(finite.min(), finite.max(), _BINS + 1).tolist() if len(finite) and np.ptp(finite) else 1
    for name, chosen, color, hatch in (("normal", ~labels, NORMAL, None), ("anomalous", labels, ANOMALOUS, "///")):
        values = scores[chosen & np.isfinite(scores)]
        label = f"{name} ({int(chosen.sum()):,} blocks)"
        axes.hist(values, bins, histtype="stepfilled", color=color, alpha=0.45, hatch=hatch, ec=color, label=label)
    lowest = figures["at_threshold"]["lowest_alarm"]
    if lowest is not None:
        axes.axvline(lowest, color=MARK, ls="--", label="lowest score called anomalous")
    axes.set(xlabel="score (higher is more anomalous)", ylabel="blocks (logarithmic)", yscale="log")
    axes.set_ylim(bottom=0.7)
    axes.legend()
    save_figure(figure, to)


def tsne_plot(points: Floats, labels: Bools, severities: Sequence[str], of: int, to: Path) -> None:
    """Windows in the plane ``(n, 2)``, by label and by severity; ``of`` says how many distinct windows there are."""
    shown = f"{len(points):,} of {of:,}" if len(points) < of else f"{of:,}"
    places = len(np.unique(points, axis=0))
    title = f"t-SNE of the [CLS] vectors of {shown} distinct windows, {places:,} of them distinct to the model"
    figure, (left, right) = new_figure(2, title)
    for name, chosen, color, marker in (("normal", ~labels, NORMAL, "o"), ("anomalous", labels, ANOMALOUS, "X")):
        _scatter(left, points[chosen], color, marker, f"{name} ({int(chosen.sum()):,})")
    found = np.array(severities)
    for name, (color, marker) in SEVERITIES.items():
        chosen = found == name
        _scatter(right, points[chosen], color, marker, f"{name} ({int(chosen.sum()):,})")
    left.set_title("by label", fontsize="medium")
    right.set_title("by severity, as scored without labels", fontsize="medium")
    for axes in (left, right):
        axes.set(xticks=[], yticks=[], xlabel="t-SNE dimension 1 (no unit)", ylabel="t-SNE dimension 2 (no unit)")
        axes.legend(loc="best", markerscale=1.5)
    save_figure(figure, to)


def new_figure(panels: int, title: str) -> "tuple[Figure, Sequence[Axes]]":
    """A figure with panels side by side, and those panels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6 * panels + 1.4 * (panels == 1), 5), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for one in axes:
        one.grid(alpha=0.25)
        one.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)


def save_figure(figure: "Figure", to: Path) -> None:
    """Write it as PNG; the same figure gives the same bytes."""
    figure.savefig(to, dpi=_DPI)


def _scatter(axes: "Axes", points: Floats, color: str, marker: str, label: str) -> None:
    size = 30 if marker == "X" else 16
    axes.scatter(
        points[:, 0], points[:, 1], s=size, c=color, marker=marker, alpha=0.75, lw=0.3, ec="white", label=label
    )


def _point(marker: str) -> dict[str, Any]:
    return {
        "color": MARK,
        "marker": marker,
        "ms": 9,
        "mfc": "white",
        "mew": 2,
        "ls": "none",
        "clip_on": False,
        "zorder": 3,
    }


def _verdicts(rate: float) -> str:
    return f"label-free threshold ({rate:.2%} of normal blocks)"


def _blocks(figures: dict[str, Any]) -> str:
    return f"{figures['anomalous'] + figures['normal']:,} blocks, {figures['anomalous']:,} anomalous"
