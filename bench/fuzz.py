"""Damaged lines through the pipeline: none raises, each is a line of a window, is counted, or is a dead letter.

    python -m bench.fuzz --lines 1000000 --seed 1

Real forms of lines are damaged at random: bytes changed, left out, put in, doubled; pieces of two joined. Both stages
of the daemon run, without a broker; what is bound is the number of lines, not the time.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from bench.fuzzforms import FORMS, PLAIN
from stream.errors import StateError
from stream.kafka.messages import Headers, Record
from stream.kafka.route import RouteStage
from stream.kafka.score import ScoreStage
from stream.scoring import Score, Surprise
from stream.settings import Settings

_TOKENS = (
    *(
        b"blk_1",
        b"blk_-",
        b"\n",
        b"\t",
        b"\n\tat a.b.C(D.java:1)",
        b"{",
        b"}",
        b'"',
        b"\\",
        b"\\u0000",
        b"\\ud800",
        b"[",
    ),
    *(b"<13>", b"\xff", b"\xc3", b"\x00", b"\x16", b"999999999999999999999", b"-1", b"1e999", b"null", b"...", b"/"),
    *(
        b"Caused by: ",
        b"java.io.IOException",
        b"2023-10-10 08:02:30,123 INFO x.Y: ",
        "\N{SNOWMAN}".encode(),
        b" " * 300,
    ),
    *(b"blk_%d " * 1100 % tuple(range(1100)), b"[" * 2000, b"x" * 70_000),
)


class Same:
    """A scorer that says the same of every window."""

    checkpoint, material = "same", 0.5

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        """One score a window."""
        return [Score(0.0, 0.5, False, "normal") for _ in windows]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        """Nothing."""
        return []


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as a consumer would hand it over."""

    number: int
    record: Record

    def topic(self) -> str:  # noqa: D102
        return self.record.topic

    def partition(self) -> int:  # noqa: D102
        return 0

    def offset(self) -> int:  # noqa: D102
        return self.number

    def key(self) -> bytes | None:  # noqa: D102
        return self.record.key

    def value(self) -> bytes | None:  # noqa: D102
        return self.record.value

    def headers(self) -> Headers | None:  # noqa: D102
        return self.record.headers


def damaged(rng: random.Random) -> bytes:
    """A line of one of the forms, damaged in a few places; now and then not at all, or out of nothing."""
    line = bytearray(rng.choice(FORMS if rng.random() < 0.8 else PLAIN))
    if rng.random() < 0.02:
        return rng.randbytes(rng.randrange(200))
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 8))):
        rng.choice(_DAMAGES)(line, rng)
    return bytes(line)


def _place(line: bytearray, rng: random.Random) -> tuple[int, int]:
    begin = rng.randrange(len(line) + 1)
    return begin, min(len(line), begin + int(rng.expovariate(0.1)))


def _change(line: bytearray, rng: random.Random) -> None:
    if line:
        line[rng.randrange(len(line))] = rng.randrange(256)


def _leave_out(line: bytearray, rng: random.Random) -> None:
    begin, end = _place(line, rng)
    del line[begin:end]


def _cut(line: bytearray, rng: random.Random) -> None:
    del line[rng.randrange(len(line) + 1) :]


def _put_in(line: bytearray, rng: random.Random) -> None:
    begin, _ = _place(line, rng)
    line[begin:begin] = _TOKENS[min(int(rng.expovariate(0.12)), len(_TOKENS) - 1)]


def _double(line: bytearray, rng: random.Random) -> None:
    begin, end = _place(line, rng)
    line[begin:begin] = line[begin:end] * rng.choice((1, 2, 30))


def _join(line: bytearray, rng: random.Random) -> None:
    other = rng.choice(FORMS)
    line[rng.randrange(len(line) + 1) :] = other[rng.randrange(len(other) + 1) :]


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (_change, _leave_out, _cut, _put_in, _double, _join)


class Fuzzed:
    """Both stages, fed message by message; ``outcomes`` counts what became of them."""

    def __init__(self, settings: Settings) -> None:
        self.outcomes: Counter[str] = Counter()
        self._settings = settings
        self._route = RouteStage(settings, settings.new_reader(), 1, 1)
        self._score = ScoreStage(settings, Same(), settings.new_reader(), 1)
        self._route.assign(0)
        self._score.assign(0, self._score.new_task(0))
        self._number = self._routed = 0

    def feed(self, raw: bytes) -> None:
        """One message; raise StateError if nothing became of it, or the score stage cannot read what it was sent."""
        sent: list[Record] = []
        before = self._counts()
        self._route.lines_of(0, [Sent(self._number, Record(self._settings.raw_topic, None, raw))], sent.append)
        lines = [record for record in sent if record.topic == self._settings.lines_topic]
        letters = [record for record in sent if record.topic == self._settings.dead_letter_topic]
        became = "window" if lines else "dead letter" if letters else self._counted(before)
        self.outcomes[became] += 1
        self._score.lines_of(0, [Sent(self._routed + i, record) for i, record in enumerate(lines)])
        self._number += 1
        self._routed += len(lines)
        if self._score.dead or len(sent) != len(lines) + len(letters):
            raise StateError(f"what route sent cannot be read: {raw[:2000]!r}")

    def commit(self) -> None:
        """What a worker does at the end of a commit interval, without a broker."""
        now = float(self._number)
        control: list[Record] = []
        self._route.notes()
        self._route.tell(now, control.append)
        self._score.lines_of(0, [Sent(self._routed + i, record) for i, record in enumerate(control)])
        self._routed += len(control)
        self._score.publish(now, lambda record: None)
        self._score.committed()

    def _counts(self) -> tuple[int, int]:
        return self._route.no_block, self._route.continued

    def _counted(self, before: tuple[int, int]) -> str:
        no_block, continued = (now - then for now, then in zip(self._counts(), before, strict=True))
        if no_block + continued < 1:
            raise StateError("a line was lost")
        return "continued" if continued else "without a block"


def fuzz(lines: int, seed: int, settings: Settings) -> Iterator[Counter[str]]:
    """Feed so many damaged lines; yields the outcomes so far once a commit, and at the end."""
    rng, fuzzed = random.Random(seed), Fuzzed(settings)
    for number in range(1, lines + 1):
        raw = damaged(rng)
        try:
            fuzzed.feed(raw)
        except Exception:
            print(f"line {number} of seed {seed}: {raw[:2000]!r}", file=sys.stderr)
            raise
        if number % 2_000 == 0 or number == lines:
            fuzzed.commit()
            yield fuzzed.outcomes


def main() -> None:
    """Run it and print the outcomes as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--block-pattern", help="Name windows by this instead.")
    asked = parser.parse_args()
    begun, outcomes = time.process_time(), Counter[str]()
    settings = Settings(max_open_windows=1_000, block_pattern=asked.block_pattern)
    for outcomes in fuzz(asked.lines, asked.seed, settings):
        if sys.stderr.isatty():
            print(f"\r{outcomes.total():,} of {asked.lines:,} lines", end="", file=sys.stderr)
    seconds = round(time.process_time() - begun, 1)
    print(orjson.dumps({"lines": outcomes.total(), "seed": asked.seed, **outcomes, "seconds": seconds}).decode())


if __name__ == "__main__":
    main()
