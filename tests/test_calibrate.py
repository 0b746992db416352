"""Calibration without labels: a stated budget of false alarms, p-values, and what to do about failures held out."""

import itertools
import json
import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from scipy.stats import genpareto, norm

from model.calibration import Calibration, Tail
from model.folder import shipped_checkpoint
from training.bags import Life, Lives
from training.calibrate import SLACK, Held, Looked, apart_above, calibrate, looked
from training.tail import fit_tail, pareto
from training.uniform import calibrated, crossfitted, spread, uniformity

BUDGET = 1e-3
Scores = dict[float, int]


def healthy(count: int, seed: int = 0) -> Scores:
    """Distinct scores, one window each."""
    return {float(score): 1 for score in np.random.default_rng(seed).normal(-6, 0.3, count)}


def with_failures(share: float, count: int = 5000, seed: int = 0) -> Scores:
    failures = np.random.default_rng((seed, 1)).normal(0, 1, int(count * share))
    return {**healthy(count, seed), **{float(score): 1 for score in failures}}


def complete(scores: Scores) -> Held:
    """Windows that nobody looked at while they were open."""
    return {Looked(score): number for score, number in scores.items()}


def false_alarms(calibration: Calibration) -> float:
    """The true share of windows like those of ``healthy``."""
    return float(norm.sf(calibration.closed.threshold, -6, 0.3))


# ── the budget ──


@pytest.mark.parametrize("windows", [1000, 1350, 2450, 4000, 8000])  # the worst sizes for a budget of .001 among them
@pytest.mark.parametrize("budget", [1e-2, 1e-3, 3e-4])
def test_healthy_windows_alone_keep_the_budget_on_average_and_one_and_a_half_times_it_mostly(
    windows: int, budget: float
) -> None:
    realised = np.array([false_alarms(calibrate(complete(healthy(windows, seed)), budget)) for seed in range(10, 110)])
    assert realised.mean() <= 1.1 * budget
    assert (realised <= SLACK * budget).mean() >= (0.85 if windows * budget >= 4 else 0.7)


def test_where_a_few_windows_may_ring_the_budget_is_used_and_not_only_kept() -> None:
    realised = [false_alarms(calibrate(complete(healthy(4000, seed)), BUDGET)) for seed in range(10, 110)]
    assert np.mean(realised) == pytest.approx(BUDGET, rel=0.3)


def test_a_step_within_the_budget_is_taken_though_one_beyond_it_is_nearer() -> None:
    calibration = calibrate(complete({-6.0: 3994, -5.0: 5, -2.1: 1}), BUDGET)
    assert calibration.closed.threshold == pytest.approx((-5.0 - 2.1) / 2)


def test_a_few_healthy_windows_that_score_as_failures_do_leave_the_threshold_below_them() -> None:
    some = {**healthy(3730), -2.1: 1, -2.7: 1, -2.9: 1}
    calibration = calibrate(complete(some), BUDGET, above=math.inf)
    assert max(healthy(3730)) < calibration.closed.threshold < -3


def test_the_more_windows_the_nearer_to_the_budget() -> None:
    assert false_alarms(calibrate(complete(healthy(100_000)), BUDGET)) == pytest.approx(BUDGET, rel=0.2)


@pytest.mark.parametrize("share", [0.015, 0.03, 0.1])
def test_failures_among_what_is_held_out_neither_hide_nor_exceed_the_budget(share: float) -> None:
    calibration = calibrate(complete(with_failures(share)), BUDGET)
    assert calibration.closed.threshold < -2
    assert false_alarms(calibration) <= SLACK * BUDGET


def test_a_rare_behaviour_that_is_healthy_keeps_the_budget_though_it_lies_apart() -> None:
    rare = {**healthy(5000), -1.0: 20, -0.5: 15}
    calibration = calibrate(complete(rare), BUDGET)
    assert calibration.apart == 0
    assert sum(n for score, n in rare.items() if score >= calibration.closed.threshold) <= SLACK * BUDGET * 5035


def test_few_failures_cannot_be_told_from_that_and_the_highest_of_them_are_found() -> None:
    failures = np.random.default_rng((0, 1)).normal(0, 1, 25)
    calibration = calibrate(complete(with_failures(0.005)), BUDGET)
    assert 0 < sum(failure >= calibration.closed.threshold for failure in failures) < 10
    assert sum(f >= calibrate(complete(with_failures(0.005)), 6e-3).closed.threshold for f in failures) > 20


