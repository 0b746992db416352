"""``python -m bench.words``: see the help."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from rich.console import Console
from rich.table import Table

from bench.words.measure import COMPARED, groups, measure
from stream.cli import run
from stream.commands.progress import working
from stream.files import read_lines
from stream.labels import read_labels
from stream.output import open_output
from stream.simulator import simulate
from stream.windows.settings import WindowSettings

if TYPE_CHECKING:
    from stream.scoring import Scorer
    from training.bags import Corpus


@click.command(
    epilog="""\b
Examples:
  python -m bench.words
  python -m bench.words --log hdfs.log.gz --labels labels.csv --checkpoint my-checkpoint --json words.json"""
)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Folder.  [default: the shipped one]")
@click.option(
    "--log", type=click.Path(exists=True, dir_okay=False), help="Healthy windows of it.  [default: simulated]"
)
@click.option("--labels", metavar="CSV", help="Of the log: blocks that are anomalous are left out.")
@click.option("--windows", default=40, show_default=True, type=click.IntRange(1), help="Distinct healthy windows.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes the figures to this file, too.")
def main(
    checkpoint: Path | None, log: str | None, labels: str | None, windows: int, seed: int, json_file: str | None
) -> None:
    """Put lines that training never saw into healthy windows, and see whether failures are told from what is harmless.

    Beside the checkpoint stand PCA and rarity, fitted on the same log, to which an unknown line is an unknown line.
    """
    from model.scorer import BertScorer
    from training.bags import HELD_OUT, collect

    with working("windows are scored"):
        lines: Iterable[bytes] = read_lines([log]) if log else simulate(2500, 0.03, seed).lines()
        anomalous = {block for block, bad in read_labels(labels).items() if bad} if labels else set()
        corpus = collect(lines, WindowSettings(), HELD_OUT, anomalous)
        bert = BertScorer.load(checkpoint)
        made = groups(_healthy(corpus, bert, windows), seed)
        figures = [measure(made, scorer) for scorer in (bert, *_simple(corpus, seed))]
    show(figures, {name: len(several) for name, several in made.items()})
    if json_file:
        with open_output(json_file) as file:
            file.write(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _healthy(corpus: "Corpus", scorer: "Scorer", count: int) -> list[Counter[str]]:
    """The most frequent distinct windows that the scorer does not call anomalous."""
    bags = [Counter(dict(bag)) for bag, _ in corpus.closed.held_out.most_common()]
    scores = scorer.score([sorted(bag.elements()) for bag in bags], [True] * len(bags))
    return list(islice((bag for bag, score in zip(bags, scores, strict=True) if not score.anomalous), count))


def _simple(corpus: "Corpus", seed: int) -> "list[Scorer]":
    from model.baselines import BaselineScorer
    from training.baselines.fit import BaselineRecipe, fit_baseline

    return [BaselineScorer(fit_baseline(corpus, BaselineRecipe(name, seed))) for name in ("pca", "rarity")]


def show(figures: list[dict[str, Any]], sizes: dict[str, int]) -> None:
    """Print shares that are called anomalous, medians, and areas under the curve; one column a scorer."""
    table = Table("", box=None, pad_edge=False)
    for each in figures:
        table.add_column(each["scorer"], justify="right")
    for name, size in sizes.items():
        shares = (f"{each['anomalous'][name]:.1%} ({each['median_score'][name]:.2f})" for each in figures)
        table.add_row(f"{name}: anomalous of {size:,} (median score)", *shares)
    for bad, good in COMPARED:
        told = (each["told_apart"][f"{bad} / {good}"] for each in figures)
        table.add_row(f"{bad} / {good}: ROC-AUC", *(f"{each['roc_auc']:.3f}" for each in told))
    Console(highlight=False, width=140).print(table)


if __name__ == "__main__":
    run(main, "python -m bench.words")
