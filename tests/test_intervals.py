"""Intervals of the figures: DeLong's against its definition, and both against how often they hold the truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from training.auc import Counts, StreamingAuc
from training.intervals import Intervals, bootstrap, delong

pairs = st.lists(st.tuples(st.sampled_from([-math.inf, 0.0, 0.5, 1.0, 2.0, math.inf]), st.booleans()), max_size=40)


def counts(found: list[tuple[float, bool]]) -> Counts:
    auc = StreamingAuc()
    for pair in found:
        auc.add(*pair)
    return auc.counts()


def by_definition(found: list[tuple[float, bool]]) -> tuple[float, float] | None:
    """Every pair is looked at: DeLong's own formula, then the logits."""
    high, low = ([score for score, label in found if label is side] for side in (True, False))
    if min(len(high), len(low)) < 2:
        return None
    outdone = np.array([[(a > b) + (a == b) / 2 for b in low] for a in high])
    auc = outdone.mean()
    variance = outdone.mean(1).var(ddof=1) / len(high) + outdone.mean(0).var(ddof=1) / len(low)
    if auc in (0, 1) or not variance:
        return None
    middle, far = np.log(auc / (1 - auc)), 1.959963984540054 * math.sqrt(variance) / (auc * (1 - auc))
    return tuple(1 / (1 + np.exp(-np.array([middle - far, middle + far]))))


@given(pairs)
@settings(deadline=None, max_examples=80)
def test_delong_is_what_its_definition_says(found: list[tuple[float, bool]]) -> None:
    expected, interval = by_definition(found), delong(counts(found))
    if expected is None:
        assert interval is None or interval.high - interval.low < 1e-6  # a variance of rounding errors
    else:
        assert interval == pytest.approx(expected, abs=1e-9)


def test_an_auc_of_one_has_no_interval_for_its_variance_says_nothing() -> None:
    assert delong(counts([(0.0, False), (0.1, False), (1.0, True), (2.0, True)])) is None


def test_both_intervals_hold_the_true_auc_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    truth = 0.5 * (1 + math.erf(1.5 / 2))  # of normal distributions 1.5 apart
    rounds, held = 120, [0, 0]
    for _ in range(rounds):
        labels = np.arange(120) < 30
        scores = random.normal(size=120) + 1.5 * labels
        found = (
            delong(counts(list(zip(scores.tolist(), labels.tolist(), strict=True)))),
            bootstrap(scores, labels, replicates=200).roc_auc,
        )
        for i, interval in enumerate(found):
            assert interval is not None
            held[i] += interval.low <= truth <= interval.high
    assert 0.9 <= held[0] / rounds <= 0.99
    assert 0.88 <= held[1] / rounds <= 0.99


@pytest.mark.parametrize("digits", [3, 1, 0, -1])  # the fewer, the more ties; with the last all scores are one
def test_a_bootstrap_lies_around_the_figures_and_depends_on_neither_order_nor_chance(digits: int) -> None:
    random = np.random.default_rng(2)
    labels = random.random(300) < 0.2
    scores = (random.normal(size=300) + 1.5 * labels).round(digits)
    found = bootstrap(scores, labels)
    if digits < 0:
        assert found.roc_auc is None  # one half, whoever is drawn
        return
    assert found.roc_auc is not None
    assert found.average_precision is not None
    assert found.roc_auc.low < roc_auc_score(labels, scores) < found.roc_auc.high
    assert found.average_precision.low < average_precision_score(labels, scores) < found.average_precision.high
    order = random.permutation(300)
    assert bootstrap(scores[order], labels[order]) == found
    assert bootstrap(scores, labels, seed=1) != found


def test_scores_of_one_block_are_drawn_together_which_makes_the_interval_wider() -> None:
    random = np.random.default_rng(4)
    labels = np.repeat(random.random(60) < 0.3, 10)
    scores = np.repeat(random.normal(size=60), 10) + labels
    blocks = [f"blk_{i // 10}" for i in range(600)]
    apart, together = bootstrap(scores, labels).roc_auc, bootstrap(scores, labels, blocks).roc_auc
    assert apart is not None
    assert together is not None
    assert together.high - together.low > 2 * (apart.high - apart.low)
    once = bootstrap(scores[::10], labels[::10]).roc_auc
    assert once is not None
    assert together.high - together.low == pytest.approx(once.high - once.low, rel=0.2)


def test_infinities_are_scores_and_classes_that_lie_apart_or_are_alone_have_no_interval() -> None:
    assert bootstrap([math.inf] * 20 + [-math.inf] * 20, [True] * 20 + [False] * 20) == Intervals(None, None)
    assert bootstrap([math.inf, -math.inf] * 20, [True] * 20 + [False] * 20).roc_auc is not None
    assert bootstrap([1.0, 2.0], [True, True]) == bootstrap([], []) == Intervals(None, None)
