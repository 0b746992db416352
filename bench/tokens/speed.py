"""Windows a second and tokens a window, without a memo: every window computed, equal ones too.

Ours and plain WordPiece go through the forward pass of scoring (``model.flat``); the usual way is plain WordPiece
padded to 256 tokens and one pass of the encoder a window.

A second of the processor is beside a second of the clock, since other processes may take some of that.

The number of threads is decided when torch is loaded: run it in a process of its own with OMP_NUM_THREADS.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from bench.tokens.plain import MAX_TOKENS, PlainEncoder, plain_model
from model.bert import TinyLogBERT, padded
from model.inference import flat
from stream.windows.files import windows_of
from training.base import fresh

Ids = tuple[int, ...]
Score = Callable[[Sequence[Ids]], object]

_TOGETHER = 512  # as the daemon has them


def measure(lines: Iterable[bytes], count: int, seconds: float) -> dict[str, dict[str, Any]]:
    """Figures of ours, of plain WordPiece and of the usual way on the first ``count`` closed windows.

    Each is measured for about so many seconds.
    """
    windows = [window.texts for window in islice(windows_of(lines), count)]
    kinds = sorted({text for texts in windows for text in texts})
    ours, encoder = fresh(kinds)
    plain = PlainEncoder(kinds)
    published = plain_model(plain).requires_grad_(False).eval()
    cut = {"cut_share": float(np.mean([len(plain.body(texts)) > MAX_TOKENS - 2 for texts in windows]))}
    bag = partial(encoder.encode, complete=True)
    return {
        "ours": _speed(windows, bag, flat(ours).scores, seconds),
        "plain": {**_speed(windows, plain.encode, flat(published).scores, seconds), **cut},
        "usual": {**_speed(windows, plain.encode, partial(_one_by_one, published), seconds, 1), **cut},
    }


def _one_by_one(model: TinyLogBERT, encoded: Sequence[Ids]) -> None:
    for ids in encoded:
        model(*padded([ids], MAX_TOKENS, 1))


def _speed(
    windows: Sequence[Sequence[str]],
    encode: Callable[[Sequence[str]], Ids],
    score: Score,
    seconds: float,
    together: int = _TOGETHER,
) -> dict[str, Any]:
    tokens = np.array([len(encode(texts)) for texts in windows])
    done, begun, processor = 0, time.perf_counter(), time.process_time()
    while (spent := time.perf_counter() - begun) < seconds:
        some = windows[done % len(windows) :][:together]
        score([encode(texts) for texts in some])
        done += len(some)
    quantiles = {f"p{q}": float(np.percentile(tokens, q)) for q in (50, 99)}
    rates = {"windows_per_s": done / spent, "windows_per_cpu_s": done / (time.process_time() - processor)}
    return {**rates, "tokens": {"mean": float(tokens.mean()), **quantiles}}
