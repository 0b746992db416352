"""Simulated failures, judged as the daemon judges them, and whether the evidence of their windows names the fault."""

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from bench.evidence.truth import Truth, truths
from bench.evidence.watched import WatchedScorer
from stream.simulator import BlockLabel, Simulation
from stream.windows.due import Due
from stream.windows.files import windows_of
from stream.windows.judge import judge
from stream.windows.window import Window

TOP = 3
_BATCH = 512

Event = dict[str, Any]


def measure(simulation: Simulation, scorer: WatchedScorer, told: Callable[[int, int], None]) -> dict[str, Any]:
    """Every figure as JSON values; ``told`` hears how many windows of about how many are done."""
    worst: dict[str, Event] = {}
    windows = anomalous = 0
    for events in _judged(windows_of(simulation.lines()), scorer):
        windows += len(events)
        anomalous += sum(event["anomalous"] for event in events)
        for event in events:
            seen = worst.get(event["block_id"])
            if seen is None or event["score"] > seen["score"]:
                worst[event["block_id"]] = event
        told(windows, max(windows, simulation.blocks))
    return {
        "checkpoint": scorer.checkpoint,
        **places(simulation.labels(), worst, truths()),
        "windows": windows,
        "anomalous_windows": anomalous,
        "explained": len(scorer.explained),
        **_costs(scorer),
    }


def places(labels: Iterable[BlockLabel], worst: dict[str, Event], truth: dict[str, Truth]) -> dict[str, Any]:
    """For each failure: blocks, detected ones, and those whose fault is among the first 1, 2 and 3 of the evidence.

    ``worst`` is the event of each block's highest-scoring closed window.
    """
    found: dict[str, list[tuple[bool, int | None]]] = defaultdict(list)
    false = 0
    for label in labels:
        event = worst[label.block_id]
        if label.failure is None:
            false += event["anomalous"]
            continue
        place = truth[label.failure].place(event["evidence"])
        found[label.failure].append((event["anomalous"], place))
    everything = [each for several in found.values() for each in several]
    rows = {name: _row(found[name]) for name in truth if name in found}
    return {"failures": rows, "all": _row(everything), "false_alarms": false}


def _row(found: list[tuple[bool, int | None]]) -> dict[str, Any]:
    places = [place for anomalous, place in found if anomalous]
    shares = {
        f"top_{k}": sum(p is not None and p <= k for p in places) / len(places) if places else None
        for k in range(1, TOP + 1)
    }
    return {"blocks": len(found), "detected": len(places), **shares}


def _judged(windows: Iterator[Window], scorer: WatchedScorer) -> Iterator[list[Event]]:
    while batch := list(islice(windows, _BATCH)):
        due = [Due(window.block_id.encode(), window, None) for window in batch]
        yield [judged.event for judged in judge(due, scorer, ("simulated", 0))]


def _costs(scorer: WatchedScorer) -> dict[str, Any]:
    """Medians and the greatest, over explained windows; what the memo knew cost nothing."""
    found = scorer.explained
    if not found:
        return {"cost": None}
    names = ("batches", "windows", "seconds")
    values = {name: [getattr(each, name) for each in found] for name in names}
    return {"cost": {name: {"median": statistics.median(v), "most": max(v)} for name, v in values.items()}}
