"""The streaming AUC and average precision equal scikit-learn's on the same data, after every single event."""

import math
import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from training.auc import StreamingAuc
from training.forgetting import Fading, LastEvents, LastTime
from training.ranks import SortedWeights

few_values = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, 1e300, math.inf])
any_values = st.floats(allow_nan=False, width=32) | few_values
any_weights = st.sampled_from([1.0, 2.0, 0.1, 1e-9, 1e12]) | st.floats(1e-6, 1e6)
events = st.lists(st.tuples(any_values, st.booleans()), max_size=60)
weighted = st.lists(st.tuples(any_values, st.booleans(), any_weights), max_size=40)
timed = st.lists(st.tuples(st.integers(0, 100), few_values, st.booleans()), max_size=50)


def of_scikit_learn(
    scores: Sequence[float], labels: Sequence[bool], weights: Sequence[float] | None = None
) -> tuple[float, float]:
    """Its figures; it refuses infinities, so the scores become ranks, which changes neither order nor ties."""
    ranks = np.unique(scores, return_inverse=True)[1]
    return (
        roc_auc_score(labels, ranks, sample_weight=weights),
        average_precision_score(labels, ranks, sample_weight=weights),
    )


def check(
    auc: StreamingAuc, pairs: Sequence[tuple[float, bool]], weights: Sequence[float] | None = None, rel: float = 1e-12
) -> None:
    anomalous = sum(label for _, label in pairs)
    assert (auc.anomalous, auc.normal) == (anomalous, len(pairs) - anomalous)
    if anomalous in (0, len(pairs)):
        assert math.isnan(auc.roc_auc())
        assert math.isnan(auc.average_precision())
    else:
        expected = of_scikit_learn([score for score, _ in pairs], [label for _, label in pairs], weights)
        assert (auc.roc_auc(), auc.average_precision()) == pytest.approx(expected, rel=rel, abs=1e-12)


# ── cumulative ──


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


@given(weighted)
@settings(deadline=None, max_examples=60)
def test_weighted_events_give_the_weighted_figures_of_scikit_learn(found: list[tuple[float, bool, float]]) -> None:
    auc = StreamingAuc(chunk=2)
    for i, (score, label, weight) in enumerate(found):
        auc.add(score, label, weight)
        so_far = found[: i + 1]
        check(auc, [one[:2] for one in so_far], [one[2] for one in so_far])
        anomalous, normal = (math.fsum(w for _, label, w in so_far if label is side) for side in (True, False))
        assert auc.weights == (anomalous, normal)


@given(weighted.filter(bool), st.data())
@settings(deadline=None, max_examples=60)
def test_weights_that_come_and_go_leave_the_digits_of_what_is_left(
    found: list[tuple[float, bool, float]], data: st.DataObject
) -> None:
    auc = StreamingAuc(chunk=2)
    for event in found:
        auc.add(*event)
    gone = data.draw(st.integers(0, len(found)))
    for event in found[:gone]:
        auc.remove(*event)
    fresh = StreamingAuc()
    for event in reversed(found[gone:]):
        fresh.add(*event)
    assert (auc.anomalous, auc.normal, auc.weights) == (fresh.anomalous, fresh.normal, fresh.weights)
    assert np.array_equal([auc.roc_auc()], [fresh.roc_auc()], equal_nan=True)
    assert np.array_equal([auc.average_precision()], [fresh.average_precision()], equal_nan=True)


@given(st.lists(st.tuples(few_values, st.integers(1, 3)), max_size=60), few_values)
def test_ranks_are_those_of_a_sorted_list(values: list[tuple[float, int]], asked: float) -> None:
    scores = SortedWeights(chunk=2)
    for value, weight in values:
        scores.add(value, weight)
    every = sorted(value for value, weight in values for _ in range(weight))
    found, weights = scores.items()
    assert [value for value, weight in zip(found, weights, strict=True) for _ in range(weight)] == every
    assert scores.around(asked) == (sum(value < asked for value in every), every.count(asked))
    assert (scores.total, len(scores)) == (len(every), len(set(every)))


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
    assert (auc.anomalous, auc.normal, auc.weights) == (0, 0, (0, 0))


@pytest.mark.parametrize("weight", [0.0, -1.0, math.nan, math.inf, 1e-80])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=r"it must be between 2\^-256 and 2\^256"):
        StreamingAuc().add(1.0, True, weight)


