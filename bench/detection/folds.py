"""Folds: what is learned from and what is judged, by chance, by time, by distinct window, and by failures never seen.

By chance, blocks are dealt out: what is judged is like what was learned from, as the rest of a log is like a sample.
By time, blocks that begin later are judged. By distinct window, no bag of lines that is judged was in training, so that
nothing can be known by heart. By mode, all failures of some kinds are taken out of training and judged then.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.detection.log import Given, Log, bag_of
from stream.simulator import FAILURES
from stream.windows.window import Window
from training.bags import Bag
from training.evaluate import Bools

CHANCE_FOLDS = 3
CUTS = (0.4, 0.5, 0.6)
WINDOW_FOLDS = 3
MODE_FOLDS = 4


@dataclass(frozen=True)
class Fold:
    """``judged`` are closed windows that ``given`` does not hold; ``kind`` is chance, time, window or mode."""

    kind: str
    name: str
    log: Log
    given: Given
    judged: Sequence[Window]

    def labels(self) -> Bools:
        """Whether the block of each judged window failed."""
        return np.array([self.log.failed[window.block_id] for window in self.judged], np.bool_)


def chance_folds(log: Log, folds: int = CHANCE_FOLDS, seed: int = 0) -> Iterator[Fold]:
    """Deal the blocks out by chance; each is judged in one fold and learned from in all others."""
    blocks = sorted({window.block_id for window in log.closed})
    order = np.random.default_rng(seed).permutation(len(blocks)).tolist()
    for fold in range(folds):
        left_out = frozenset(blocks[i] for i in order[fold::folds])
        judged = [window for window in log.closed if window.block_id in left_out]
        yield Fold("chance", f"deal {seed}, part {fold + 1} of {folds}", log, log.all().without(left_out), judged)


def time_folds(log: Log, cuts: Sequence[float] = CUTS) -> Iterator[Fold]:
    """Learn from the first share of the lines, judge the blocks that begin after it."""
    begins: dict[str, int] = {}
    for window in log.closed:
        begins[window.block_id] = min(begins.get(window.block_id, len(log.lines)), *window.offsets)
    for cut in cuts:
        lines = int(cut * len(log.lines))
        judged = [window for window in log.closed if begins[window.block_id] >= lines]
        yield Fold("time", f"{cut:.0%} of the lines", log, log.first(lines), judged)


def window_folds(log: Log, folds: int = WINDOW_FOLDS, seed: int = 0) -> Iterator[Fold]:
    """Deal the distinct windows out by chance; a block is judged in the folds of its windows and learned from in none
    of these.
    """
    bags = [bag_of(window.texts) for window in log.closed]
    distinct = sorted(set(bags))
    order = np.random.default_rng(seed).permutation(len(distinct)).tolist()
    place: dict[Bag, int] = {distinct[row]: i % folds for i, row in enumerate(order)}
    for fold in range(folds):
        judged = [window for window, bag in zip(log.closed, bags, strict=True) if place[bag] == fold]
        left_out = frozenset(window.block_id for window in judged)
        yield Fold("window", f"deal {seed}, part {fold + 1} of {folds}", log, log.all().without(left_out), judged)


def mode_folds(learned: Log, judged: Log, folds: int = MODE_FOLDS, seed: int = 0) -> Iterator[Fold]:
    """Leave failures of some modes out of one log, and judge them, beside all healthy blocks, in another."""
    names = list(FAILURES)
    order = np.random.default_rng(seed).permutation(len(names)).tolist()
    for fold in range(folds):
        modes = {names[i] for i in order[fold::folds]}
        unseen = frozenset(block for block, mode in learned.modes.items() if mode in modes)
        windows = [w for w in judged.closed if judged.modes.get(w.block_id, None) in (None, *modes)]
        yield Fold("mode", "+".join(sorted(modes)), judged, learned.all().without(unseen), windows)


def normal_only(fold: Fold, log: Log) -> Fold:
    """The same with every block that failed left out of training; ``log`` is the one that is learned from."""
    return Fold(fold.kind, fold.name, fold.log, fold.given.without(log.anomalous), fold.judged)
