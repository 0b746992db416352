"""A scorer held against its teacher, step by step."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.detection.judge import scored
from bench.detection.log import Given
from bench.detection.methods import Asked, Teaching
from bench.fidelity.steps import AS_IT_IS, STEPS, stepped
from stream.errors import InputError
from stream.scoring import Score, Scorer
from training.bags import HELD_OUT, Bag, Floats, matrix


def measure(given: Given, scorer: Scorer, asked: Asked, windows: int) -> list[dict[str, Any]]:
    """For complete windows and for prefixes, and for each step, how the scorer differs from a teacher of these lines.

    So many ``windows`` are drawn, each distinct one by the root of its number, of those of known kinds that the teacher
    does not call anomalous. A row has ``complete``, ``step``, ``windows``, ``rms`` (of differences in score, less the
    median one of windows as they are; in units of the teacher's log error), ``anomalous`` (a share, by the teacher),
    ``missed`` (of these) and ``false`` (of the others; None where there is none), verdicts each at its own threshold.
    A step that leaves no line in any window has no row. Raises InputError if there is no window to learn from.
    """
    corpus = given.corpus(HELD_OUT)
    if not corpus.closed.fitted:
        raise InputError("there is no window in these lines: none names a block and has a time")
    teacher = Teaching().fit(given, asked, Path(), lambda *_: None)
    found = []
    for complete, side in ((True, corpus.closed), (False, corpus.open)):
        drawn = _drawn(side.fitted, corpus.kinds(), teacher, complete, windows, np.random.default_rng(asked.seed))
        apart = 0.0
        for step in STEPS if len(drawn) else ():
            rows = stepped(drawn, step, np.random.default_rng((asked.seed, 1)))
            if not len(rows):
                continue
            bags = [_bag(row, corpus.kinds()) for row in rows]
            theirs, ours = (_judged(judge, bags, complete) for judge in (teacher, scorer))
            difference = _values(ours) - _values(theirs)
            apart = float(np.median(difference)) if step == AS_IT_IS else apart
            found.append({"complete": complete, "step": step, **_compared(difference - apart, theirs, ours)})
    return found


def _drawn(
    counted: Counter[Bag], kinds: list[str], teacher: Scorer, complete: bool, number: int, rng: np.random.Generator
) -> Floats:
    known = set(kinds)
    bags = [bag for bag in sorted(counted) if all(text in known for text, _ in bag)]
    bags = [bag for bag, score in zip(bags, _judged(teacher, bags, complete), strict=True) if not score.anomalous]
    share = np.sqrt([counted[bag] for bag in bags])
    rows = matrix(bags, kinds)
    return rows[rng.choice(len(rows), number, p=share / share.sum())] if len(rows) else rows


def _bag(row: Floats, kinds: list[str]) -> Bag:
    return tuple(sorted((kinds[i], int(row[i])) for i in np.flatnonzero(row[:-1])))


def _judged(scorer: Scorer, bags: Sequence[Bag], complete: bool) -> list[Score]:
    found = scored(scorer, bags, complete)
    return [found[bag] for bag in bags]


def _values(scores: Sequence[Score]) -> Floats:
    return np.array([score.value for score in scores])


def _compared(difference: Floats, theirs: Sequence[Score], ours: Sequence[Score]) -> dict[str, Any]:
    taught, said = (np.array([score.anomalous for score in scores], np.bool_) for scores in (theirs, ours))
    return {
        "windows": len(difference),
        "rms": float(np.sqrt(np.mean(difference**2))),
        "anomalous": float(taught.mean()),
        "missed": float(1 - said[taught].mean()) if taught.any() else None,
        "false": float(said[~taught].mean()) if not taught.all() else None,
    }