def test_what_lies_apart_is_left_out_and_its_share_is_told() -> None:
    calibration = calibrate(complete(with_failures(0.03)), BUDGET)
    assert calibration.closed.windows == pytest.approx(5000, abs=5)
    assert calibration.apart == pytest.approx(0.03, rel=0.05)


def test_where_it_is_known_that_no_window_failed_nothing_is_left_out() -> None:
    held = complete(with_failures(0.03))
    calibration = calibrate(held, BUDGET, above=math.inf)
    assert (calibration.closed.windows, calibration.apart) == (sum(held.values()), 0)


@pytest.mark.parametrize(
    "held_out", [healthy(2000), {-6.0: 1999}, {-6.0: 5, 1.0: 5}, {0.0: 1}, {-6.0: 999, 0.0: 5}, {-6.0: 950, -4.0: 50}]
)
def test_where_nothing_small_lies_apart_nothing_is_left_out(held_out: Scores) -> None:
    assert apart_above(complete(held_out)) == math.inf
    assert calibrate(complete(held_out), BUDGET).closed.windows == sum(held_out.values())


def test_the_threshold_is_no_lower_than_the_middle_of_the_gap() -> None:
    calibration = calibrate({Looked(-6.0): 960, Looked(-5.0): 10, Looked(-1.0): 30}, 0.02)
    assert calibration.closed.threshold == -3


# ── a window counts once ──


def looks(seed: int, count: int, same: float) -> Held:
    """Windows whose highest score while open is that of the complete one in a share of ``same``, or another."""
    rng = np.random.default_rng(seed)
    closed, opened = rng.normal(-6, 0.3, count), rng.normal(-6, 0.3, count)
    alike = rng.random(count) < same
    return Counter(Looked(float(c), float(c if a else o)) for c, o, a in zip(closed, opened, alike, strict=True))


@pytest.mark.parametrize("same", [0, 0.5, 1])
def test_the_budget_is_for_alarms_at_any_time_together(same: float) -> None:
    calibration = calibrate(looks(0, 20_000, same), 0.01)
    alarms = sum(
        window.closed >= calibration.closed.threshold or (window.open or -9) >= calibration.open.threshold
        for window in looks(1, 50_000, same)
    )
    assert 0.7 * 0.01 <= alarms / 50_000 <= SLACK * 0.01


@pytest.mark.parametrize("apart", [0.0, 0.5, 3.0])
def test_no_part_of_the_budget_is_kept_for_windows_that_may_go_on_and_score_lower(apart: float) -> None:
    def lower(seed: int, count: int) -> Held:
        return Counter({Looked(look.closed, (look.open or 0) - apart): n for look, n in looks(seed, count, 0).items()})

    calibration = calibrate(lower(0, 20_000), 0.01)
    alarms = sum(
        window.closed >= calibration.closed.threshold or (window.open or -9) >= calibration.open.threshold
        for window in lower(1, 50_000)
    )
    assert 0.85 * 0.01 <= alarms / 50_000 <= 1.15 * 0.01


def test_a_life_is_the_distinct_prefixes_of_a_window_and_what_became_of_it() -> None:
    lives, begun, whole = Lives(), (("a", 1),), (("a", 2),)
    for part in (1, 2):
        lives.see("blk_1", part, begun, complete=False)
    lives.see("blk_1", 1, begun, complete=False)
    lives.see("blk_1", 1, whole, complete=True)
    lives.see("blk_2", 1, whole, complete=True)
    assert lives.whole == {Life(whole, frozenset({begun})): 1, Life(whole, frozenset()): 1}
    assert looked(lives.whole, {whole: 1.0}, {begun: 0.5}) == {Looked(1.0, 0.5): 1, Looked(1.0, None): 1}


def test_windows_that_may_go_on_have_a_calibration_of_their_own() -> None:
    held = {Looked(score, score + 3): 1 for score in healthy(2000)}
    calibration = calibrate(held, BUDGET)
    assert calibration.judge(-3.5, complete=True).anomalous
    assert not calibration.judge(-3.5, complete=False).anomalous


