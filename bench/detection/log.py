"""A labelled log, read and windowed once. Labels are for judging; no method sees them, but for what is left out."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from stream.files import read_lines
from stream.labels import read_labels
from stream.simulator import FAILURES, simulate
from stream.windows.files import looked_at
from stream.windows.settings import WindowSettings
from stream.windows.window import Window
from training.bags import Bag, Corpus, gathered

SETTINGS = WindowSettings()
_Life = Counter[tuple[int, str]]


@dataclass(frozen=True)
class Given:
    """What a method may learn from: raw lines, without the windows of the blocks ``left_out``."""

    lines: Sequence[bytes]
    looked_at: Sequence[Window]  # of these lines, as the daemon sees them: complete windows and quiet ones
    left_out: frozenset[str] = frozenset()

    def without(self, blocks: frozenset[str]) -> "Given":
        """The same with more blocks left out."""
        return replace(self, left_out=self.left_out | blocks)

    def corpus(self, held_out: float) -> Corpus:
        """What ``training.bags.collect`` finds in these lines, without windowing them again."""
        return gathered(self.looked_at, held_out, self.left_out)


@dataclass(frozen=True)
class Log:
    """Lines with a label for each block.

    ``modes`` names how a block failed, and ``unharmed`` gives the same log as it were if none had: where a simulation
    tells; real logs have neither.
    """

    name: str
    lines: Sequence[bytes]
    failed: Mapping[str, bool]
    modes: Mapping[str, str] = field(default_factory=dict)
    unharmed: Callable[[], Iterable[bytes]] | None = None

    @cached_property
    def looked_at(self) -> list[Window]:
        """Windows that closed, and windows so far of blocks that fell quiet."""
        return list(looked_at(self.lines, SETTINGS))

    @cached_property
    def closed(self) -> list[Window]:
        """Windows that closed, of blocks that have a label."""
        return [window for window in self.looked_at if window.complete and window.block_id in self.failed]

    @cached_property
    def anomalous(self) -> frozenset[str]:
        """The blocks that failed."""
        return frozenset(block for block, failed in self.failed.items() if failed)

    @cached_property
    def digest(self) -> str:
        """Of lines and labels."""
        digest = hashlib.blake2b(repr(sorted(self.failed.items())).encode(), digest_size=12)
        for line in self.lines:
            digest.update(line + b"\n")
        return digest.hexdigest()

    @cached_property
    def end(self) -> int:
        """The time of the last line, in epoch ms."""
        return max(window.times[-1] for window in self.closed)

    @cached_property
    def faults(self) -> dict[str, int]:
        """When each failed block first departs from what it would have been, in epoch ms: at the first line too many or
        too few. Healthy lives of a simulation are the same at any rate of failures. Empty for real logs.
        """
        if self.unharmed is None:
            return {}
        before = _lives(looked_at(self.unharmed(), SETTINGS), self.anomalous)
        after = _lives(self.closed, self.anomalous)
        departs = {block: (life - before[block]) + (before[block] - life) for block, life in after.items()}
        return {block: min(lines)[0] for block, lines in departs.items() if lines}

    def all(self) -> Given:
        """The whole log to learn from."""
        return Given(self.lines, self.looked_at)

    def first(self, lines: int) -> Given:
        """Its first lines, windowed as if there were no more."""
        head = self.lines[:lines]
        return Given(head, list(looked_at(head, SETTINGS)))


def bag_of(texts: Sequence[str]) -> Bag:
    """A window's lines without their order."""
    return tuple(sorted(Counter(texts).items()))


def read_log(lines: Path, labels: Path) -> Log:
    """A log with labels of its blocks; raises InputError."""
    return Log(lines.name.split(".")[0], list(read_lines([str(lines)])), read_labels(labels))


def simulated_log(blocks: int, rate: float, seed: int, failures: Sequence[str] = tuple(FAILURES)) -> Log:
    """A simulated cluster, where it is known how and when each block failed."""
    simulation = simulate(blocks, rate, seed, failures)
    lines: list[bytes] = []
    failed: dict[str, bool] = {}
    modes: dict[str, str] = {}
    for chunk in simulation.chunks():
        lines += chunk.lines
        failed |= {label.block_id: label.anomalous for label in chunk.labels}
        modes |= {label.block_id: label.failure for label in chunk.labels if label.failure}
    return Log(f"simulated {seed}", lines, failed, modes, lambda: simulate(blocks, 0.0, seed, failures).lines())


def _lives(windows: Iterable[Window], wanted: frozenset[str]) -> dict[str, _Life]:
    lives: dict[str, _Life] = {}
    for window in windows:
        if window.complete and window.block_id in wanted:
            lives.setdefault(window.block_id, Counter()).update(zip(window.times, window.texts, strict=True))
    return lives
