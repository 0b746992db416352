"""``tinylogbert evaluate``: scores against labels, as figures and plots; or what scores tell without labels."""

import math
import sys
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
    from model.calibration import Calibration
    from stream.rows import Row
    from training.blockscores import Judged
    from training.evaluated import EvaluatedLog, EvaluatedRows


@click.command(
    "evaluate",
    epilog="""\b
Examples:
  tinylogbert evaluate --scores scores.csv --labels labels.csv
  tinylogbert evaluate --scores scores.csv --labels labels.csv --log hdfs.log.gz --report report
  tinylogbert evaluate --scores scores.csv --checkpoint checkpoint

\b
With labels, over blocks that have a score and a label (a block's score is that of its highest part):
  roc_auc            share of (anomalous, normal) pairs in the right order, a tie counting half
  average_precision  sum over distinct scores of recall gained times precision there
  …_interval         95 %: DeLong's, and a bootstrap over blocks
  at_threshold       precision, recall and F1 of the verdicts, whose threshold training chose without labels
  best_f1_oracle     of the threshold that these labels would choose: an oracle's, no method's
  calibration        p-values of normal windows against uniform (Kolmogorov, Smirnov; ties broken at random), and the
                     share of them that is no more than each stated one
  drift              times at which windows became stranger than those before, at a stated false-alarm rate
  prequential        the figures over time: cumulative, last 1,000 windows, last hour, fading away
With --log, the log that was scored, and with the options (windows, timezone, checkpoint) that it was scored with:
  distinct           the same over distinct blocks, each content and label counted once
  final_delay        seconds of event time from a failed block's first line that fits no normal block to the first final
                     verdict that calls it anomalous; provisional alarms, which come sooner, replay alone knows
  and in the report t-SNE, delay and the worst twenty mistakes, with the evidence of the checkpoint.

\b
Without labels, over windows, beside what the checkpoint that scored them promises:
  alarms             windows that ring: how many, what share, how many an hour; how many were to ring for nothing
  calibration        p-values of windows that do not ring against uniform; share of all that is no more than each stated
  drift              as above
  alarm_lines        the masked lines that carry the alarms, the commonest first, each with its worst block
  worst              the twenty windows with the highest scores
docs/measures.md defines every key. What one class alone, or the columns of the CSV, cannot tell is null.""",
)
@click.option("--scores", required=True, metavar="CSV", help="Rows of tinylogbert score.")
@click.option("--labels", metavar="CSV", help="BlockId,Label with Normal or Anomaly (or 0 or 1).")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for a page, its plots and figures.",
)
@click.option("--log", "logs", multiple=True, metavar="FILE", help="The log that was scored; repeatable, in its order.")
@settings_options(*SCORER_OPTIONS, *WINDOW_OPTIONS)
def evaluate_command(
    scores: str, labels: str | None, report: Path | None, logs: tuple[str, ...], settings: Settings
) -> None:
    """Hold scores against labels, or without labels against their own promise; print one JSON object."""
    if labels is not None:
        _with_labels(scores, labels, report, logs, settings)
    elif report is not None or logs:
        raise click.UsageError("--report and --log go with --labels")
    else:
        click.echo(orjson.dumps(_without_labels(scores, settings)))


def _without_labels(scores: str, settings: Settings) -> dict[str, Any]:
    from model.calibrated import calibration_of
    from training.unlabelled import Unlabelled

    known, found = calibration_of(settings.checkpoint, settings.scorer), Unlabelled()
    with reading("reading the scores") as told:
        for row in read_rows(scores, told):
            _require_its_own(row, known, scores)
            found.see(row)
    if not found.windows:
        raise InputError(f"{scores} has no row; write it with: tinylogbert score FILE --out {scores}")
    return found.figures(known)


def _require_its_own(row: "Row", known: "Calibration", scores: str) -> None:
    """A budget is that of the checkpoint that scored; of another one its p-values tell that it is not."""
    if not math.isnan(row.p_value) and not math.isclose(row.p_value, known.closed.p_value(row.score), rel_tol=1e-6):
        raise InputError(
            f"{scores} was scored by another checkpoint: {row.block_id} has the p-value {row.p_value:g} there; "
            "name the one that scored it with --checkpoint (and --scorer)"
        )


