"""What is measured: a method learns from unlabelled lines and becomes a scorer, with thresholds of its own choice."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from bench.detection.log import SETTINGS, Given
from model.baselines import DETECTORS, BaselineScorer
from model.calibration import Calibration
from stream.scoring import Score, Scorer, Surprise
from training.bags import HELD_OUT, Bag, matrix
from training.baselines.fit import BaselineRecipe, fit_baseline
from training.calibrate import apart_above, calibrate
from training.optimism import calibrating, held, optimism
from training.prefixes import PrefixTeacher
from training.shown import Shown
from training.teacher import Teacher, fit_teacher


@dataclass(frozen=True)
class Asked:
    """One fit: chance, the budget of false alarms (a share of windows), and whether all failures were taken out."""

    seed: int
    false_alarms: float
    healthy: bool


class Method(Protocol):
    """Learns from lines alone."""

    @property
    def name(self) -> str:
        """Stands in tables."""
        ...

    def fit(self, given: Given, asked: Asked, place: Path, progress: Shown) -> Scorer:
        """A scorer; ``place`` is a folder that may be there already, from the same fit, and need not be made."""
        ...


@dataclass(frozen=True)
class Simple:
    """A simple detector (``model.baselines``)."""

    name: str

    def fit(self, given: Given, asked: Asked, place: Path, progress: Shown) -> Scorer:
        """See ``Method.fit``."""
        recipe = BaselineRecipe(self.name, asked.seed, f"{asked.false_alarms:g}")
        return BaselineScorer(fit_baseline(given.corpus(HELD_OUT), recipe))


@dataclass(frozen=True)
class Teaching:
    """What TinyLogBERT is taught, alone: how good the head could be if it copied its teacher without an error."""

    name: str = "teacher"

    def fit(self, given: Given, asked: Asked, place: Path, progress: Shown) -> Scorer:
        """See ``Method.fit``."""
        corpus = given.corpus(HELD_OUT)
        kinds, counted = corpus.kinds(), corpus.closed.fitted
        counts, weights = matrix(list(counted), kinds), np.array(list(counted.values()), float)
        teacher = fit_teacher(counts, weights, kinds, healthy=asked.healthy)
        scorer = TeacherScorer(teacher, PrefixTeacher(teacher, counts, weights), kinds)
        better = optimism(counted, corpus.fitted_lives, kinds, asked.healthy)
        closed, opened = (scorer.values(bags, i == 0) for i, bags in enumerate(calibrating(corpus)))
        looked = held(corpus, closed, opened, better)
        above = math.inf if asked.healthy else apart_above(looked)
        scorer.calibration = calibrate(looked, asked.false_alarms, above=above)
        return scorer


class TeacherScorer:
    """A teacher behind the stream's seam; calibrate it before it judges."""

    checkpoint, material = "teacher", 1.0

    def __init__(self, teacher: Teacher, prefixes: PrefixTeacher, kinds: list[str]) -> None:
        self._by_completeness: dict[bool, Teacher | PrefixTeacher] = {True: teacher, False: prefixes}
        self._kinds = kinds
        self.calibration: Calibration | None = None

    def values(self, bags: Sequence[Bag], complete: bool) -> dict[Bag, float]:
        """Raw scores of bags of one completeness."""
        if not bags:
            return {}
        found = self._by_completeness[complete].target(matrix(bags, self._kinds))
        return dict(zip(bags, found.round(4).tolist(), strict=True))

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        """See ``Scorer.score``."""
        assert self.calibration is not None, "it is calibrated where it is made"
        bags = [tuple(sorted(Counter(texts).items())) for texts in windows]
        sides = {
            side: self.values([bag for bag, done in zip(bags, complete, strict=True) if done is side], side)
            for side in (True, False)
        }
        return [self.calibration.judge(sides[done][bag], done) for bag, done in zip(bags, complete, strict=True)]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        """It cannot say."""
        return []


@dataclass(frozen=True)
class Bert:
    """TinyLogBERT, trained as ``tinylogbert train`` does, and going on where a run was cut."""

    steps: int
    epochs: int
    name: str = "TinyLogBERT"

    def fit(self, given: Given, asked: Asked, place: Path, progress: Shown) -> Scorer:
        """See ``Method.fit``."""
        from model.scorer import BertScorer
        from training.fit import Recipe, train

        if not (place / "config.json").is_file():  # the last file of a checkpoint
            recipe = Recipe(
                seed=asked.seed, epochs=self.epochs, steps=self.steps, healthy=asked.healthy,
                false_alarms=f"{asked.false_alarms:g}",
            )  # fmt: skip
            place.mkdir(parents=True, exist_ok=True)
            train(iter(given.lines), place, recipe, SETTINGS, progress, given.left_out, keep=place / "kept.safetensors")
        return BertScorer.load(place)


def methods(steps: int, epochs: int) -> dict[str, Method]:
    """What can be asked for, by name."""
    return {"teacher": Teaching(), **{name: Simple(name) for name in DETECTORS}, "bert": Bert(steps, epochs)}
