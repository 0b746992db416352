"""``tinylogbert replay``: a labelled topic, or files, through the pipeline of the daemon, with figures as it goes."""

import hashlib
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import click
import orjson

from stream.commands.options import settings_options
from stream.commands.progress import working
from stream.commands.replayinput import Asked, epoch_ms, in_place, labels_of, lines_of, why_no_figure
from stream.commands.scorers import SCORER_OPTIONS, WINDOW_OPTIONS, load_scorer
from stream.errors import InputError
from stream.files import STDIN
from stream.lines import LineReader
from stream.rows import RowWriter
from stream.settings import Settings

if TYPE_CHECKING:
    from model.scorers import AnyScorer
    from training.provenance import Provenance
    from training.replay import Events, Replay


class _Ran(NamedTuple):
    """What came of it; ``lines`` is the checksum of the lines that were wanted, each with a newline."""

    replay: "Replay"
    scorer: "AnyScorer"
    lines: "hashlib._Hash"


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
@click.option("--labels-topic", metavar="TOPIC", help="A topic of labels: key = block id, value = Normal or Anomaly.")
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
    settings: Settings,
) -> None:
    """Score a labelled topic, or log files, from the beginning; print the final figures as one JSON object."""
    if (topic is None) == (not files):
        raise click.UsageError("give --topic or log files, and not both")
    if labels and labels_topic:
        raise click.UsageError("give --labels or --labels-topic, and not both")
    if files and not (labels or labels_topic):
        raise click.UsageError("log files need --labels or --labels-topic")
    asked = Asked(files, topic, labels, labels_topic, begin, end, scores, publish)
    ran = _run(asked, settings)
    replay = ran.replay
    if not replay.blocks.judged().blocks:
        raise InputError(why_no_figure(replay, asked))
    with working("working out the figures"):
        found = replay.figures()
    click.echo(orjson.dumps(found))
    if report is not None:
        _report(report, ran, asked, settings, found)


def _run(asked: Asked, settings: Settings) -> _Ran:
    from stream.commands.replayshow import ReplayShow
    from training.between import Between
    from training.replay import Replay

    zone = ZoneInfo(settings.timezone)
    labels = labels_of(asked, settings)
    wanted = Between(LineReader(zone), epoch_ms(asked.begin, zone), epoch_ms(asked.end, zone))
    digest = hashlib.sha256()
    with ExitStack() as open_things:
        lines = lines_of(asked, bool(labels), settings)
        scorer = load_scorer(settings)
        replay = Replay(
            scorer,
            settings.windows,
            LineReader(zone),
            labels,
            closed=_rows(asked, open_things),
            published=_publisher(asked, settings, open_things),
            budget=scorer.false_alarms,
            fragments=wanted.fragments,
            source=(asked.source, 0),
        )
        shown = open_things.enter_context(ReplayShow(replay))
        for line in lines(shown.share):
            if wanted(line.raw):
                digest.update(line.raw + b"\n")
                replay.line(line.raw, line.offset, line.key, line.label)
            shown.look()
        replay.finish()
    return _Ran(replay, scorer, digest)


def _rows(asked: Asked, open_things: ExitStack) -> "Events | None":
    from stream.output import open_output

    return RowWriter(open_things.enter_context(open_output(asked.scores))).write if asked.scores else None


def _publisher(asked: Asked, settings: Settings, open_things: ExitStack) -> "Events | None":
    if not asked.publish:
        return None
    from stream.kafka.publisher import Publisher

    publisher = open_things.enter_context(Publisher(settings, asked.source))
    return lambda events: publisher.publish([in_place(event) for event in events] if asked.topic else events)


def _report(folder: Path, ran: _Ran, asked: Asked, settings: Settings, found: dict[str, Any]) -> None:
    from training.mistakes import worst_mistakes
    from training.projection import project
    from training.report import Report, write_report

    replay, judged = ran.replay, ran.replay.blocks.judged()
    with working("placing the windows in the plane (t-SNE), up to half a minute"):
        projection = project(judged.blocks, judged.labels, replay.contents.windows(), ran.scorer)
    report = Report(
        judged,
        found,
        replay.p_values(),
        projection,
        replay.prequential.curve,
        replay.delays(),
        worst_mistakes(judged, replay.kept, ran.scorer),
        _provenance(ran, asked, settings),
    )
    click.echo(f"{folder}: {', '.join(write_report(folder, report))}", err=True)
    if projection is None:
        click.echo("t-SNE is left out: there are too few distinct windows", err=True)


def _provenance(ran: _Ran, asked: Asked, settings: Settings) -> "Provenance":
    from model.checkpoint import shipped_checkpoint
    from model.folder import ALL_FILES
    from training.provenance import checkpoint_checksums, provenance

    checkpoint = checkpoint_checksums(settings.checkpoint or shipped_checkpoint(), ALL_FILES)
    files = [name for name in (*asked.files, *([asked.labels] if asked.labels else [])) if name != STDIN]
    read = {"lines as they were read": ran.lines.hexdigest()}
    return provenance(sys.argv[1:], files, {**read, **checkpoint})
