"""The model alone, in a process of its own: windows a second as they occur in a stream, beside the usual way.

The usual way: the words of a window's lines in order, WordPiece, cut or padded to 256 tokens, one forward pass of a
BERT-mini for each window. Ours is the shipped scorer, encoding and calibration included, on 512 windows at a time as
the daemon has them: with a memo that is empty when a round begins, and without one, on batches in which no two windows
are equal.

``python -m bench.speed.model LOG|- LINES SECONDS ROUNDS`` prints JSON: windows/s of each way, one a round.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import orjson

from bench.speed.log import stream_lines
from bench.tokens.plain import MAX_TOKENS, PlainEncoder, plain_model
from model.bert import padded
from model.scorer import BertScorer
from stream.windows.files import looked_at

_USUAL, _NO_MEMO, _MEMO = "usual way", "model-no-memo", "model"
_BATCH = 512

Work = TypeVar("Work")
Seen = tuple[tuple[str, ...], bool]
"""Masked lines of a window, and whether it is complete."""
Way = Callable[[float], float]
"""Works for so many seconds; returns windows/s."""


def main(log: str, lines: str, seconds: str, rounds: str) -> None:
    """Measure and print."""
    source = None if log == "-" else Path(log)
    raw = (raw for _, raw in stream_lines(int(lines), source))
    windows = [(tuple(window.texts), window.complete) for window in looked_at(raw)]
    ways = {_USUAL: usual(windows), _NO_MEMO: without_memo(windows), _MEMO: with_memo(windows)}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(int(rounds)):
        for name, way in ways.items():
            found[name].append(way(float(seconds)))
    sys.stdout.buffer.write(orjson.dumps(found))


def usual(windows: Sequence[Seen]) -> Way:
    """Each window by itself, at the full length. Pieces of a line are remembered, so the time is the model's."""
    encoder = PlainEncoder(sorted({text for texts, _ in windows for text in texts}))
    model = plain_model(encoder).requires_grad_(False).eval()

    def one(window: Seen) -> int:
        model(*padded([encoder.encode(window[0])], MAX_TOKENS, 1))
        return 1

    return lambda seconds: _rate(windows, one, seconds)


def without_memo(windows: Sequence[Seen]) -> Way:
    """Every window is computed."""
    batches = list(_unequal(windows))
    scorer = BertScorer.load(memo=False)
    return lambda seconds: _rate(batches, lambda batch: _score(scorer, batch), seconds)


def with_memo(windows: Sequence[Seen]) -> Way:
    """All windows of the stream once, whatever time that takes, by a scorer that knows none before."""
    batches = [windows[i : i + _BATCH] for i in range(0, len(windows), _BATCH)]

    def once(_: float) -> float:
        scorer = BertScorer.load(memo=True)
        begun = time.perf_counter()
        done = sum(_score(scorer, batch) for batch in batches)
        return done / (time.perf_counter() - begun)

    return once


def _unequal(windows: Sequence[Seen]) -> Iterator[Sequence[Seen]]:
    """Batches of windows as they come, leaving out of each those that are in it already; order in a window is none."""
    batch: dict[Seen, Seen] = {}
    for texts, complete in windows:
        batch.setdefault((tuple(sorted(texts)), complete), (texts, complete))
        if len(batch) == _BATCH:
            yield list(batch.values())
            batch = {}
    if batch:
        yield list(batch.values())


def _score(scorer: BertScorer, batch: Sequence[Seen]) -> int:
    scorer.score([texts for texts, _ in batch], [complete for _, complete in batch])
    return len(batch)


def _rate(work: Sequence[Work], do: Callable[[Work], int], seconds: float) -> float:
    """Do piece after piece, from the beginning again at the end, for so many seconds."""
    done, number, begun = 0, 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        done += do(work[number % len(work)])
        number += 1
    return done / spent


if __name__ == "__main__":
    main(*sys.argv[1:])
