"""The report of an evaluation: a page, its plots and its figures in a folder. Decides what can be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from stream.errors import InputError
from training import plots
from training.blockscores import Judged
from training.delay import Delays
from training.evaluate import Floats
from training.mistakes import Mistake
from training.page import page
from training.pagebeside import beside_section
from training.plottime import delay_plot, running_plot
from training.prequential import Point
from training.projection import Projection
from training.provenance import Provenance
from training.pvalues import PValues, calibration_plot, histogram_plot

_CURVES = {
    "cumulative": "all blocks so far",
    "last_windows": "last 1,000 closed",
    "last_hour": "last hour",
    "fading": "fading",
}


@dataclass(frozen=True)
class Report:
    """What there is to show; what is None or empty is left out.

    ``name`` is what the scorer is called beside others, whose scores of the same blocks are ``beside``; ``costs`` are
    seconds for 1,000 windows, by name.
    """

    judged: Judged
    figures: dict[str, Any]
    p_values: PValues | None = None
    projection: Projection | None = None
    curve: Sequence[Point] = ()
    delays: Delays | None = None
    mistakes: Sequence[Mistake] = ()
    run: Provenance | None = None
    name: str = "TinyLogBERT"
    beside: Mapping[str, Floats] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)


def write_report(folder: Path, report: Report) -> list[str]:
    """Write ``report.html``, ``report.json`` and the plots that there are; return the names of the files.

    Raises InputError if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = _plots(folder, report)
        found = report.figures if report.run is None else {**report.figures, "run": report.run.as_json()}
        (folder / "report.json").write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2) + b"\n")
        table = beside_section(report.name, report.figures, report.costs)
        text = page(report.figures, [folder / name for name in drawn], report.mistakes, report.run, table)
        (folder / "report.html").write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {folder}: {error.strerror or error}") from error
    return [*drawn, "report.json", "report.html"]


def _plots(folder: Path, report: Report) -> list[str]:
    _, scores, _, labels = report.judged
    figures, drawn = report.figures, ["scores.png"]
    plots.histogram(scores, labels, figures, folder / "scores.png")
    if figures["roc_auc"] is not None:
        plots.roc_plot(scores, labels, figures, folder / "roc.png")
        plots.pr_plot(scores, labels, figures, folder / "pr.png")
        drawn += ["roc.png", "pr.png"]
        if report.beside:
            plots.beside_plot({report.name: scores, **report.beside}, labels, figures, folder / "beside.png")
            drawn.append("beside.png")
    if report.p_values is not None and figures["calibration"] is not None:
        calibration_plot(report.p_values, figures["calibration"], folder / "p_values.png")
        histogram_plot(figures["calibration"], folder / "p_histogram.png")
        drawn += ["p_values.png", "p_histogram.png"]
    if report.projection is not None:
        plots.tsne_plot(*report.projection, folder / "tsne.png")
        drawn.append("tsne.png")
    if report.curve and figures["roc_auc"] is not None:
        _over_time(folder / "running.png", report.curve)
        drawn.append("running.png")
    if report.delays is not None and figures["anomalous"]:
        delay_plot(*report.delays, folder / "delay.png")
        drawn.append("delay.png")
    return drawn


def _over_time(to: Path, curve: Sequence[Point]) -> None:
    aucs, precisions = (
        {name: [getattr(point, key)[which] for point in curve] for key, name in _CURVES.items()} for which in (0, 1)
    )
    running_plot([point.time for point in curve], aucs, precisions, to)
