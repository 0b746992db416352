"""What is to be measured: folds with their seeds, each made once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.detection.folds import Fold, chance_folds, mode_folds, time_folds, window_folds
from bench.detection.log import Log, simulated_log

KINDS = ("chance", "time", "window", "mode")
PROTOCOLS = ("unlabelled", "normal-only")
_LEARNED_RATE, _JUDGED_RATE = 0.03, 0.06  # more failures in what is judged, so that each mode has some


@dataclass(frozen=True)
class Wanted:
    """What a person may choose; ``blocks`` are those of a simulation, ``steps`` and ``epochs`` TinyLogBERT's."""

    methods: Sequence[str]
    kinds: Sequence[str] = KINDS
    protocols: Sequence[str] = PROTOCOLS
    seeds: int = 3
    every_seed: bool = False
    blocks: int = 2000
    steps: int = 400
    epochs: int = 0
    false_alarms: float = 1e-3


@dataclass(frozen=True)
class Task:
    """One fold with its seed, and the log that is learned from."""

    fold: Fold
    learned: Log
    seed: int


def plan(log: Log | None, wanted: Wanted) -> Iterator[Task]:
    """Folds of the log by chance, by time and by window, and of simulations (one pair a seed) by mode.

    Each fold has one seed, the next one another, so that three seeds cost no more than one. With ``every_seed`` each
    fold by time has all of them, and each seed deals blocks and distinct windows out anew.
    """
    seeds = range(wanted.seeds)
    if log is not None:
        yield from _of_log(log, wanted)
    for seed in seeds if "mode" in wanted.kinds else ():
        learned, judged = (
            simulated_log(wanted.blocks, rate, 2 * seed + 1 + i) for i, rate in enumerate((_LEARNED_RATE, _JUDGED_RATE))
        )
        for i, fold in enumerate(mode_folds(learned, judged)):
            if wanted.every_seed or i % wanted.seeds == seed:
                yield Task(fold, learned, seed)


def _of_log(log: Log, wanted: Wanted) -> Iterator[Task]:
    seeds = range(wanted.seeds)
    for i, fold in enumerate(time_folds(log)) if "time" in wanted.kinds else ():
        yield from (Task(fold, log, seed) for seed in (seeds if wanted.every_seed else [i % wanted.seeds]))
    for kind, dealt in (("chance", chance_folds), ("window", window_folds)):
        for deal in (seeds if wanted.every_seed else [0]) if kind in wanted.kinds else ():
            for i, fold in enumerate(dealt(log, seed=deal)):
                yield Task(fold, log, deal if wanted.every_seed else i % wanted.seeds)
