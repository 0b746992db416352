"""Paired tests of two scorers on the same blocks: against what they say in the literature, and against each other."""

import math

import numpy as np
import pytest

from training.auc import Counts
from training.evaluate import average_precision, roc_auc
from training.intervals import bootstrap, delong
from training.paired import auc_difference, precision_differences


def blocks(number: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of two scorers with ties, of which the first is the better one, and labels."""
    random = np.random.default_rng(seed)
    labels = random.random(number) < 0.2
    common = random.normal(size=number) + 1.5 * labels
    ours, theirs = (np.round(common + noise * random.normal(size=number), 1) for noise in (0.2, 1.2))
    return ours, theirs, labels


def covariances(ours: np.ndarray, theirs: np.ndarray, labels: np.ndarray) -> float:
    """The variance of the difference as DeLong et al. write it: the kernel of all pairs, and a contrast of (1, -1)."""
    kernels = [
        (a[labels][:, None] > a[~labels][None, :]) + 0.5 * (a[labels][:, None] == a[~labels][None, :])
        for a in (ours, theirs)
    ]
    by_anomalous, by_normal = (np.cov([k.mean(axis=axis) for k in kernels]) for axis in (1, 0))
    both = by_anomalous / labels.sum() + by_normal / (~labels).sum()
    return float(both[0, 0] + both[1, 1] - 2 * both[0, 1])


def test_the_difference_of_auc_is_delongs() -> None:
    ours, theirs, labels = blocks(300, seed=1)
    found = auc_difference(ours, theirs, labels)
    assert found is not None
    assert found.interval is not None
    value, far = roc_auc(ours, labels) - roc_auc(theirs, labels), math.sqrt(covariances(ours, theirs, labels))
    assert found.value == pytest.approx(value)
    assert found.interval == pytest.approx((value - 1.959964 * far, value + 1.959964 * far))
    assert found.p_value == pytest.approx(math.erfc(value / far / math.sqrt(2)))


def test_infinite_scores_and_the_order_of_the_blocks_change_nothing() -> None:
    ours, theirs, labels = blocks(200, seed=2)
    order = np.random.default_rng(0).permutation(200)
    stretched = np.where(ours > np.quantile(ours, 0.99), np.inf, ours)
    one, other = (auc_difference(stretched[o], theirs[o], labels[o]) for o in (np.arange(200), order))
    assert one is not None
    assert other is not None
    assert (one.value, one.p_value) == pytest.approx((other.value, other.p_value))
    [first] = precision_differences(stretched, [theirs], labels, 100)
    [second] = precision_differences(stretched[order], [theirs[order]], labels[order], 100)
    assert first == second


def test_scorers_that_rank_alike_do_not_differ_and_no_test_says_so() -> None:
    ours, _, labels = blocks(200, seed=3)
    found = auc_difference(ours, 2 * ours + 1, labels)
    assert found == (0.0, None, None)
    assert precision_differences(ours, [2 * ours + 1], labels) == [None]


def test_one_class_or_one_block_of_a_class_tells_nothing() -> None:
    scores = np.array([1.0, 2.0, 3.0])
    assert auc_difference(scores, -scores, np.array([True, False, False])) is None
    assert precision_differences(scores, [-scores, scores], np.zeros(3, bool)) == [None, None]
    assert precision_differences(np.array([]), [np.array([])], np.zeros(0, bool)) == [None]


def test_a_paired_interval_holds_the_difference_and_is_narrower_than_that_of_each_figure() -> None:
    ours, theirs, labels = blocks(2000, seed=4)
    [interval] = precision_differences(ours, [theirs], labels)
    assert interval is not None
    low, high = interval
    difference = average_precision(ours, labels) - average_precision(theirs, labels)
    assert 0 < low < difference < high
    of_ours, of_theirs = (bootstrap(scores, labels).average_precision for scores in (ours, theirs))
    assert of_ours is not None
    assert of_theirs is not None
    assert high - low < of_ours.high - of_ours.low + of_theirs.high - of_theirs.low


def test_against_a_scorer_that_knows_nothing_it_is_the_interval_of_the_figure_alone() -> None:
    ours, _, labels = blocks(500, seed=5)
    constant = np.zeros(500)
    found = auc_difference(ours, constant, labels)
    assert found is not None
    assert found.interval is not None
    distinct, place = np.unique(ours, return_inverse=True)
    hits, false = (np.bincount(place[side], minlength=len(distinct)).astype(float) for side in (labels, ~labels))
    alone = delong(Counts(distinct, hits, false))  # on logits
    assert alone is not None
    assert found.interval[0] + 0.5 == pytest.approx(alone.low, abs=0.01)


def test_intervals_miss_the_truth_about_as_often_as_they_say() -> None:
    """Of scorers that are equally good, the interval of the difference leaves 0 out in about one sample of twenty."""
    random = np.random.default_rng(6)
    missed = 0
    for _ in range(400):
        labels = np.arange(150) < 40
        common = random.normal(size=150) + labels
        found = auc_difference(common + random.normal(size=150), common + random.normal(size=150), labels)
        assert found is not None
        assert found.interval is not None
        missed += not found.interval[0] < 0 < found.interval[1]
    assert 8 <= missed <= 36  # of Binomial(400, .05) all but one sample in ten thousand
