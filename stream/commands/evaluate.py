"""``tinylogbert evaluate``: scores against labels, as figures and plots."""

import math
import sys
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
import orjson

from stream.commands.options import settings_options
from stream.commands.progress import reading, working
from stream.commands.scorers import SCORER_OPTIONS, WINDOW_OPTIONS, load_scorer
from stream.errors import InputError
from stream.files import read_lines
from stream.labels import read_labels
from stream.rows import read_rows
from stream.settings import Settings
from stream.windows.files import windows_of

if TYPE_CHECKING:
    from training.blockscores import BlockScores, Judged
    from training.projection import Content, Projection
    from training.pvalues import PValues


@click.command(
    "evaluate",
    epilog="""\b
Examples:
  tinylogbert evaluate --scores scores.csv --labels labels.csv
  tinylogbert evaluate --scores scores.csv --labels labels.csv --log hdfs.log.gz --report report

\b
Figures, over blocks that have a score and a label (a block's score is that of its highest part):
  roc_auc            share of (anomalous, normal) pairs in the right order, a tie counting half
  average_precision  sum over distinct scores of recall gained times precision there
  …_interval         95 %: DeLong's, and a bootstrap over blocks
  at_threshold       precision, recall and F1 of the verdicts, whose threshold training chose without labels
  best_f1_oracle     of the threshold that these labels would choose: an oracle's, no method's
  calibration        p-values of normal windows against uniform (Kolmogorov, Smirnov; ties broken at random), and the
                     share of them that is no more than each stated one
  distinct           the same over distinct blocks, each content and label counted once (with --log)
docs/measures.md defines every key. What one class alone cannot tell is null.""",
)
@click.option("--scores", required=True, metavar="CSV", help="Rows of tinylogbert score.")
@click.option("--labels", required=True, metavar="CSV", help="BlockId,Label with Normal or Anomaly (or 0 or 1).")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for a page, its plots and figures.",
)
@click.option(
    "--log", "logs", multiple=True, metavar="FILE", help="The log itself, for t-SNE and duplicates; repeatable."
)
@settings_options(*SCORER_OPTIONS, *WINDOW_OPTIONS)
def evaluate_command(scores: str, labels: str, report: Path | None, logs: tuple[str, ...], settings: Settings) -> None:
    """Hold scores against labels; print every figure as one JSON object."""
    from training.evaluate import figures, interval_figures
    from training.pvalues import calibration_figures

    blocks, p_values = _read(scores, labels)
    judged = blocks.judged()
    if not judged.blocks:
        raise InputError(f"no block of {scores} has a label in {labels}")
    found: dict[str, Any] = {
        "windows": len(p_values.every),
        "blocks": len(blocks.scores),
        "unlabelled_blocks": blocks.unlabelled,
        "unscored_labels": blocks.unscored,
        **figures(judged.scores, judged.verdicts, judged.labels),
        **interval_figures(judged.scores, judged.labels),
        "calibration": calibration_figures(p_values),
    }
    known = _contents(logs, settings)
    if known:
        found["distinct"] = _distinct(judged, known)
    click.echo(orjson.dumps(found))
    if report is not None:
        _report(report, judged, found, known, settings, p_values, (scores, labels, *logs))


def _read(scores: str, labels: str) -> "tuple[BlockScores, PValues]":
    import numpy as np

    from training.blockscores import BlockScores
    from training.pvalues import PValues

    blocks = BlockScores(read_labels(labels))
    every, normal = array("d"), array("d")
    with reading("reading the scores") as told:
        for row in read_rows(scores, told):
            blocks.see(row.block_id, row.score, row.anomalous, closed=True)
            every.append(row.p_value)
            if blocks.labels.get(row.block_id) is False and not math.isnan(row.p_value):
                normal.append(row.p_value)
    return blocks, PValues(np.array(normal), np.array(every))


def _contents(logs: tuple[str, ...], settings: Settings) -> "dict[str, Content]":
    if not logs:
        return {}
    from training.projection import contents

    with reading("reading the log") as told:
        found = contents(windows_of(read_lines(logs, told), settings.windows, ZoneInfo(settings.timezone)))
    if not found:
        raise InputError(f"no line of {logs[0]} can be read and names a block")
    return found


def _distinct(judged: "Judged", known: "dict[str, Content]") -> dict[str, Any]:
    from training.evaluate import figures
    from training.projection import distinct

    chosen = distinct(judged.blocks, judged.labels, known)
    if not chosen:
        raise InputError("the log has none of the blocks that were scored")
    return figures(judged.scores[chosen], judged.verdicts[chosen], judged.labels[chosen])


def _report(
    folder: Path,
    judged: "Judged",
    found: dict[str, Any],
    known: "dict[str, Content]",
    settings: Settings,
    p_values: "PValues",
    files: tuple[str, ...],
) -> None:
    from training.provenance import provenance
    from training.report import Report, write_report

    projection = _project(judged, known, settings) if known else None
    run = provenance(sys.argv[1:], files, {})
    written = write_report(folder, Report(judged, found, p_values, projection, run=run))
    click.echo(f"{folder}: {', '.join(written)}", err=True)
    if projection is None:
        why = "there are too few distinct windows" if known else "it needs the log: --log FILE"
        click.echo(f"t-SNE is left out: {why}", err=True)
    if found["roc_auc"] is None:
        click.echo("ROC and PR curves are left out: they need both classes", err=True)


def _project(judged: "Judged", known: "dict[str, Content]", settings: Settings) -> "Projection | None":
    from training.projection import project

    with working("placing the windows in the plane (t-SNE), up to half a minute"):
        return project(judged.blocks, judged.labels, known, load_scorer(settings))
