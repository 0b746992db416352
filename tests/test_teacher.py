"""The teacher: counts that do not fit the others score high, however often that happens; found without labels."""

from collections import Counter

import numpy as np
import pytest

from stream.simulator import simulate
from stream.windows.files import windows_of
from training.bags import matrix
from training.damage import Damage
from training.evaluate import evaluate_scores
from training.prefixes import PrefixTeacher
from training.teacher import fit_teacher

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Seen = tuple[Floats, Floats]
KINDS = ["alloc", "receiving", "received", "added", "deleting", "served", "orphan"]
WRITTEN = {"alloc": 1, "receiving": 3, "received": 3, "added": 3}
DELETED = {**WRITTEN, "deleting": 3}
LOST = {"alloc": 1, "receiving": 1}
ORPHAN = {**DELETED, "orphan": 1}


def rows(*bags: dict[str, int]) -> Floats:
    return matrix([tuple(sorted(bag.items())) for bag in bags], KINDS)


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Two healthy ways of life, one of them read now and then, and two failures that repeat."""
    read = [{**WRITTEN, "served": n} for n in range(1, 5)]
    return rows(WRITTEN, DELETED, LOST, ORPHAN, *read), np.array([3000, 1500, 40, 20, 100, 50, 30, 10], float)


def test_failures_of_a_simulated_cluster_score_high_though_they_repeat_and_nobody_named_them() -> None:
    """But for storms of reads: one that training saw is believed as far as that."""
    simulation = simulate(1500, anomaly_rate=0.05, seed=3)
    labels = {label.block_id: label for label in simulation.labels()}
    windows = [w for w in windows_of(simulation.lines()) if labels[w.block_id].failure != "serving_storm"]
    bags = [tuple(sorted(Counter(window.texts).items())) for window in windows]
    counted = Counter(bags)
    kinds = sorted({text for bag in counted for text, _ in bag})
    counts = matrix(list(counted), kinds)
    teacher = fit_teacher(counts, np.array(list(counted.values()), float), kinds)
    found = dict(zip(counted, teacher.target(counts), strict=True))
    failed = [labels[window.block_id].anomalous for window in windows]
    assert evaluate_scores([float(found[bag]) for bag in bags], failed) > 0.995


def test_lines_of_unknown_kinds_raise_the_score(seen: Seen) -> None:
    teacher = fit_teacher(*seen, KINDS)
    known, one, three = teacher.target(rows(WRITTEN, {**WRITTEN, "?": 1}, {**WRITTEN, "?": 2, "!": 1}))
    assert known < one < three


def test_nothing_is_left_to_chance_nor_to_the_order_of_the_windows(seen: Seen) -> None:
    counts, weights = seen
    first, second = fit_teacher(*seen, KINDS), fit_teacher(counts[::-1], weights[::-1], KINDS)
    assert np.allclose(first.target(counts), second.target(counts))


def test_a_way_of_behaving_moves_many_lines_and_a_failure_that_repeats_as_often_few(seen: Seen) -> None:
    """Copies and orphans are as frequent; a copy comes with three lines that go together."""
    copied = {**WRITTEN, "served": 1, "receiving": 4, "added": 4}
    counts, weights = rows(WRITTEN, DELETED, copied, {**WRITTEN, "orphan": 1}), np.array([500.0, 500.0, 8.0, 8.0])
    teacher = fit_teacher(counts, weights, KINDS)
    written, _, copy, orphan = teacher.target(counts)
    assert teacher.behaviours == (2,)
    assert written < copy < orphan


def test_a_lesson_says_which_lines_are_too_many_and_which_are_missing(seen: Seen) -> None:
    teacher = fit_teacher(*seen, KINDS)
    odd = rows({**WRITTEN, "received": 1, "orphan": 3}, {**WRITTEN, "?": 2}, WRITTEN)
    targets, misfits = teacher.lesson(odd)
    assert targets.tolist() == teacher.target(odd).tolist()
    assert KINDS[int(misfits[0].argmin())] == "received"
    assert KINDS[int(misfits[0].argmax())] == "orphan"
    assert misfits[1].argmax() == len(KINDS)  # the column of unknown lines
    assert abs(misfits[2]).max() < 0.1 * abs(misfits[0]).max()


def test_the_lesson_of_a_prefix_is_that_of_the_best_that_can_become_of_it(seen: Seen) -> None:
    teacher = fit_teacher(*seen, KINDS)
    begun = rows({"alloc": 1, "receiving": 2}, {"alloc": 1, "orphan": 4})
    targets, misfits = PrefixTeacher(teacher, *seen).lesson(begun)
    assert abs(misfits[0]).max() < 0.5
    assert KINDS[int(misfits[1].argmax())] == "orphan"
    assert targets.tolist() == PrefixTeacher(teacher, *seen).target(begun).tolist()


def test_what_does_not_fit_weighs_double_in_a_line_that_speaks_of_trouble(seen: Seen) -> None:
    kinds = [*KINDS[:-1], "WARN orphan: unexpected error"]
    alike, worse = fit_teacher(*seen, KINDS), fit_teacher(*seen, kinds)
    fault = rows(ORPHAN)
    assert worse.target(fault)[0] == pytest.approx(alike.target(fault)[0] + np.log(4), abs=0.1)
    healthy = rows(WRITTEN, DELETED)
    assert np.allclose(worse.target(healthy), alike.target(healthy), atol=0.1)


def test_the_error_is_one_of_a_line_so_that_a_window_is_not_worse_for_being_longer(seen: Seen) -> None:
    teacher = fit_teacher(*seen, KINDS)
    short, longer = teacher.target(rows({**WRITTEN, "?": 1}, {**WRITTEN, "served": 4, "?": 1}))
    assert longer < short


def test_where_all_windows_are_healthy_things_that_never_go_together_are_no_healthy_window() -> None:
    """In numbers a copy fits, deleted or not: only the kinds tell that no copied block was ever deleted."""
    copied = {**WRITTEN, "orphan": 1}
    both = {**copied, "deleting": 3}
    counts, weights = rows(WRITTEN, DELETED, copied), np.array([600.0, 600.0, 200.0])
    healthy = fit_teacher(counts, weights, KINDS, healthy=True)
    assert len(healthy.behaviours) == 2
    worst = healthy.target(counts).max()
    assert healthy.target(rows(both))[0] > worst


def test_one_kind_of_window_alone_is_enough() -> None:
    teacher = fit_teacher(rows(WRITTEN), np.array([100.0]), KINDS)
    usual, other = teacher.target(rows(WRITTEN, LOST))
    assert usual < other


def test_a_block_that_is_being_written_is_no_failure_and_one_with_a_foreign_line_is(seen: Seen) -> None:
    teacher = fit_teacher(*seen, KINDS)
    prefixes = PrefixTeacher(teacher, *seen)
    half_written, foreign, whole = rows({"alloc": 1, "receiving": 2}, {"alloc": 1, "?": 1}, WRITTEN)
    [written] = teacher.target(whole[None])
    assert prefixes.target(half_written[None])[0] == pytest.approx(written, abs=0.5)
    assert prefixes.target(foreign[None])[0] > written + 1
    assert teacher.target(half_written[None])[0] > written + 1


def test_a_prefix_is_never_worse_than_the_same_lines_as_a_whole(seen: Seen) -> None:
    teacher = fit_teacher(*seen, KINDS)
    drawn = Damage(seen[0], np.random.default_rng(1)).draw(seen[0].repeat(50, axis=0))
    completed = PrefixTeacher(teacher, np.zeros((1, len(KINDS) + 1)), np.ones(1))
    assert np.allclose(completed.target(drawn), teacher.target(drawn))
    assert PrefixTeacher(teacher, *seen).target(drawn).shape == (len(drawn),)


def test_damage_changes_windows_keeps_counts_whole_and_leaves_no_window_empty(seen: Seen) -> None:
    before = seen[0].repeat(100, axis=0)
    after = Damage(seen[0], np.random.default_rng(2)).draw(before)
    assert (after >= 0).all()
    assert (after == after.round()).all()
    assert (after.sum(1) > 0).all()
    assert (after != before).any(axis=1).mean() > 0.8
    assert 0.3 < ((after != before).sum(axis=1) == 1).mean() < 0.8  # many are one step away
    assert (after.max(axis=1) > 64).any()


def test_a_way_of_behaving_is_believed_as_far_as_windows_went_and_not_a_hundred_times_as_far(seen: Seen) -> None:
    teacher = fit_teacher(*seen, KINDS)
    usual, more, flood = teacher.target(rows(*({**WRITTEN, "served": n} for n in (2, 6, 200))))
    assert more == pytest.approx(usual, abs=0.5)
    assert flood > more + 3
