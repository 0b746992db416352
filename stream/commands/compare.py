"""``tinylogbert compare``: TinyLogBERT beside the simple detectors, on windows that none of these has seen."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from model.folder import detector_of
from model.scorers import scorer_of
from stream.commands.baselines import fitted, learned
from stream.commands.comparison import print_rows
from stream.commands.options import settings_options
from stream.commands.scorers import COMPUTING_OPTIONS, WINDOW_OPTIONS
from stream.errors import InputError
from stream.files import STDIN, read_lines
from stream.labels import read_labels
from stream.lines import BadLine, LineReader
from stream.settings import Settings
from stream.windows.files import windows_of
from stream.windows.window import Window

if TYPE_CHECKING:
    from stream.scoring import Scorer
    from training.bags import Corpus
    from training.contest import Contest
    from training.shown import Shown

_BATCH = 512


@click.command(
    "compare",
    epilog="""\b
Examples:
  tinylogbert compare hdfs.log.gz --labels labels.csv
  tinylogbert compare later.log --train earlier.log --labels labels.csv --checkpoint my-model
  tinylogbert compare hdfs.log.gz --labels labels.csv --normal-only --json

\b
Fits event-count PCA, event-set rarity and an Isolation Forest on the lines before the split, judges the blocks that
begin behind it, and prints, over all of them and over distinct ones (each bag of lines and label counted once):
  ROC-AUC, AP            of the scores; AP is average precision
  F1, precision, recall  of the verdicts, whose threshold was chosen without labels
  false alarms           of the verdicts, and their share of all healthy blocks
  best F1                of the threshold that these labels would choose: an oracle's, no method's
  windows/s              of scoring alone, on this machine; with --no-memo equal windows are scored anew
Then it says on stderr whether TinyLogBERT is worth its cost: whether its AP over all blocks is higher than that of the
best of them, by a paired bootstrap.""",
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--labels", required=True, metavar="CSV", help="BlockId,Label with Normal or Anomaly (or 0 or 1).")
@click.option("--train", "earlier", multiple=True, metavar="FILE", help="Fit on this log instead; repeatable.")
@click.option(
    "--split",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of the lines of FILE, from the first, to fit on.  [default: 0.6]",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="What stands beside them; repeatable  [default: the shipped TinyLogBERT]",
)
@click.option("--normal-only", is_flag=True, help="Fit without the blocks that the labels call anomalous.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of all chance.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a row instead of a table.")
@settings_options(*COMPUTING_OPTIONS, *WINDOW_OPTIONS)
def compare_command(
    files: tuple[str, ...],
    labels: str,
    earlier: tuple[str, ...],
    split: float | None,
    checkpoints: tuple[Path, ...],
    normal_only: bool,
    seed: int,
    as_json: bool,
    settings: Settings,
) -> None:
    """Compare TinyLogBERT with simple detectors on labelled log files, plain or gzip."""
    if earlier and split is not None:
        raise click.UsageError("give --train or --split, and not both")
    if not earlier and STDIN in files:
        raise click.UsageError("standard input cannot be split, as its lines are counted first; give --train")
    from training.shown import shown

    known = read_labels(labels)
    others = [_named(folder, settings) for folder in checkpoints or [settings.checkpoint]]
    with shown() as progress:
        before, behind = _halves(files, earlier, 0.6 if split is None else split, progress, settings.new_reader())
        left_out = {block for block, bad in known.items() if bad and normal_only}
        corpus = learned(before, settings, left_out)
        entrants = [*fitted(corpus, settings, progress, seed=seed, healthy=normal_only), *others]
        contest = _judged(behind, before.blocks, entrants, known, settings)
    if not contest.windows:
        raise InputError(f"no block that begins behind the lines to fit on has a label in {labels}")
    print_rows(contest.rows(), as_json)
    names = [name for name, _ in others]
    for verdict in contest.verdicts(names):
        click.echo(verdict, err=True)
    _tell(corpus, contest, names)


def _named(folder: Path | None, settings: Settings) -> "tuple[str, Scorer]":
    scorer = scorer_of(folder, settings.memo, settings.device, settings.threads)
    simple = folder is not None and detector_of(folder) is not None
    return scorer.checkpoint if simple else f"TinyLogBERT {scorer.checkpoint}", scorer


class _Noted:
    """Lines on their way, and the blocks that they name: what is judged later must have none of them."""

    def __init__(self, lines: Iterable[bytes], reader: LineReader) -> None:
        self._lines = lines
        self._named = reader.blocks.windowed
        self.blocks: set[bytes] = set()

    def __iter__(self) -> Iterator[bytes]:
        for raw in self._lines:
            with suppress(BadLine):  # whoever windows the lines counts it
                self.blocks.update(self._named(raw))
            yield raw


def _halves(
    files: tuple[str, ...], earlier: tuple[str, ...], share: float, progress: "Shown", reader: LineReader
) -> tuple[_Noted, Iterator[bytes]]:
    """Lines to fit on, and those to judge; of one log the second go on where the first end.

    Where one log is split its lines are counted first: by bytes the place would depend on how it is packed.
    """
    if earlier:
        first = read_lines(earlier, partial(progress, "reading to fit"))
        return _Noted(first, reader), read_lines(files, partial(progress, "reading to judge"))
    number = sum(1 for _ in read_lines(files, partial(progress, "counting lines")))
    lines = read_lines(files, partial(progress, "reading"))
    return _Noted(islice(lines, int(number * share)), reader), lines


def _judged(
    lines: Iterable[bytes],
    blocks_before: set[bytes],
    entrants: "list[tuple[str, Scorer]]",
    labels: dict[str, bool],
    settings: Settings,
) -> "Contest":
    from training.contest import Contest

    contest = Contest(entrants, labels)
    found = windows_of(lines, settings.windows, ZoneInfo(settings.timezone))
    new = (window for window in found if window.block_id.encode() not in blocks_before)
    for batch in _batches(new):
        contest.see(batch)
    return contest


def _batches(windows: Iterable[Window]) -> Iterator[list[Window]]:
    rest = iter(windows)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _tell(corpus: "Corpus", contest: "Contest", others: list[str]) -> None:
    """On stderr what the table does not say, above all that it may be unfair."""
    fitted = f"fitted on {corpus.windows:,} windows of {corpus.counts.lines:,} lines"
    judged = f"judged {contest.windows:,} windows of blocks that begin later"
    click.echo(f"{fitted}; {judged}, {contest.unlabelled:,} more have no label", err=True)
    click.echo(
        f"note: {', '.join(others)} came as it was, and its README.md says what it was trained on; "
        "if the lines judged here are among that, its rows are no measurement",
        err=True,
    )
