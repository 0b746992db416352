"""``tinylogbert replay``: a labelled topic, or files, through the pipeline of the daemon, with figures as it goes."""

import hashlib
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
import orjson

from stream.commands.baselines import name_of, with_baselines
from stream.commands.options import settings_options
from stream.commands.progress import working
from stream.commands.replayinput import Asked, GivenLabels, epoch_ms, in_place, lines_of, why_no_figure
from stream.commands.replayreport import Ran, costs_of, report_of
from stream.commands.scorers import SCORER_OPTIONS, WINDOW_OPTIONS, load_scorer, scorer_folder
from stream.errors import InputError
from stream.rows import RowWriter
from stream.settings import Settings

if TYPE_CHECKING:
    from training.replay import Events


class _Moment(click.ParamType[datetime]):
    """An ISO 8601 time; without an offset it is read in ``--timezone``."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time such as 2008-11-09T20:36:15 or 2008-11-09T20:36:15Z", param, ctx)


@click.command(
    "replay",
    epilog="""\b
Examples:
  tinylogbert replay --topic hdfs.raw
  tinylogbert replay --topic hdfs.raw --labels-topic hdfs.labels --from 2008-11-10 --to 2008-11-11
  tinylogbert replay hdfs.log.gz --labels labels.csv --report report --scores scores.csv
  tinylogbert replay later.log --labels labels.csv --fit-baselines earlier.log

\b
Reads from the beginning to the end that is there at the start, as a consumer of its own that joins no group and commits
nothing, and publishes nothing without --publish. Two replays of the same lines print the same figures.
\b
A block's score is that of its highest closed part; while none is closed, the latest provisional one. With --from,
blocks that began earlier are left out. The JSON object has, for blocks with a score and a label:
  roc_auc            share of (anomalous, normal) pairs in the right order, a tie counting half
  average_precision  sum over distinct scores of recall gained times precision there
  …_interval         95 %: DeLong's, and a bootstrap over blocks
  at_threshold       precision, recall and F1 of the verdicts, whose threshold training chose without labels
  best_f1_oracle     of the threshold that these labels would choose: an oracle's, no method's
  distinct           the same figures, each distinct content and label counted once
  baselines          simple detectors on the same windows and labels, paired tests, and whether TinyLogBERT is worth
                     its cost on these logs
  early              figures of provisional scores 1, 10 and 60 s after a block's first line
  delay              seconds of event time from a failed block's first line that fits no normal block to its first alarm
  false_alarms       normal blocks that raised an alarm, an hour of event time, against the stated budget
  calibration        p-values of normal windows: histogram, distance from uniform (Kolmogorov, Smirnov), realised shares
  drift              times at which windows became stranger than those before, at a stated false-alarm rate
  prequential        the figures over time: cumulative, last 1,000 windows, last hour, fading away
