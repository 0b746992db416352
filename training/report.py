"""The report of an evaluation: plots and figures in a folder. Decides what can be shown, and says what cannot."""

from pathlib import Path
from typing import Any, NamedTuple

import orjson

from stream.errors import InputError
from training import plots
from training.blockscores import Judged
from training.projection import Projection
from training.pvalues import PValues, calibration_plot


class Running(NamedTuple):
    """Cumulative figures over event time: epoch ms, ROC-AUC, average precision; NaN where one class is missing."""

    times: list[int]
    aucs: list[float]
    precisions: list[float]


def write_report(
    folder: Path,
    judged: Judged,
    figures: dict[str, Any],
    projection: Projection | None = None,
    running: Running | None = None,
    p_values: PValues | None = None,
) -> list[str]:
    """Write ``report.json`` and the plots for which there is something to show; return the names of the files.

    Raises InputError if the folder cannot be written.
    """
    _, scores, _, labels = judged
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = ["scores.png"]
        plots.histogram(scores, labels, figures, folder / "scores.png")
        if figures["roc_auc"] is not None:
            plots.roc_plot(scores, labels, figures, folder / "roc.png")
            plots.pr_plot(scores, labels, figures, folder / "pr.png")
            written += ["roc.png", "pr.png"]
        if p_values is not None and figures["calibration"] is not None:
            calibration_plot(p_values, figures["calibration"], folder / "p_values.png")
            written.append("p_values.png")
        if projection is not None:
            plots.tsne_plot(*projection, folder / "tsne.png")
            written.append("tsne.png")
        if running is not None and running.times:
            plots.running_plot(*running, folder / "running.png")
            written.append("running.png")
        (folder / "report.json").write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror or error}") from error
    return [*written, "report.json"]
