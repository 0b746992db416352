"""Stated against realised false alarms: the calibration of training, judged on windows that it has not seen.

Scores are those of the classical teacher (``training.teacher``), so that a run takes seconds. Of the blocks, two fifths
fit the teacher and a fifth calibrates, both without labels; the rest is judged with labels. Splits are random by block,
and by time: what is judged begins after all else. A false alarm is a healthy block that is called anomalous when it is
complete or at any look before.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import click
import numpy as np
import orjson
from rich.console import Console
from rich.table import Table

from model.calibration import Calibration
from stream.cli import run
from stream.commands.progress import counting
from stream.files import read_lines
from stream.labels import read_labels
from stream.output import open_output
from stream.simulator import simulate
from stream.windows.files import looked_at
from training.bags import Bag, Floats, Life, Lives, matrix
from training.calibrate import SLACK, Held, apart_above, calibrate, looked
from training.prefixes import PrefixTeacher
from training.teacher import fit_teacher
from training.uniform import spread, uniformity

STATED = (1e-2, 3e-3, 1e-3, 3e-4)
RULES = ("now", "gap", "all", "normal-only")


@dataclass(frozen=True, slots=True)
class Block:
    """A block's life (of its first window) and its label, in order of first appearance."""

    life: Life
    anomalous: bool


def blocks_of(lines: Iterable[bytes], labels: Mapping[str, bool]) -> list[Block]:
    """Every block that has a label."""
    first: dict[str, int] = {}
    lives: dict[str, Lives] = {}
    for window in looked_at(lines):
        if window.part == 1 and window.block_id in labels:
            first.setdefault(window.block_id, window.times[0])
            bag = tuple(sorted(Counter(window.texts).items()))
            lives.setdefault(window.block_id, Lives()).see(window.block_id, 1, bag, window.complete)
    return [Block(next(iter(lives[name].whole)), labels[name]) for name in sorted(first, key=lambda name: first[name])]


def thinned(blocks: list[Block], rate: float | None, rng: np.random.Generator) -> list[Block]:
    """The log with another share of anomalous blocks, some of one class left out; as it is for None."""
    if rate is None:
        return blocks
    anomalous = np.array([block.anomalous for block in blocks])
    bad, good = anomalous.sum(), (~anomalous).sum()
    keep_bad = min(1.0, rate * good / max(1, (1 - rate) * bad))
    keep_good = min(1.0, bad * (1 - rate) / (rate * good)) if rate else 1.0
    chance = np.where(anomalous, keep_bad, keep_good)
    return [block for block, kept in zip(blocks, rng.random(len(blocks)) < chance, strict=True) if kept]


def parts(blocks: list[Block], by_time: bool, rng: np.random.Generator) -> tuple[list[Block], list[Block], list[Block]]:
    """Those that fit, that calibrate and that are judged."""
    order = np.arange(len(blocks)) if by_time else rng.permutation(len(blocks))
    cut, third = int(0.6 * len(blocks)), int(0.4 * len(blocks))
    known = rng.permutation(order[:cut])
    return tuple([blocks[i] for i in chosen] for chosen in (known[:third], known[third:], order[cut:]))  # type: ignore[return-value]


class Scored:
    """The teacher, fitted on blocks, and what it thinks of others."""

    def __init__(self, blocks: list[Block], healthy: bool, seed: int) -> None:
        counted = Counter(block.life.complete for block in blocks)
        seen: Counter[str] = Counter()
        for bag, number in counted.items():
            seen.update({text: number for text, _ in bag})
        self._kinds = [text for text, _ in seen.most_common()]
        counts, weights = matrix(list(counted), self._kinds), np.array(list(counted.values()), float)
        self._teacher = fit_teacher(counts, weights, self._kinds, healthy)
        self._prefixes = PrefixTeacher(self._teacher, counts, weights)

    def held(self, blocks: list[Block]) -> Held:
        """The scores of blocks, to four digits as the model's are."""
        lives = Counter(block.life for block in blocks)
        closed = self._scores(self._teacher, {life.complete for life in lives})
        opened = self._scores(self._prefixes, {bag for life in lives for bag in life.prefixes})
        return looked(lives, closed, opened)

    def _scores(self, target: Any, bags: set[Bag]) -> dict[Bag, float]:
        ordered = sorted(bags)
        found: Floats = target.target(matrix(ordered, self._kinds)).round(4)
        return dict(zip(ordered, found.tolist(), strict=True))


def calibrated(held: Held, stated: float, rule: str) -> Calibration:
    """By the rule as it is ("now"), believing any gap however little lies beyond it, or counting every window."""
    above = {"now": apart_above(held), "gap": apart_above(held, least_share=0.0)}.get(rule, math.inf)
    return calibrate(held, stated, above=above)


def judged(calibration: Calibration, healthy: Held, failed: Held, rng: np.random.Generator) -> dict[str, Any]:
    """Realised shares of healthy windows, recall of failed ones, and how uniform p-values are."""
    closed, opened = calibration.closed, calibration.open
    number, bad = sum(healthy.values()), sum(failed.values())
    final = sum(n for window, n in healthy.items() if window.closed >= closed.threshold)
    ever = sum(
        n
        for window, n in healthy.items()
        if window.closed >= closed.threshold or (window.open is not None and window.open >= opened.threshold)
    )
    found = sum(n for window, n in failed.items() if window.closed >= closed.threshold)
    scores = np.repeat([window.closed for window in healthy], list(healthy.values()))
    p_values, above = (np.array([of(score) for score in scores]) for of in (closed.p_value, closed.p_above))
    test = uniformity(spread(p_values, above, rng), closed.windows)
    return {
        "healthy": number,
        "failed": bad,
        "final": final,
        "ever": ever,
        "found": found,
        "apart": calibration.apart,
        "ks": test.statistic,
        "ks_tied": uniformity(p_values, closed.windows).statistic,
        "ks_p": test.p_value,
    }