docs/measures.md defines every key. What one class alone cannot tell is null.""",
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--topic", metavar="TOPIC", help="A topic of lines; header label 0 or 1 says what a line's block is.")
@click.option("--labels", metavar="CSV", help="BlockId,Label with Normal or Anomaly (or 0 or 1).")
@click.option(
    "--labels-topic",
    metavar="TOPIC",
    help="A topic of labels: key = block id, value = Normal or Anomaly. Read before the lines, and on behind them.",
)
@click.option("--from", "begin", type=_Moment(), metavar="TIME", help="Leave out lines before this event time.")
@click.option("--to", "end", type=_Moment(), metavar="TIME", help="Leave out lines from this event time on.")
@click.option("--publish", is_flag=True, help="Publish the events, too, with the header replay, where the daemon does.")
@click.option("--scores", metavar="CSV", help="File for the rows of the closed windows, as tinylogbert score has them.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for a page, its plots and figures.",
)
@click.option(
    "--baselines/--no-baselines",
    "beside",
    default=True,
    help="Judge with simple detectors, too: those beside the checkpoint, if there are any.  [default: on]",
)
@click.option(
    "--baseline",
    "folders",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The checkpoint of a simple detector (tinylogbert train --detector) or another one; repeatable.",
)
@click.option(
    "--fit-baselines",
    "fit_on",
    multiple=True,
    metavar="FILE",
    help="Fit all simple detectors on this log, without labels; repeatable.",
)
@settings_options(
    *("bootstrap_servers", "kafka", "group_id", "scores_topic", "anomalies_topic", "keyed_input"),
    *(*SCORER_OPTIONS, *WINDOW_OPTIONS),
)
def replay_command(
    files: tuple[str, ...],
    topic: str | None,
    labels: str | None,
    labels_topic: str | None,
    begin: datetime | None,
    end: datetime | None,
    publish: bool,
    scores: str | None,
    report: Path | None,
    beside: bool,
    folders: tuple[Path, ...],
    fit_on: tuple[str, ...],
    settings: Settings,
) -> None:
    """Score a labelled topic, or log files, from the beginning; print the final figures as one JSON object."""
    if (topic is None) == (not files):
        raise click.UsageError("give --topic or log files, and not both")
    if labels and labels_topic:
        raise click.UsageError("give --labels or --labels-topic, and not both")
    if files and not (labels or labels_topic):
        raise click.UsageError("log files need --labels or --labels-topic")
    if not beside and (folders or fit_on):
        raise click.UsageError("--no-baselines goes neither with --baseline nor with --fit-baselines")
    asked = Asked(files, topic, labels, labels_topic, begin, end, scores, publish, beside, folders, fit_on)
    ran = _run(asked, settings)
    replay = ran.replay
    if not replay.blocks.judged().blocks:
        raise InputError(why_no_figure(replay, asked))
    with working("working out the figures"):
        found = replay.figures()
    click.echo(orjson.dumps(found))
    measured = costs_of(ran)
    if report is not None:
        report_of(report, ran, asked, settings, found, measured)


def _run(asked: Asked, settings: Settings) -> Ran:
    from stream.commands.replayshow import ReplayShow
    from training.between import Between
    from training.replay import Replay

    zone = ZoneInfo(settings.timezone)
    labels = GivenLabels(asked, settings)
    wanted = Between(settings.new_reader(), epoch_ms(asked.begin, zone), epoch_ms(asked.end, zone))
    digest = hashlib.sha256()
    with ExitStack() as open_things:
        lines = lines_of(asked, bool(labels.known), settings)
        scorer, name = load_scorer(settings), name_of(scorer_folder(settings))
        scorers = with_baselines(asked.baselines(settings), asked.fit_on, settings, (name, scorer))
        replay = Replay(
            scorer,
            settings.windows,
            settings.new_reader(),
            labels.known,
            closed=_rows(asked, open_things),
            published=_publisher(asked, settings, open_things),
            budget=scorer.false_alarms,
            fragments=wanted.fragments,
            source=(asked.source, 0),
            beside=list(scorers.items())[1:],
            name=name,
        )
        shown = open_things.enter_context(ReplayShow(replay))
        for line in lines(shown.share):
            if wanted(line.raw):
                digest.update(line.raw + b"\n")
                replay.line(line.raw, line.offset, line.key, line.label)
            shown.look()
        replay.finish()
    if (now := labels.come_since()) is not None:
        replay.blocks.relabel(now)
    return Ran(replay, scorers, digest)


def _rows(asked: Asked, open_things: ExitStack) -> "Events | None":
    from stream.output import open_output

    return RowWriter(open_things.enter_context(open_output(asked.scores))).write if asked.scores else None


def _publisher(asked: Asked, settings: Settings, open_things: ExitStack) -> "Events | None":
    if not asked.publish:
        return None
    from stream.kafka.publisher import Publisher

    publisher = open_things.enter_context(Publisher(settings, asked.source))
    return lambda events: publisher.publish([in_place(event) for event in events] if asked.topic else events)
