"""Calibration without labels: a stated budget of false alarms, p-values, and what to do about failures held out."""

import itertools
import math

import numpy as np
import pytest

from model.calibration import Calibration
from training.calibrate import calibrate, contaminated_above

BUDGET = 1e-3


def healthy(count: int, seed: int = 0) -> dict[float, int]:
    """Distinct scores, one window each."""
    return {float(score): 1 for score in np.random.default_rng(seed).normal(-6, 0.3, count)}


def with_failures(share: float, count: int = 5000) -> dict[float, int]:
    failures = np.random.default_rng(1).normal(0, 1.5, int(count * share))
    return {**healthy(count), **{float(score): 1 for score in failures}}


def false_alarms(calibration: Calibration) -> float:
    fresh = healthy(200_000, seed=2)
    return sum(calibration.judge(score, complete=True).anomalous for score in fresh) / len(fresh)


def test_healthy_windows_alone_get_what_the_budget_allows() -> None:
    assert false_alarms(calibrate(healthy(20_000), {}, BUDGET)) == pytest.approx(BUDGET, rel=0.5)


@pytest.mark.parametrize("share", [0.005, 0.03, 0.1])
def test_failures_among_what_is_held_out_neither_hide_nor_exceed_the_budget(share: float) -> None:
    calibration = calibrate(with_failures(share), {}, BUDGET)
    assert calibration.closed.threshold < -2
    assert false_alarms(calibration) <= 1.5 * BUDGET


def test_what_lies_apart_is_left_out_and_counted() -> None:
    held_out = with_failures(0.03)
    assert calibrate(held_out, {}, BUDGET).closed.windows == pytest.approx(5000, abs=5)


@pytest.mark.parametrize("held_out", [healthy(2000), {-6.0: 1999}, {-6.0: 5, 1.0: 5}, {0.0: 1}])
def test_where_nothing_small_lies_apart_nothing_is_left_out(held_out: dict[float, int]) -> None:
    scores = np.array(sorted(held_out))
    assert contaminated_above(scores, np.array([held_out[s] for s in scores.tolist()], float)) == math.inf
    assert calibrate(held_out, {}, BUDGET).closed.windows == sum(held_out.values())


def test_p_values_fall_with_the_score_from_one_to_nearly_none() -> None:
    calibration = calibrate(with_failures(0.03), {}, BUDGET)
    found = [calibration.judge(score, complete=True).p_value for score in np.linspace(-9, 9, 400)]
    assert found[0] == 1
    assert all(0 < later <= earlier for earlier, later in itertools.pairwise(found))
    assert found[-1] < 1e-5


def test_p_values_of_healthy_windows_are_uniform() -> None:
    calibration = calibrate(with_failures(0.03), {}, BUDGET)
    found = np.sort([calibration.judge(score, complete=True).p_value for score in healthy(5000, seed=3)])
    assert np.abs(found - np.linspace(0, 1, len(found))).max() < 0.03


def test_what_is_anomalous_is_within_the_budget() -> None:
    for held_out in (with_failures(0.03), healthy(50), healthy(20_000)):
        calibration = calibrate(held_out, {}, BUDGET)
        for score in np.linspace(-9, 9, 200):
            judged = calibration.judge(float(score), complete=True)
            assert not judged.anomalous or judged.p_value <= BUDGET * (1 + 1e-9)


def test_windows_that_may_go_on_have_a_calibration_of_their_own() -> None:
    calibration = calibrate(healthy(2000), {score + 3: n for score, n in healthy(2000).items()}, BUDGET)
    assert calibration.judge(-3.5, complete=True).anomalous
    assert not calibration.judge(-3.5, complete=False).anomalous


def test_severity_grades_the_p_value() -> None:
    calibration = calibrate(with_failures(0.03), {}, BUDGET)
    grades = [calibration.judge(float(score), complete=True).severity for score in np.linspace(-7, 9, 400)]
    order = ["normal", "notice", "warning", "critical"]
    assert sorted(grades, key=order.index) == grades
    assert {"normal", "warning", "critical"} <= set(grades)


def test_it_comes_back_from_json() -> None:
    calibration = calibrate(with_failures(0.03), healthy(100), BUDGET)
    assert Calibration.from_json(calibration.as_json()) == calibration
