"""``tinylogbert score``: the windows of log files as CSV, or the score of one text. No broker is needed."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import click
import orjson

from stream.commands.options import settings_options
from stream.commands.pipes import until_enough
from stream.commands.progress import reading
from stream.commands.scorers import SCORER_OPTIONS, WINDOW_OPTIONS, load_scorer
from stream.errors import InputError
from stream.files import read_lines
from stream.lines import BadLine
from stream.rows import RowWriter
from stream.scoring import Scorer
from stream.settings import Settings
from stream.windows.due import Due
from stream.windows.files import Counts, windows_of
from stream.windows.judge import judge
from stream.windows.window import Window

_BATCH = 512


@click.command(
    "score",
    epilog="""\b
Examples:
  tinylogbert score hdfs.log.gz --out scores.csv
  zcat hdfs.log.gz | tinylogbert score - | grep ,true,
  tinylogbert score --text '081109 203518 143 INFO dfs.DataNode$DataXceiver: Receiving block blk_-1 src: /10.0.0.1:5'

\b
Columns:
  block_id,part,score,p_value,anomalous,severity,lines,first_time,last_time,worst_line
One row a closed window; worst_line is the masked line that carries most of the score, empty unless anomalous.""",
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--out", default="-", metavar="CSV", help="File of the rows; - is stdout, .gz is compressed.")
@click.option("--text", metavar="LINE", help="Score this text instead: one line, or several of one block.")
@click.option("--json", "as_json", is_flag=True, help="With --text: print a JSON object, not the score alone.")
@settings_options(*SCORER_OPTIONS, *WINDOW_OPTIONS)
def score_command(files: tuple[str, ...], out: str, text: str | None, as_json: bool, settings: Settings) -> None:
    """Score the windows of log files, plain or gzip; - reads standard input."""
    if (text is None) == (not files):
        raise click.UsageError("give log files, or --text, and not both")
    if as_json and text is None:
        raise click.UsageError("--json goes with --text; rows are CSV")
    if text is not None:
        _score_text(text, as_json, settings)
    else:
        with until_enough():
            _score_files(files, out, settings)


def _score_text(text: str, as_json: bool, settings: Settings) -> None:
    """The same score as ``model.get_anomaly_score``, with any checkpoint: a window that may go on."""
    reader = settings.new_reader()
    try:
        texts = [reader.text(line.encode(errors="surrogateescape")) for line in text.splitlines() if line.strip()]
    except BadLine as bad:
        raise InputError(str(bad)) from bad
    if not texts:
        raise InputError("there is no log line in the text")
    scorer = load_scorer(settings)
    [score] = scorer.score([texts], [False])
    if not as_json:
        click.echo(score.value)
        return
    value = {name: getattr(score, name) for name in ("p_value", "anomalous", "severity", "grades")}
    click.echo(orjson.dumps({"score": score.value, **value, "checkpoint": scorer.checkpoint, "masked": texts}))


def _score_files(files: tuple[str, ...], out: str, settings: Settings) -> None:
    from stream.output import open_output

    scorer = load_scorer(settings)
    counts = Counts()
    windows = anomalous = 0
    with open_output(out) as file, reading("scoring") as told:
        writer = RowWriter(file)
        found = windows_of(read_lines(files, told), settings.windows, ZoneInfo(settings.timezone), counts)
        for batch in _batches(found):
            events = _judge(batch, scorer, files[0])
            writer.write(events)
            windows += len(events)
            anomalous += sum(event["anomalous"] for event in events)
        writer.write([])
    click.echo(f"{windows:,} windows, {anomalous:,} anomalous; {_show(counts)}", err=True)


def _judge(windows: list[Window], scorer: Scorer, source: str) -> list[dict[str, Any]]:
    """The events of closed windows; only anomalous ones are explained."""
    due = [Due(window.block_id.encode(), window, None) for window in windows]
    return [judged.event for judged in judge(due, scorer, (source, 0))]


def _batches(windows: Iterable[Window]) -> Iterator[list[Window]]:
    rest = iter(windows)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _show(counts: Counts) -> str:
    bad = ", ".join(f"{number:,} {reason}" for reason, number in sorted(counts.bad.items()))
    return (
        f"{counts.lines:,} lines, {counts.no_block:,} without a block, "
        + (f"{counts.continued:,} that go on with another, " if counts.continued else "")
        + f"{sum(counts.bad.values()):,} unreadable"
        + (f" ({bad})" if bad else "")
        + f", {counts.late:,} late"
    )
