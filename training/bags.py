"""What training sees of the logs: distinct bags of masked lines with the number of windows that had them.

Memory grows with the distinct windows (HDFS_v1: 575,061 windows, 18,383 distinct), not with the lines. A bag is either
a complete window or a prefix, cut where its block fell quiet.

Other people's logs may have a new text in every line, so nothing grows for ever. Of distinct bags a weighted sample is
kept (``training.thinning``): 20,000 complete ones and as many prefixes to train on, twice 2,048 lives to calibrate on,
of each life 32 prefixes. A bag keeps its 128 most frequent texts, which is more than a window has tokens. The 512 texts
that most windows have are *kinds*; all others are lines of no known kind, and are read as words. A text has at most
1,024 characters (``stream.lines.reader``), and of texts there are at most 65,536 (``stream.windows.templates``); those
that come later are all alike.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from random import Random
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream.errors import InputError
from stream.windows.files import Counts, looked_at
from stream.windows.settings import WindowSettings
from stream.windows.window import Window
from training.thinning import thin

HELD_OUT = 0.2
"""The share of the blocks that only calibrate, whatever is trained."""
Floats = npt.NDArray[np.float64]
Bag = tuple[tuple[str, int], ...]
"""Masked text and count, ordered by text."""

MOST_KINDS = 512
_LEAST_WINDOWS = 20
_NEVER = 2**63
_MOST_BAGS, _MOST_LIVES, _MOST_PREFIXES, _MOST_TEXTS = 20_000, 2_048, 32, 128


@dataclass(slots=True)
class Bags:
    """Distinct bags → number of windows; ``held_out`` windows only calibrate. ``thinned``: they are a sample."""

    fitted: Counter[Bag] = field(default_factory=Counter)
    held_out: Counter[Bag] = field(default_factory=Counter)
    thinned: bool = False
    _random: Random = field(default_factory=lambda: Random(0))

    def add(self, block_id: str, bag: Bag, held_out_share: float) -> None:
        """Count a window; which side it is on depends on its block alone."""
        side = self.held_out if is_held_out(block_id, held_out_share) else self.fitted
        side[bag] += 1
        self.thinned |= thin(side, _MOST_BAGS, self._random)


class Life(NamedTuple):
    """What is seen of a window: when it is complete, and each time that its block falls quiet before."""

    complete: Bag
    prefixes: frozenset[Bag]


class Lives:
    """The lives of windows: distinct ones with the number of windows that lived them (``whole``).

    ``thinned``: they are a sample.
    """

    def __init__(self) -> None:
        self.whole: Counter[Life] = Counter()
        self.thinned = False
        self._begun: dict[tuple[str, int], set[Bag]] = {}
        self._known: dict[Bag, Bag] = {}  # equal bags are one object: a life costs its references
        self._random = Random(0)

    def see(self, block_id: str, part: int, bag: Bag, complete: bool) -> None:
        """Take a look at a window into account; the complete one is the last."""
        bag = self._known.setdefault(bag, bag)
        if len(self._known) > _MOST_BAGS:
            self._known.clear()
        if complete:
            self.whole[Life(bag, frozenset(self._begun.pop((block_id, part), ())))] += 1
            self.thinned |= thin(self.whole, _MOST_LIVES, self._random)
        elif len(begun := self._begun.setdefault((block_id, part), set())) < _MOST_PREFIXES:
            begun.add(bag)


def is_held_out(block_id: str, share: float) -> bool:
    """Whether windows of this block only calibrate; about ``share`` of all blocks do, always the same ones."""
    digest = hashlib.blake2b(block_id.encode(), digest_size=4).digest()
    return int.from_bytes(digest) < share * 2**32


@dataclass(slots=True)
class Corpus:
    """Complete windows and prefixes, the lives of those held out and of those fitted, what happened to the lines, and
    the times of the first and the last (epoch ms), those with broken clocks left out.
    """

    closed: Bags = field(default_factory=Bags)
    open: Bags = field(default_factory=Bags)
    lives: Counter[Life] = field(default_factory=Counter)
    fitted_lives: Counter[Life] = field(default_factory=Counter)
    counts: Counts = field(default_factory=Counts)
    windows: int = 0
    first: int = 0
    last: int = 0

    def kinds(self) -> list[str]:
        """The 512 masked texts that most windows have, most frequent first."""
        seen = self.texts()
        return sorted(seen, key=lambda text: (-seen[text], text))[:MOST_KINDS]

    def texts(self) -> Counter[str]:
        """All masked texts, with the number of windows that have them."""
        seen: Counter[str] = Counter()
        for bag, number in self.closed.fitted.items():
            for text, _ in bag:
                seen[text] += number
        return seen

    def foreign(self) -> float:
        """The share of the lines that are of none of the ``kinds``."""
        kinds, lines, foreign = set(self.kinds()), 0, 0
        for bag, number in self.closed.fitted.items():
            lines += number * sum(count for _, count in bag)
            foreign += number * sum(count for text, count in bag if text not in kinds)
        return foreign / lines

    def notes(self) -> list[str]:
        """What a person should know of these logs before trusting what comes of them, one line each."""
        found = []
        if self.closed.thinned or self.open.thinned:
            found.append("there are very many different windows: training sees a weighted sample of them")
        if (texts := len(self.texts())) > MOST_KINDS:
            found.append(
                f"there are {texts:,} kinds of line; {self.foreign():.0%} of the lines are of none of the {MOST_KINDS} "
                "most frequent and are read as words; names that nothing masks may be why"
            )
        return found


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
    counts = Counts()
    windows = looked_at(lines, settings, zone, counts)
    corpus = gathered(windows, held_out_share, left_out, lambda: (counts.begun - settings.max_jump, counts.reached))
    corpus.counts = counts
    _check(corpus, bool(left_out))
    return corpus


def gathered(
    windows: Iterable[Window],
    held_out_share: float,
    left_out: Collection[str] = (),
    believed: Callable[[], tuple[int, int]] = lambda: (0, _NEVER),
) -> Corpus:
    """Count the bags of windows as the daemon looks at them: quiet ones, and complete ones at last.

    ``believed`` tells the least and the greatest event time (epoch ms) that are by now no fault of a clock.
    """
    lives, fitted = Lives(), Lives()
    corpus = Corpus(lives=lives.whole, fitted_lives=fitted.whole)
    for window in windows:
        if window.block_id in left_out:
            continue
        bag = _bag(window.texts)
        side = corpus.closed if window.complete else corpus.open
        side.add(window.block_id, bag, held_out_share)
        of = lives if is_held_out(window.block_id, held_out_share) else fitted
        of.see(window.block_id, window.part, bag, window.complete)
        corpus.windows += window.complete
        least, greatest = believed()
        if window.times[0] >= least:
            corpus.first = min(corpus.first or window.times[0], window.times[0])
        corpus.last = max(corpus.last, min(window.times[-1], greatest))
    if lives.thinned or corpus.closed.thinned or corpus.open.thinned:
        _hold_out_again(corpus)
    return corpus


def matrix(bags: Collection[Bag], kinds: list[str]) -> Floats:
    """Counts ``(bags, kinds + 1)``: the last column counts lines of kinds that are not in the list."""
    column = {text: i for i, text in enumerate(kinds)}
    counts = np.zeros((len(bags), len(kinds) + 1))
    for row, bag in enumerate(bags):
        for text, number in bag:
            counts[row, column.get(text, len(kinds))] += number
    return counts


def _bag(texts: Iterable[str]) -> Bag:
    counted = Counter(texts)
    if len(counted) > _MOST_TEXTS:
        counted = Counter(dict(sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:_MOST_TEXTS]))
    return tuple(sorted(counted.items()))


def _hold_out_again(corpus: Corpus) -> None:
    """Held out are the bags of the lives that were kept, so that each has all that belongs to it."""
    closed, opened = corpus.closed.held_out, corpus.open.held_out
    closed.clear()
    opened.clear()
    for life, number in corpus.lives.items():
        closed[life.complete] += number
        for prefix in life.prefixes:
            opened[prefix] += number


def _check(corpus: Corpus, some_left_out: bool) -> None:
    counts = corpus.counts
    if counts.lines == 0:
        raise InputError("there is no line to train on")
    if corpus.windows == 0:
        raise InputError(_why_no_window(counts, some_left_out))
    if corpus.windows < _LEAST_WINDOWS:
        raise InputError(f"{corpus.windows} windows are too few to learn from; at least {_LEAST_WINDOWS} are needed")
    if not corpus.closed.held_out or not corpus.closed.fitted:
        raise InputError(f"{corpus.windows} windows are of too few blocks to learn from some and hold out others")


def _why_no_window(counts: Counts, some_left_out: bool) -> str:
    if some_left_out and counts.no_block + counts.continued + sum(counts.bad.values()) < counts.lines:
        return f"all blocks of {counts.lines} lines are left out as anomalous; there is nothing to train on"
    refused = "".join(f", {n} are refused ({why})" for why, n in sorted(counts.bad.items()) if why != "timestamp")
    timeless = counts.bad.get("timestamp", 0)
    return (
        f"none of {counts.lines} lines can be used: {counts.no_block} name no block, {timeless} have no readable time"
        + refused
    )