@pytest.mark.parametrize("missing", [(0.5, 1), (2.0, 1), (-math.inf, 1), (3.0, 2), (1.0, 2.5)])
def test_what_is_not_there_cannot_be_taken_back(missing: tuple[float, float]) -> None:
    auc = StreamingAuc(chunk=1)
    for score in (1.0, 1.0, 3.0):
        auc.add(score, False)
    auc.add(0.0, True)
    with pytest.raises(ValueError, match="no score"):
        auc.remove(missing[0], False, missing[1])
    assert (auc.normal, auc.weights, auc.roc_auc()) == (3, (1, 3), 0)


def test_two_hundred_thousand_events_take_less_than_six_seconds() -> None:
    random = np.random.default_rng(1)
    labels = random.random(200_000) < 0.03
    scores = random.normal(size=200_000) + 2 * labels
    auc = StreamingAuc()
    begun = time.process_time()
    for score, label in zip(scores.tolist(), labels.tolist(), strict=True):
        auc.add(score, label)
    assert time.process_time() - begun < 6  # 1.2 s on one core of 2024
    assert auc.roc_auc() == pytest.approx(roc_auc_score(labels, scores), rel=1e-12)


def test_the_cost_of_an_event_hardly_grows_with_the_events_before_it() -> None:
    """Moves within the pieces of the order and their sums: twenty times the events, not three times the cost."""
    random = np.random.default_rng(1)

    def cost(before: int) -> float:
        auc = StreamingAuc()
        for score, label in zip(random.normal(size=before).tolist(), random.random(before) < 0.03, strict=True):
            auc.add(score, bool(label))
        begun = time.process_time()
        for score in random.normal(size=5000).tolist():
            auc.add(score, False)
            auc.remove(score, False)
            auc.roc_auc()
        return time.process_time() - begun

    assert cost(90_000) < 3 * min(cost(4_500) for _ in range(3))


# ── sliding and fading ──


@given(timed, st.integers(1, 12))
@settings(deadline=None, max_examples=40)
def test_the_last_events_are_judged_as_scikit_learn_judges_them(
    found: list[tuple[int, float, bool]], most: int
) -> None:
    last = LastEvents(most)
    for i, (_, score, label) in enumerate(found):
        last.add(score, label)
        check(last.auc, [event[1:] for event in found[: i + 1]][-most:])


@given(timed, st.integers(1, 60))
@settings(deadline=None, max_examples=60)
def test_the_last_span_of_time_is_judged_likewise_in_whatever_order_it_comes(
    found: list[tuple[int, float, bool]], span: int
) -> None:
    last = LastTime(span)
    for i, (moment, score, label) in enumerate(found):
        last.add(moment, score, label)
        now = max(then for then, _, _ in found[: i + 1])
        assert last.now == now
        check(last.auc, [event[1:] for event in found[: i + 1] if event[0] > now - span])


@given(timed, st.sampled_from([0.5, 1.0, 7.3, 50.0, 1e4]))
@settings(deadline=None, max_examples=60)
def test_what_fades_is_judged_by_scikit_learn_with_weights_that_halve(
    found: list[tuple[int, float, bool]], half_life: float
) -> None:
    fading = Fading(half_life)
    for i, event in enumerate(found):
        fading.add(*event)
        now = max(then for then, _, _ in found[: i + 1])
        left = [one for one in found[: i + 1] if now - one[0] < 64 * half_life]
        weights = [0.5 ** ((now - then) / half_life) for then, _, _ in left]
        check(fading.auc, [one[1:] for one in left], weights)
        sides = (sum(w for w, one in zip(weights, left, strict=True) if one[2] is side) for side in (True, False))
        assert fading.weights == pytest.approx(tuple(sides))


def test_fading_for_very_long_costs_neither_memory_nor_digits() -> None:
    random = np.random.default_rng(5)
    fading = Fading(half_life=2.0)
    pairs = [(float(round(s, 1)), bool(s > 0.8)) for s in random.normal(size=20_000)]
    for moment, pair in enumerate(pairs):
        fading.add(moment, *pair)
    assert fading.auc.anomalous + fading.auc.normal == 128  # 64 half-lives
    weights = [0.5 ** (age / 2) for age in reversed(range(128))]
    check(fading.auc, pairs[-128:], weights)


@pytest.mark.parametrize("half_life", [0.0, -1.0, math.nan, math.inf])
def test_a_half_life_that_is_none_is_refused(half_life: float) -> None:
    with pytest.raises(ValueError, match="half-life"):
        Fading(half_life)