def runs(name: str, blocks: list[Block], rate: float | None, seeds: int) -> Iterator[dict[str, Any]]:
    """Every split, rule and stated share of a log."""
    for by_time, seed in product((False, True), range(seeds)):
        rng = np.random.default_rng((seed, by_time))
        fit, held_out, rest = parts(thinned(blocks, rate, rng), by_time, rng)
        for rule in RULES:
            normal = rule == "normal-only"
            if normal:
                fit, held_out = ([block for block in each if not block.anomalous] for each in (fit, held_out))
            if normal or rule == RULES[0]:
                scored = Scored(fit, normal, seed)
                held = scored.held(held_out)
                healthy, failed = (scored.held([b for b in rest if b.anomalous == bad]) for bad in (False, True))
            for stated in STATED:
                found = judged(calibrated(held, stated, rule), healthy, failed, np.random.default_rng(seed))
                split = "time" if by_time else "chance"
                yield {"log": name, "split": split, "seed": seed, "rule": rule, "stated": stated, **found}


COLUMNS = (
    "log",
    "split",
    "rule",
    "stated",
    "complete",
    "at any time",
    "≤ 1.5 ×",
    "recall",
    "apart",
    "KS, tied",
    "KS",
    "p > .01",
)


def table(found: list[dict[str, Any]]) -> Table:
    """Mean and spread over the splits; "≤ 1.5 ×" is the share of them that stay within it, "p > .01" of those whose
    p-values, ties broken at random, the test takes for uniform.
    """
    shown = Table(title="False alarms: realised ÷ stated")
    for column in COLUMNS:
        shown.add_column(column, justify="left" if column in COLUMNS[:3] else "right")
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in found:
        groups.setdefault(tuple(row[name] for name in ("log", "split", "rule", "stated")), []).append(row)
    for (log, split, rule, stated), rows in groups.items():
        shown.add_row(log, split, rule, f"{stated:g}", *_cells(rows, stated))
    return shown


def _cells(rows: list[dict[str, Any]], stated: float) -> tuple[str, ...]:
    def column(name: str) -> Floats:
        return np.array([row[name] for row in rows], float)

    final, ever = (column(name) / column("healthy") / stated for name in ("final", "ever"))
    failed = column("failed") > 0
    recall = f"{(column('found')[failed] / column('failed')[failed]).mean():.3f}" if failed.any() else "–"
    return (
        f"{final.mean():.2f} ± {final.std():.2f}",
        f"{ever.mean():.2f} ± {ever.std():.2f}",
        f"{(ever <= SLACK).mean():.0%}",
        recall,
        f"{column('apart').mean():.2%}",
        f"{column('ks_tied').mean():.3f}",
        f"{column('ks').mean():.3f}",
        f"{(column('ks_p') > 0.01).mean():.0%}",
    )


@click.command(
    epilog="""\b
Examples:
  python -m bench.calibration --blocks 4000 --seeds 2
  python -m bench.calibration hdfs-1pct.log.gz --labels hdfs-1pct.labels.csv --rate 0 --rate 0.005 --seeds 5

\b
Rules:
  now          the calibration that training does
  gap          what lies apart is taken for failures, however little it is
  all          nothing is: every held-out window counts as healthy
  normal-only  failures are taken out beforehand, by their labels, as train --normal-only does""",
    context_settings={"max_content_width": 120},
)
@click.argument("files", nargs=-1)
@click.option("--labels", metavar="CSV", help="Of the files; without files, logs are simulated.")
@click.option(
    "--rate", "rates", multiple=True, type=click.FloatRange(0, 0.5), help="Share of anomalous blocks; repeatable."
)
@click.option("--blocks", default=6000, show_default=True, type=click.IntRange(200), help="Of a simulated log.")
@click.option(
    "--seeds", default=5, show_default=True, type=click.IntRange(1), help="Splits, by chance and by time each."
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False), help="Writes every run to this file, too.")
def main(
    files: tuple[str, ...], labels: str | None, rates: tuple[float, ...], blocks: int, seeds: int, json_file: str | None
) -> None:
    """Print how many false alarms were stated and how many there were, for four stated shares and four rules."""
    if bool(files) != bool(labels):
        raise click.UsageError("give files and their --labels, or neither")
    found: list[dict[str, Any]] = []
    with counting("splits are judged") as told:
        for name, log, rate in _logs(files, labels, rates, blocks):
            for row in runs(name, log, rate, seeds):
                found.append(row)
                told(len(found), 0)
    Console(width=140).print(table(found))
    if json_file:
        with open_output(json_file) as file:
            file.write(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _logs(
    files: tuple[str, ...], labels: str | None, rates: tuple[float, ...], blocks: int
) -> Iterator[tuple[str, list[Block], float | None]]:
    if labels:
        log = blocks_of(read_lines(files), read_labels(labels))
        for rate in rates or (None,):
            yield ("as it is" if rate is None else f"{rate:.1%}"), log, rate
        return
    for rate in rates or (0.0, 0.005, 0.03, 0.1):
        simulation = simulate(blocks, anomaly_rate=rate, seed=1)
        known = {label.block_id: label.anomalous for label in simulation.labels()}
        yield f"simulated, {rate:.1%}", blocks_of(simulation.lines(), known), None


if __name__ == "__main__":
    run(main, "python -m bench.calibration")