def _with_labels(scores: str, labels: str, report: Path | None, logs: tuple[str, ...], settings: Settings) -> None:
    from training.delay import delay_figures
    from training.evaluate import figures, interval_figures
    from training.pvalues import calibration_figures

    rows = _read(scores, labels)
    judged, p_values = rows.blocks.judged(), rows.p_values()
    if not judged.blocks:
        raise InputError(f"no block of {scores} has a label in {labels}")
    found: dict[str, Any] = {
        "windows": len(p_values.every),
        "blocks": len(rows.blocks.scores),
        "unlabelled_blocks": rows.blocks.unlabelled,
        "unscored_labels": rows.blocks.unscored,
        **figures(judged.scores, judged.verdicts, judged.labels),
        **interval_figures(judged.scores, judged.labels),
        "calibration": calibration_figures(p_values),
        **rows.figures(),
    }
    log = _windows(logs, rows, settings) if logs else None
    if log:
        found["distinct"] = _distinct(judged, log)
        found["final_delay"] = delay_figures(log.delays())
    click.echo(orjson.dumps(found))
    if report is not None:
        _report(report, judged, found, rows, log, settings, (scores, labels, *logs))


def _read(scores: str, labels: str) -> "EvaluatedRows":
    from training.evaluated import EvaluatedRows

    rows = EvaluatedRows(read_labels(labels))
    with reading("reading the scores") as told:
        for row in read_rows(scores, told):
            rows.see(row)
    return rows


def _windows(logs: tuple[str, ...], rows: "EvaluatedRows", settings: Settings) -> "EvaluatedLog":
    from training.evaluated import EvaluatedLog

    log = EvaluatedLog(rows.blocks.labels, rows.alarmed, settings.windows)
    with reading("reading the log") as told:
        for window in windows_of(read_lines(logs, told), settings.windows, ZoneInfo(settings.timezone)):
            log.see(window)
    if not log.contents.of:
        raise InputError(f"no line of {logs[0]} can be read and names a block")
    return log


def _distinct(judged: "Judged", log: "EvaluatedLog") -> dict[str, Any]:
    from training.evaluate import figures
    from training.projection import distinct

    chosen = distinct(judged.blocks, judged.labels, log.contents.of)
    if not chosen:
        raise InputError("the log has none of the blocks that were scored")
    return figures(judged.scores[chosen], judged.verdicts[chosen], judged.labels[chosen])


def _report(
    folder: Path,
    judged: "Judged",
    found: dict[str, Any],
    rows: "EvaluatedRows",
    log: "EvaluatedLog | None",
    settings: Settings,
    files: tuple[str, ...],
) -> None:
    from training.provenance import provenance
    from training.report import Report, write_report

    shown = _of_the_log(judged, log, settings) if log else {}
    run = provenance(sys.argv[1:], files, {})
    report = Report(judged, found, rows.p_values(), curve=rows.curve, run=run, **shown)
    click.echo(f"{folder}: {', '.join(write_report(folder, report))}", err=True)
    if not log:
        click.echo("t-SNE, delay and mistakes are left out: they need the log: --log FILE", err=True)
    elif shown["projection"] is None:
        click.echo("t-SNE is left out: there are too few distinct windows", err=True)
    if found["roc_auc"] is None:
        click.echo("ROC and PR curves are left out: they need both classes", err=True)


def _of_the_log(judged: "Judged", log: "EvaluatedLog", settings: Settings) -> dict[str, Any]:
    """The fields of ``training.report.Report`` that need lines, and a scorer to look at them."""
    from training.mistakes import worst_mistakes
    from training.projection import project

    scorer = load_scorer(settings)
    with working("placing the windows in the plane (t-SNE), up to half a minute"):
        projection = project(judged.blocks, judged.labels, log.contents.windows(), scorer)
    mistakes = worst_mistakes(judged, log.kept, scorer)
    return {"projection": projection, "delays": log.delays(), "mistakes": mistakes}
