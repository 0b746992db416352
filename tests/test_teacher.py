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
from training.teacher import Subspaces, _first_minimum, fit_teacher

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
    simulation = simulate(1500, anomaly_rate=0.05, seed=3)
    failed = {label.block_id: label.anomalous for label in simulation.labels()}
    windows = list(windows_of(simulation.lines()))
    bags = Counter(tuple(sorted(Counter(window.texts).items())) for window in windows)
    kinds = sorted({text for bag in bags for text, _ in bag})
    teacher = fit_teacher(matrix(list(bags), kinds), np.array(list(bags.values()), float), np.random.default_rng(0))
    found = dict(zip(bags, teacher.target(matrix(list(bags), kinds)), strict=True))
    scores = [float(found[tuple(sorted(Counter(window.texts).items()))]) for window in windows]
    assert evaluate_scores(scores, [failed[window.block_id] for window in windows]) > 0.95


def test_lines_of_unknown_kinds_raise_the_score(seen: Seen) -> None:
    teacher = fit_teacher(*seen, np.random.default_rng(0))
    known, one, three = teacher.target(rows(WRITTEN, {**WRITTEN, "?": 1}, {**WRITTEN, "?": 2, "!": 1}))
    assert known < one < three


def test_the_same_seed_gives_the_same_teacher(seen: Seen) -> None:
    first, second = (fit_teacher(*seen, np.random.default_rng(4)) for _ in range(2))
    assert first.components == second.components
    assert np.array_equal(first.views[0].bases, second.views[0].bases)


@pytest.mark.parametrize(
    ("errors", "components"),
    [
        ([1.0, 0.9, 1.1, 0.5, 0.47, 0.48, 0.46], 4),  # the first minimum after the great fall, not the least
        ([1.0, 0.5, 0.0009, 0.0001], 2),
        ([1.0], 0),
        ([1.0, 0.6, 0.5, 0.4], 3),
        ([1.0, 0.5, 0.4997, 0.4994], 1),  # less than a thousandth is no gain
    ],
)
def test_components_are_the_first_minimum_after_the_greatest_fall(errors: list[float], components: int) -> None:
    assert _first_minimum(np.array(errors)) == components


def test_the_error_is_one_of_a_line_so_that_a_window_is_not_worse_for_being_longer(seen: Seen) -> None:
    teacher = fit_teacher(*seen, np.random.default_rng(0))
    short, longer = teacher.target(rows({**WRITTEN, "?": 1}, {**WRITTEN, "served": 4, "?": 1}))
    assert longer < short


def test_no_component_hides_a_fault_where_windows_never_differ() -> None:
    """A sample without the windows that were read differs in one way only: a second component would point anywhere,
    for instance to the orphan. In all others, half of the orphan goes with reading.
    """
    read = [{**DELETED, "served": n, "orphan": n} for n in (1, 2, 3)]
    counts, weights = rows(WRITTEN, DELETED, *read), np.array([500.0, 500.0, 1.0, 1.0, 1.0])
    teacher = fit_teacher(counts, weights, np.random.default_rng(0), fits=200, healthy=True)
    assert teacher.components[0] == 2
    [each] = [view for view in teacher.views if not view.presence]
    fault = rows(ORPHAN)
    alone = [Subspaces(each.means[i : i + 1], each.bases[i : i + 1], False).log_errors(fault)[0] for i in range(200)]
    assert min(alone) > np.log(0.4 / fault.sum())


def test_where_all_windows_are_healthy_things_that_never_go_together_are_no_healthy_window() -> None:
    """In numbers a copy fits, deleted or not: only the kinds tell that no copied block was ever deleted."""
    copied = {**WRITTEN, "orphan": 1}
    both = {**copied, "deleting": 3}
    counts, weights = rows(WRITTEN, DELETED, copied), np.array([600.0, 600.0, 200.0])
    healthy = fit_teacher(counts, weights, np.random.default_rng(0), healthy=True)
    assert len(healthy.components) == 2
    worst = healthy.target(counts).max()
    assert healthy.target(rows(both))[0] > worst


def test_one_kind_of_window_alone_is_enough() -> None:
    teacher = fit_teacher(rows(WRITTEN), np.array([100.0]), np.random.default_rng(0))
    usual, other = teacher.target(rows(WRITTEN, LOST))
    assert usual < other


def test_a_block_that_is_being_written_is_no_failure_and_one_with_a_foreign_line_is(seen: Seen) -> None:
    teacher = fit_teacher(*seen, np.random.default_rng(0))
    prefixes = PrefixTeacher(teacher, *seen)
    half_written, foreign, whole = rows({"alloc": 1, "receiving": 2}, {"alloc": 1, "?": 1}, WRITTEN)
    [written] = teacher.target(whole[None])
    assert prefixes.target(half_written[None])[0] == pytest.approx(written, abs=0.5)
    assert prefixes.target(foreign[None])[0] > written + 1
    assert teacher.target(half_written[None])[0] > written + 1


def test_a_prefix_is_never_worse_than_the_same_lines_as_a_whole(seen: Seen) -> None:
    teacher = fit_teacher(*seen, np.random.default_rng(0))
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
