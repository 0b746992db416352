"""What training sees of the logs: distinct bags of masked lines with the number of windows that had them.

Memory grows with the distinct windows (HDFS_v1: 575,061 windows, 18,383 distinct), not with the lines. A bag is either
a complete window or a prefix, cut where its block fell quiet.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream.errors import InputError
from stream.windows.files import Counts, looked_at
from stream.windows.settings import WindowSettings

Floats = npt.NDArray[np.float64]
Bag = tuple[tuple[str, int], ...]
"""Masked text and count, ordered by text."""

_LEAST_WINDOWS = 20


@dataclass(slots=True)
class Bags:
    """Distinct bags → number of windows; ``held_out`` windows only calibrate."""

    fitted: Counter[Bag] = field(default_factory=Counter)
    held_out: Counter[Bag] = field(default_factory=Counter)

    def add(self, block_id: str, bag: Bag, held_out_share: float) -> None:
        """Count a window; which side it is on depends on its block alone."""
        side = self.held_out if is_held_out(block_id, held_out_share) else self.fitted
        side[bag] += 1


class Life(NamedTuple):
    """What is seen of a window: when it is complete, and each time that its block falls quiet before."""

    complete: Bag
    prefixes: frozenset[Bag]


class Lives:
    """The lives of held-out windows: distinct ones with the number of windows that lived them (``whole``)."""

    def __init__(self) -> None:
        self.whole: Counter[Life] = Counter()
        self._begun: dict[tuple[str, int], set[Bag]] = {}
        self._known: dict[Bag, Bag] = {}  # equal bags are one object: a life costs its references

    def see(self, block_id: str, part: int, bag: Bag, complete: bool) -> None:
        """Take a look at a window into account; the complete one is the last."""
        bag = self._known.setdefault(bag, bag)
        if complete:
            self.whole[Life(bag, frozenset(self._begun.pop((block_id, part), ())))] += 1
        else:
            self._begun.setdefault((block_id, part), set()).add(bag)


def is_held_out(block_id: str, share: float) -> bool:
    """Whether windows of this block only calibrate; about ``share`` of all blocks do, always the same ones."""
    digest = hashlib.blake2b(block_id.encode(), digest_size=4).digest()
    return int.from_bytes(digest) < share * 2**32


@dataclass(slots=True)
class Corpus:
    """Complete windows and prefixes, the lives of those held out, what happened to the lines, and the times of the
    first and the last (epoch ms).
    """

    closed: Bags = field(default_factory=Bags)
    open: Bags = field(default_factory=Bags)
    lives: Counter[Life] = field(default_factory=Counter)
    counts: Counts = field(default_factory=Counts)
    windows: int = 0
    first: int = 0
    last: int = 0

    def kinds(self) -> list[str]:
        """Masked texts by the number of windows that have them, most frequent first."""
        seen: Counter[str] = Counter()
        for bag, number in self.closed.fitted.items():
            for text, _ in bag:
                seen[text] += number
        return sorted(seen, key=lambda text: (-seen[text], text))


def collect(
    lines: Iterable[bytes],
    settings: WindowSettings,
    held_out_share: float,
    left_out: Collection[str] = (),
    zone: tzinfo = UTC,
) -> Corpus:
    """Window the lines as the daemon does, and count bags; windows of the blocks ``left_out`` are not taken.

    Raises InputError if there are too few windows to learn from.
    """
    corpus, lives = Corpus(), Lives()
    corpus.lives = lives.whole
    for window in looked_at(lines, settings, zone, corpus.counts):
        if window.block_id in left_out:
            continue
        bag = tuple(sorted(Counter(window.texts).items()))
        side = corpus.closed if window.complete else corpus.open
        side.add(window.block_id, bag, held_out_share)
        if is_held_out(window.block_id, held_out_share):
            lives.see(window.block_id, window.part, bag, window.complete)
        corpus.windows += window.complete
        corpus.first = min(corpus.first or window.times[0], window.times[0])
        corpus.last = max(corpus.last, window.times[-1])
    _check(corpus)
    return corpus


def matrix(bags: Collection[Bag], kinds: list[str]) -> Floats:
    """Counts ``(bags, kinds + 1)``: the last column counts lines of kinds that are not in the list."""
    column = {text: i for i, text in enumerate(kinds)}
    counts = np.zeros((len(bags), len(kinds) + 1))
    for row, bag in enumerate(bags):
        for text, number in bag:
            counts[row, column.get(text, len(kinds))] += number
    return counts


def _check(corpus: Corpus) -> None:
    counts = corpus.counts
    if counts.lines == 0:
        raise InputError("there is no line to train on")
    if corpus.windows == 0:
        bad = sum(counts.bad.values())
        raise InputError(
            f"none of {counts.lines} lines can be used: {counts.no_block} name no block, {bad} have no readable time"
        )
    if corpus.windows < _LEAST_WINDOWS or not corpus.closed.held_out or not corpus.closed.fitted:
        raise InputError(f"{corpus.windows} windows are too few to learn from; at least {_LEAST_WINDOWS} are needed")
