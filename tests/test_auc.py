"""The streaming AUC and average precision equal scikit-learn's on the same data, after every single event."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from training.auc import SortedScores, StreamingAuc

few_values = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, 1e300, math.inf])
any_values = st.floats(allow_nan=False, width=32) | few_values
events = st.lists(st.tuples(any_values, st.booleans()), max_size=60)


def of_scikit_learn(pairs: list[tuple[float, bool]]) -> tuple[float, float]:
    """Its figures; it refuses infinities, so the scores become ranks, which changes neither order nor ties."""
    ranks = np.unique([score for score, _ in pairs], return_inverse=True)[1]
    labels = [label for _, label in pairs]
    return roc_auc_score(labels, ranks), average_precision_score(labels, ranks)


def check(auc: StreamingAuc, pairs: list[tuple[float, bool]]) -> None:
    anomalous = sum(label for _, label in pairs)
    assert (auc.anomalous, auc.normal) == (anomalous, len(pairs) - anomalous)
    if anomalous in (0, len(pairs)):
        assert math.isnan(auc.roc_auc())
        assert math.isnan(auc.average_precision())
    else:
        expected = of_scikit_learn(pairs)
        assert (auc.roc_auc(), auc.average_precision()) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(events)
@settings(deadline=None, max_examples=60)
def test_every_event_gives_the_figures_of_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    auc = StreamingAuc(chunk=2)
    for i, (score, label) in enumerate(pairs):
        auc.add(score, label)
        check(auc, pairs[: i + 1])


@given(st.lists(st.tuples(few_values, st.booleans()), min_size=1, max_size=40), st.data())
@settings(deadline=None, max_examples=60)
def test_a_score_that_is_taken_back_leaves_no_trace(pairs: list[tuple[float, bool]], data: st.DataObject) -> None:
    auc = StreamingAuc(chunk=1)
    for score, label in pairs:
        auc.add(score, label)
    left = list(pairs)
    for pair in data.draw(st.permutations(pairs)):
        auc.remove(*pair)
        left.remove(pair)
        check(auc, left)


@given(st.lists(few_values, max_size=60), few_values)
def test_ranks_are_those_of_a_sorted_list(values: list[float], asked: float) -> None:
    scores = SortedScores(chunk=2)
    for value in values:
        scores.add(value)
    assert scores.values().tolist() == sorted(values)
    assert scores.below(asked) == sum(value < asked for value in values)
    assert scores.up_to(asked) == sum(value <= asked for value in values)


def test_the_order_of_the_events_changes_no_digit() -> None:
    random = np.random.default_rng(3)
    pairs = list(zip(random.normal(size=500).round(1).tolist(), (random.random(500) < 0.2).tolist(), strict=True))
    found = set()
    for _ in range(5):
        random.shuffle(pairs)
        auc = StreamingAuc(chunk=8)
        for score, label in pairs:
            auc.add(float(score), bool(label))
        found.add((auc.roc_auc(), auc.average_precision()))
    assert len(found) == 1


def test_all_scores_equal_are_as_good_as_chance() -> None:
    auc = StreamingAuc()
    for label in (True, False, False, False):
        auc.add(1.0, label)
    assert (auc.roc_auc(), auc.average_precision()) == (0.5, 0.25)


def test_nan_is_refused_and_changes_nothing() -> None:
    auc = StreamingAuc()
    with pytest.raises(ValueError, match="NaN"):
        auc.add(math.nan, True)
    assert (auc.anomalous, auc.normal) == (0, 0)


@pytest.mark.parametrize("missing", [0.5, 2.0, -math.inf])
def test_what_is_not_there_cannot_be_taken_back(missing: float) -> None:
    auc = StreamingAuc(chunk=1)
    for score in (1.0, 1.0, 1.0, 3.0):
        auc.add(score, False)
    with pytest.raises(ValueError, match="no score"):
        auc.remove(missing, False)
    assert auc.normal == 4


def test_a_hundred_thousand_events_take_less_than_three_seconds() -> None:
    random = np.random.default_rng(1)
    labels = random.random(100_000) < 0.03
    scores = random.normal(size=100_000) + 2 * labels
    auc = StreamingAuc()
    begun = time.process_time()
    for score, label in zip(scores.tolist(), labels.tolist(), strict=True):
        auc.add(score, label)
    assert time.process_time() - begun < 3  # 0.4 s on one core of 2024
    assert auc.roc_auc() == pytest.approx(roc_auc_score(labels, scores), rel=1e-12)