def test_what_a_failing_window_scored_while_it_was_open_is_not_what_healthy_ones_score() -> None:
    held = {**{Looked(score, score): 1 for score in healthy(2000)}, Looked(0.0, -0.5): 40, Looked(0.0, -6.0): 40}
    calibration = calibrate(held, BUDGET)
    assert calibration.judge(-0.5, complete=False).anomalous
    assert not calibration.judge(-6.0, complete=False).anomalous


def test_what_would_not_ring_were_it_complete_does_not_ring_while_it_is_open() -> None:
    held = {Looked(score, score - 3): 1 for score in healthy(2000)}
    calibration = calibrate(held, BUDGET)
    assert calibration.open.scores[-1] < calibration.closed.scores[0]
    assert calibration.open.threshold == calibration.closed.threshold
    assert calibration.open.critical == calibration.closed.critical > calibration.closed.threshold


# ── p-values ──


def test_p_values_fall_with_the_score_from_one_to_the_floor() -> None:
    calibration = calibrate(complete(with_failures(0.03)), BUDGET)
    found = [calibration.judge(score, complete=True).p_value for score in np.linspace(-9, 9, 400)]
    assert found[0] == 1
    assert all(0 < later <= earlier for earlier, later in itertools.pairwise(found))
    assert found[-1] == calibration.closed.floor


