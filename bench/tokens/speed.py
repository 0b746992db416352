"""Windows a second and tokens a window: every window computed, equal ones too, in the batches of ``model.inference``.

A second of the processor is beside a second of the clock, since other processes may take some of that.

The number of threads is decided when torch is loaded: run it in a process of its own with OMP_NUM_THREADS.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from bench.tokens.plain import PlainEncoder, plain_model
from model.bert import TinyLogBERT, padded
from stream.windows.files import windows_of
from training.base import fresh

Ids = tuple[int, ...]

_ROWS = 8


def measure(lines: Iterable[bytes], count: int, seconds: float) -> dict[str, dict[str, Any]]:
    """Figures of ours and of plain WordPiece on the first ``count`` closed windows, each for about so many seconds."""
    windows = [window.texts for window in islice(windows_of(lines), count)]
    kinds = sorted({text for texts in windows for text in texts})
    ours, encoder = fresh(kinds)
    plain = PlainEncoder(kinds)
    return {
        "ours": _speed(windows, lambda texts: encoder.encode(texts, True), ours, seconds),
        "plain": {
            **_speed(windows, plain.encode, plain_model(plain), seconds),
            "cut_share": float(np.mean([len(plain.body(texts)) > 254 for texts in windows])),
        },
    }


def _speed(
    windows: Sequence[Sequence[str]], encode: Callable[[Sequence[str]], Ids], model: TinyLogBERT, seconds: float
) -> dict[str, Any]:
    model.requires_grad_(False).eval()
    encoded = [encode(texts) for texts in windows]
    done, begun, processor = 0, time.perf_counter(), time.process_time()
    while (spent := time.perf_counter() - begun) < seconds:
        done += _some(windows, encode, model, begun + seconds)
    tokens = np.array([len(ids) for ids in encoded])
    quantiles = {f"p{q}": float(np.percentile(tokens, q)) for q in (50, 99)}
    rates = {"windows_per_s": done / spent, "windows_per_cpu_s": done / (time.process_time() - processor)}
    return {**rates, "tokens": {"mean": float(tokens.mean()), **quantiles}}


def _some(
    windows: Sequence[Sequence[str]], encode: Callable[[Sequence[str]], Ids], model: TinyLogBERT, deadline: float
) -> int:
    """Encode and score windows until the deadline; return how many. 512 at a time, as the daemon has them."""
    done = 0
    for start in range(0, len(windows), 512):
        by_length: dict[int, list[Ids]] = {}
        for texts in windows[start : start + 512]:
            ids = encode(texts)
            by_length.setdefault(-(-len(ids) // 8) * 8, []).append(ids)
        for length, same in by_length.items():
            for i in range(0, len(same), _ROWS):
                batch = same[i : i + _ROWS]
                model(*padded(batch, length, _ROWS))
                done += len(batch)
                if time.perf_counter() > deadline:
                    return done
    return done
