"""``tinylogbert replay``: a labelled topic, or files, through the pipeline of the daemon, with figures as it goes."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import click
import orjson

from stream.commands.options import settings_options
from stream.commands.scorers import SCORER_OPTIONS, WINDOW_OPTIONS, load_scorer
from stream.errors import InputError
from stream.files import read_lines
from stream.labels import read_labels
from stream.lines import LineReader
from stream.rows import RowWriter
from stream.settings import Settings

if TYPE_CHECKING:
    from training.replay import Replay

_TELL_S = 1.0


class _Line(NamedTuple):
    offset: int
    key: bytes | None
    raw: bytes
    label: bool | None


class _Share:
    """How much of the input is past; ``of`` is 0 if nobody knows."""

    def __init__(self) -> None:
        self.done = self.of = 0

    def told(self, done: int, of: int) -> None:
        self.done, self.of = done, of

    def __str__(self) -> str:
        return f" ({self.done / self.of:.0%})" if self.of else ""


@click.command(
    "replay",
    epilog="""\b
Examples:
  tinylogbert replay --topic hdfs.raw
  tinylogbert replay hdfs.log.gz --labels labels.csv --report report --scores scores.csv

\b
Reads from the beginning to the end that is there at the start; publishes and commits nothing. A block's score is that
of its highest closed part; while none is closed, the latest provisional one. The figures are those of tinylogbert
evaluate. Two replays of the same lines print the same figures.""",
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--topic", metavar="TOPIC", help="A topic of lines; header label 0 or 1 says what a line's block is.")
@click.option("--labels", metavar="CSV", help="BlockId,Label with Normal or Anomaly (or 0 or 1).")
@click.option("--scores", metavar="CSV", help="File for the rows of the closed windows, as tinylogbert score has them.")
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Folder of the plots.")
@settings_options("bootstrap_servers", "kafka", "keyed_input", *SCORER_OPTIONS, *WINDOW_OPTIONS)
def replay_command(
    files: tuple[str, ...],
    topic: str | None,
    labels: str | None,
    scores: str | None,
    report: Path | None,
    settings: Settings,
) -> None:
    """Score a labelled topic, or log files, from the beginning; print the final figures as one JSON object."""
    if (topic is None) == (not files):
        raise click.UsageError("give --topic or log files, and not both")
    if files and labels is None:
        raise click.UsageError("log files need --labels")
    known = read_labels(labels) if labels else {}
    share = _Share()
    lines = _topic(topic, known, settings, share) if topic else _files(files, share)
    replay = _run(lines, share, known, scores, settings)
    if not replay.blocks.judged().blocks:
        raise InputError(_why_no_figure(replay, topic or files[0], labels))
    found = replay.figures()
    click.echo(orjson.dumps(found))
    if report is not None:
        _report(report, replay, found)


def _run(
    lines: Iterator[_Line], share: _Share, labels: dict[str, bool], scores: str | None, settings: Settings
) -> "Replay":
    from stream.output import open_output
    from training.replay import Replay

    with ExitStack() as files:
        writer = RowWriter(files.enter_context(open_output(scores))) if scores else None
        reader = LineReader(ZoneInfo(settings.timezone))
        replay = Replay(load_scorer(settings), settings.windows, reader, labels, writer.write if writer else None)
        begun = time.monotonic()
        tell_at = begun + _TELL_S
        for line in lines:
            replay.line(line.raw, line.offset, line.key, line.label)
            if replay.lines % 256 == 0 and time.monotonic() >= tell_at:
                _tell(replay, share, begun)
                tell_at = time.monotonic() + _TELL_S
        replay.finish()
        _tell(replay, share, begun)
    return replay


def _tell(replay: "Replay", share: _Share, begun: float) -> None:
    auc = replay.blocks.auc
    rate = replay.lines / max(time.monotonic() - begun, 1e-3)
    click.echo(
        f"{replay.lines:,} lines{share}, {rate:,.0f} lines/s, {auc.anomalous + auc.normal:,} blocks with a label, "
        f"{auc.anomalous:,} anomalous, ROC-AUC {auc.roc_auc():.4f}, AP {auc.average_precision():.4f}",
        err=True,
    )


def _files(files: tuple[str, ...], share: _Share) -> Iterator[_Line]:
    for number, raw in enumerate(read_lines(files, share.told)):
        yield _Line(number, None, raw, None)


def _topic(topic: str, labels: dict[str, bool], settings: Settings, share: _Share) -> Iterator[_Line]:
    """The lines of a topic that is there, as it is asked at once. Labels of a CSV stand above those of the headers."""
    from stream.kafka.replay import TopicLines

    found = TopicLines(settings, topic, LineReader(ZoneInfo(settings.timezone)))

    def lines() -> Iterator[_Line]:
        for line in found:
            share.told(found.done, found.of)
            key = line.key if settings.keyed_input else None
            yield _Line(line.offset, key, line.raw, None if labels else line.label)

    return lines()


def _why_no_figure(replay: "Replay", source: str, labels: str | None) -> str:
    if not replay.blocks.scores:
        return f"no line of {source} can be read and names a block ({replay.lines:,} lines)"
    if labels:
        return f"no block of {source} has a label in {labels}"
    return (
        f"the topic {source} carries no labels; send it with: tinylogbert produce FILE --labels CSV, or give --labels"
    )


def _report(folder: Path, replay: "Replay", found: dict[str, Any]) -> None:
    from training.report import write_report

    written = write_report(folder, replay.blocks.judged(), found, running=replay.running, p_values=replay.p_values())
    click.echo(f"{folder}: {', '.join(written)}", err=True)
    click.echo("t-SNE is left out: see tinylogbert evaluate --log FILE", err=True)
