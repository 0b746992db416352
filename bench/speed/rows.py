"""What can be asked for beside the contestants, as rows: latency and start of the daemon, the model alone, training."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import orjson

from bench.speed import latency, training
from bench.speed.figures import Figure
from bench.speed.log import stream_lines
from stream.errors import InputError

Say = Callable[[str], None]

USUAL = "usual way"
_GOALS = {"model-no-memo": 20.0, "model": 300.0}
_START_S = 5.0
_TRAINED = 100_000
_LATENCY_LINES = 150_000
_BLOCKS = 700
_MODEL_LINES = 300_000


def latencies(address: str, folder: Path, log: Path | None, rounds: int, say: Say) -> list[Figure]:
    """Latency and start of our daemon, on keyed input and with any key."""
    blocks = latency.blocks_of(list(stream_lines(_LATENCY_LINES, log)), _BLOCKS)
    if len(blocks) < _BLOCKS:
        raise InputError(f"the log has {len(blocks)} blocks of {latency.LINES_A_BLOCK} lines, fewer than {_BLOCKS}")
    found: dict[str, list[latency.Steady]] = {kind: [] for kind in latency.KINDS}
    for number in range(rounds):
        for kind, runs in found.items():
            runs.append(latency.measure(address, folder, kind, blocks))
            middle = np.median(runs[-1].latencies_ms)
            say(f"round {number + 1} of {rounds}, {kind}: started in {runs[-1].start_s:.1f} s, latency {middle:.0f} ms")
    return latency_figures(found)


def latency_figures(found: Mapping[str, Sequence[latency.Steady]]) -> list[Figure]:
    """Percentiles of each round, and the starts."""
    figures = [
        Figure("from a line to its event, without lag", f"{kind} p{q}", "ms", [_percentile(r, q) for r in runs])
        for kind, runs in found.items()
        for q in (50, 99)
    ]
    section = "from the start of the daemon to its first commit"
    starts = {kind: [run.start_s for run in runs] for kind, runs in found.items()}
    return figures + [Figure(section, kind, "s", s, goal=_START_S, least=False) for kind, s in starts.items()]


def _percentile(run: latency.Steady, q: int) -> float:
    return float(np.percentile(run.latencies_ms, q))


def model(log: Path | None, seconds: float, rounds: int) -> list[Figure]:
    """Windows/s of the model alone, on one thread; raise InputError if it fails. Torch has a process of its own."""
    given = [str(log) if log else "-", str(_MODEL_LINES), str(seconds), str(rounds)]
    command = [sys.executable, "-m", "bench.speed.model", *given]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise InputError(f"the model's process ended with exit code {done.returncode}; see above")
    section = "the model alone, on one thread, windows as they occur"
    return [
        Figure(section, name, "windows/s", values, None if name == USUAL else USUAL, _GOALS.get(name))
        for name, values in orjson.loads(done.stdout).items()
    ]


def trained(log: Path | None, folder: Path) -> list[Figure]:
    """The time of one training."""
    lines = (raw for _, raw in islice(stream_lines(_TRAINED, log), _TRAINED))
    return [Figure("training", f"{_TRAINED:,} lines", "s", [training.seconds(lines, folder)])]
