"""Healthy windows with one line exchanged for one that training never saw, or with one added, and their scores."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bench.words.lines import FAILURES, NEWS, REWORDED
from stream.scoring import Scorer
from training.evaluate import average_precision, roc_auc

Bag = Counter[str]
Groups = dict[str, list[list[str]]]

GROUPS = ("healthy", "reworded", "news exchanged", "failure exchanged", "news added", "failure added")
#: What is held against each other: failures, and what is harmless in the same place.
COMPARED = (("failure exchanged", "reworded"), ("failure added", "news added"), ("failure added", "reworded"))


def groups(bases: Sequence[Bag], seed: int) -> Groups:
    """Windows of each group, by name; every rewording, news and failure goes into as many windows.

    *reworded*: all lines of one known kind say the same in other words. *news exchanged* and *failure exchanged*: in
    the same windows, the same lines are harmless news or a failure instead. *news added* and *failure added*: one line
    more. So windows of the first three groups, and of the last two, differ in words alone.
    """
    rng = random.Random(seed)
    made: Groups = {name: [] for name in GROUPS}
    for number, bag in enumerate(bases):
        made["healthy"].append(_lines(bag))
        for i, (known, reworded) in enumerate(_rewordings(bag)):
            made["news exchanged"].append(_lines(_exchanged(bag, known, NEWS[(i + number) % len(NEWS)])))
            made["reworded"].append(_lines(_exchanged(bag, known, reworded)))
            made["failure exchanged"].append(_lines(_exchanged(bag, known, rng.choice(FAILURES))))
        for i, failure in enumerate(FAILURES):
            made["failure added"].append(_lines(bag + Counter([failure])))
            made["news added"].append(_lines(bag + Counter([NEWS[(i + number) % len(NEWS)]])))
    return made


def measure(made: Groups, scorer: Scorer) -> dict[str, Any]:
    """Share of each group that is anomalous, median scores, and how well failures are told from what is harmless."""
    shares, medians, values = {}, {}, {}
    for name, windows in made.items():
        scores = scorer.score(windows, [True] * len(windows))
        values[name] = np.array([score.value for score in scores])
        shares[name] = float(np.mean([score.anomalous for score in scores]))
        medians[name] = float(np.median(values[name]))
    compared = {f"{bad} / {good}": _told(values[bad], values[good]) for bad, good in COMPARED}
    return {"scorer": scorer.checkpoint, "anomalous": shares, "median_score": medians, "told_apart": compared}


def _told(bad: Any, good: Any) -> dict[str, float]:
    scores, labels = np.concatenate([bad, good]), np.arange(len(bad) + len(good)) < len(bad)
    return {"roc_auc": roc_auc(scores, labels), "average_precision": average_precision(scores, labels)}


def _rewordings(bag: Bag) -> Iterator[tuple[str, str]]:
    for known, several in REWORDED.items():
        if known in bag:
            yield from ((known, reworded) for reworded in several)


def _exchanged(bag: Bag, known: str, other: str) -> Bag:
    return Counter({other if text == known else text: number for text, number in bag.items()})


def _lines(bag: Bag) -> list[str]:
    return sorted(bag.elements())