def test_no_p_value_says_more_than_ten_times_the_sample_or_what_the_budget_needs() -> None:
    assert calibrate(complete(healthy(999)), BUDGET).closed.floor == pytest.approx(1e-4)
    assert calibrate(complete(healthy(999)), 1e-5).closed.floor == pytest.approx(1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_p_values_of_what_is_anomalous_are_those_of_the_budget_as_nearly_as_the_sample_tells(seed: int) -> None:
    for held_out in (with_failures(0.03, seed=seed), healthy(50, seed), healthy(1350, seed), healthy(20_000, seed)):
        calibration = calibrate(complete(held_out), BUDGET)
        for score in np.linspace(-9, 9, 200):
            judged = calibration.judge(float(score), complete=True)
            assert not judged.anomalous or judged.p_value <= SLACK * BUDGET


def tied(seed: int, count: int) -> Held:
    """Scores as they are: a few values that most windows share."""
    return Counter(Looked(float(score)) for score in np.random.default_rng(seed).normal(-6, 0.3, count).round(1))


@pytest.mark.parametrize("sample", [lambda seed, n: complete(healthy(n, seed)), tied], ids=["distinct", "tied"])
def test_p_values_of_healthy_windows_are_uniform_where_ties_are_broken_at_random(sample: object) -> None:
    reference = calibrate(sample(0, 20_000), BUDGET).closed  # type: ignore[operator]
    fresh = [window.closed for window, number in sample(3, 2000).items() for _ in range(number)]  # type: ignore[operator]
    p_values, above = (np.array([of(score) for score in fresh]) for of in (reference.p_value, reference.p_above))
    assert uniformity(spread(p_values, above, np.random.default_rng(0))).p_value > 0.01
    assert uniformity(p_values**1.2).p_value < 0.01


def test_half_of_what_is_held_out_tests_the_other_half_without_labels() -> None:
    held = {**looks(0, 4000, 0.5), Looked(0.0, 0.0): 120}
    found = crossfitted(held, BUDGET, apart_above(held), np.random.default_rng(0))
    assert set(found) == {"closed", "open"}
    assert all(each.p_value > 0.01 for each in found.values())
    assert found["closed"].windows == pytest.approx(2000, abs=200)


def test_too_few_windows_are_not_tested() -> None:
    assert crossfitted(complete(healthy(30)), BUDGET, math.inf, np.random.default_rng(0)) == {}


# ── the tail ──


@pytest.mark.parametrize("shape", [0.0, 0.2, 0.4])
def test_the_tail_is_the_generalised_pareto_distribution_of_scipy(shape: float) -> None:
    tail, beyond = Tail(2.0, 0.01, 0.7, shape), np.array([2.0, 2.5, 4.0, 30.0])
    assert [tail.survival(score) for score in beyond] == pytest.approx(0.01 * genpareto.sf(beyond, shape, 2.0, 0.7))
    assert [tail.quantile(tail.survival(score)) for score in beyond] == pytest.approx(beyond)


@pytest.mark.parametrize("shape", [0.0, 0.2, 0.4])
def test_shape_and_scale_are_found_again(shape: float) -> None:
    excesses = np.sort(genpareto.rvs(shape, scale=0.7, size=50_000, random_state=1))
    assert pareto(excesses, np.ones(len(excesses))) == pytest.approx((0.7, shape), abs=0.03)


def test_tied_excesses_count_as_so_many_single_ones() -> None:
    excesses, counts = np.array([0.1, 0.4, 2.0, 3.0]), np.array([5, 3, 1, 2])
    apart = np.repeat(excesses, counts) + np.linspace(0, 1e-9, counts.sum())
    assert pareto(excesses, counts.astype(float)) == pytest.approx(pareto(apart, np.ones(len(apart))))


@pytest.mark.parametrize("scores", [[-6.0], [-6.0, -5.0], [0.0, 1e-9], [-3.0, -2.0, -1.0, 40.0]])
def test_the_fewest_scores_have_a_tail_that_goes_on(scores: list[float]) -> None:
    tail = fit_tail(np.array(scores), np.ones(len(scores)))
    assert tail.start == scores[-1]
    assert tail.survival(tail.start + 1e-4) < tail.survival(tail.start) == 1 / (len(scores) + 1)
    assert tail.quantile(1e-6) > tail.start


def test_judging_needs_no_library() -> None:
    code = "import sys, model.calibration; print({'scipy', 'numpy', 'torch'} & sys.modules.keys())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


# ── severity ──


def test_severity_rises_with_the_score_and_half_of_what_lies_apart_is_critical() -> None:
    held_out = with_failures(0.03)
    calibration = calibrate(complete(held_out), BUDGET)
    order = ["normal", "notice", "warning", "critical"]
    grades = [calibration.judge(float(score), complete=True).severity for score in np.linspace(-7, 9, 400)]
    assert sorted(grades, key=order.index) == grades
    assert set(grades) == set(order)
    alarms = Counter(calibration.judge(score, complete=True).severity for score in held_out)
    assert alarms["critical"] == pytest.approx(alarms["warning"], abs=1)


def test_without_any_failure_a_tenth_of_the_budget_is_critical() -> None:
    calibration = calibrate(complete(healthy(50_000)), 0.01)
    assert calibration.judge(calibration.closed.critical - 1e-6, complete=True).severity == "warning"
    assert calibration.closed.p_value(calibration.closed.critical) <= 0.001


# ── files ──


def test_it_comes_back_from_json() -> None:
    calibration = calibrated({**looks(0, 500, 0.5), Looked(0.0, 0.0): 15}, BUDGET, "5/hour", None, seed=0)
    assert calibration.asked == "5/hour"
    assert set(calibration.uniform) == {"closed", "open"}
    assert Calibration.from_json(json.loads(json.dumps(calibration.as_json()))) == calibration


def test_what_version_1_wrote_is_read_and_judges_as_it_did() -> None:
    reference = {"scores": [-6, -5], "survival": [1, 0.5], "tail": 0.5, "threshold": 0, "windows": 2}
    calibration = Calibration.from_json({"closed": reference, "open": reference, "false_alarms": 0.01})
    assert calibration.judge(-5, complete=True)[:4] == (-5, 0.5, False, "normal")
    judged = calibration.judge(0, complete=True)
    assert judged.p_value == pytest.approx(0.5 * math.exp(-10))
    assert (judged.anomalous, judged.severity) == (True, "critical")
    assert Calibration.from_json(calibration.as_json()) == calibration


def test_the_shipped_checkpoint_is_calibrated() -> None:
    values = json.loads((shipped_checkpoint() / "calibration.json").read_text())
    assert Calibration.from_json(values).false_alarms == 1e-3


@pytest.mark.parametrize("tail", [0, -1, {"start": 0, "share": 0.1, "scale": 1, "shape": -0.1}, {"start": 0}])
def test_a_tail_that_is_none_is_refused(tail: object) -> None:
    reference = {"scores": [-6], "survival": [1], "tail": tail, "threshold": 0, "windows": 1, "critical": 1, "floor": 0}
    with pytest.raises((ValueError, TypeError)):
        Calibration.from_json({"closed": reference, "open": reference, "false_alarms": 0.01})
