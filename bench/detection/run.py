"""Every method on every fold, and the study of criteria on the same folds; one after the other, with what is kept."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.detection.folds import Fold, normal_only
from bench.detection.judge import Prefixes, judge
from bench.detection.kept import Kept
from bench.detection.log import Log
from bench.detection.methods import Asked, Method
from bench.detection.plan import Task
from bench.detection.study import study
from stream.scoring import Scorer
from training.shown import WHOLE, Shown


def measure(
    tasks: Sequence[Task], chosen: Sequence[Method], protocols: Sequence[str], budget: float, kept: Kept, told: Shown
) -> list[dict[str, Any]]:
    """The figures of ``judge`` with what they are of; ``budget`` is the share of windows that may be false alarms."""
    cut = Prefixes()

    def one(method: Method, task: Task, protocol: str, fold: Fold) -> dict[str, Any]:
        asked = Asked(task.seed, budget, protocol == "normal-only")
        what = {"method": method.name, **_described(task, protocol), **asdict(asked), "made": repr(method)}

        def compute(place: Path) -> dict[str, Any]:
            named = f"{method.name}, {fold.kind}, {fold.name}, {protocol}, seed {asked.seed}"
            return judge(method.fit(fold.given, asked, place, _within(told, named)), fold, cut)

        return kept.result(what, compute)

    units = [(method, *unit) for method in chosen for unit in _units(tasks, protocols)]
    return _each(units, one, "folds", told)


def studies(tasks: Sequence[Task], protocols: Sequence[str], kept: Kept, told: Shown) -> list[dict[str, Any]]:
    """The rows of ``study`` on every fold."""

    def one(task: Task, protocol: str, fold: Fold) -> dict[str, Any]:
        what = {"study": True, **_described(task, protocol)}
        return kept.result(what, lambda place: {"rows": study(fold, task.seed, protocol == "normal-only")})

    found = _each(list(_units(tasks, protocols)), one, "criteria", told)
    return [{"protocol": each["protocol"], **row} for each in found for row in each["rows"]]


def as_loaded(log: Log, scorer: Scorer) -> dict[str, Any]:
    """The figures of a scorer that learned elsewhere, on all of a log; it may have learned from that very log."""
    what = {"method": scorer.checkpoint, "kind": "all", "fold": log.name, "protocol": "as loaded", "seed": None}
    return {**what, **judge(scorer, Fold("all", log.name, log, log.all(), log.closed), Prefixes())}


def _units(tasks: Sequence[Task], protocols: Sequence[str]) -> Iterator[tuple[Task, str, Fold]]:
    for protocol in protocols:
        for task in tasks:
            yield task, protocol, normal_only(task.fold, task.learned) if protocol == "normal-only" else task.fold


def _described(task: Task, protocol: str) -> dict[str, Any]:
    data = [task.learned.digest, task.fold.log.digest]
    return {"kind": task.fold.kind, "fold": task.fold.name, "protocol": protocol, "seed": task.seed, "data": data}


def _each(
    units: Sequence[tuple[Any, ...]], one: Callable[..., dict[str, Any]], name: str, told: Shown
) -> list[dict[str, Any]]:
    rows = []
    for done, unit in enumerate(units):
        told(name, done, len(units))
        rows.append(one(*unit))
    told(name, len(units), len(units))
    return rows


def _within(told: Shown, name: str) -> Shown:
    """Shows of a training how far the whole of it is, under this name."""

    def progress(stage: str, done: int, of: int, loss: float | None = None) -> None:
        if stage == WHOLE:
            told(name, done, of)

    return progress
