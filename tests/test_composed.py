"""Windows that training makes up of real ones: they differ from these as real ones differ from each other."""

import numpy as np

from training.composed import composed

HEALTHY = np.array([[3, 3, 0, 0], [3, 3, 5, 0], [6, 6, 2, 0]], float)


def test_what_fits_together_in_all_windows_fits_together_in_those_made_of_them() -> None:
    rows = composed(HEALTHY, 500, np.random.default_rng(0))
    assert rows.shape == (500, 4)
    assert (rows[:, 0] == rows[:, 1]).all()
    assert not rows[:, 3].any(), "nothing comes in that no window has"


def test_they_go_beyond_the_windows_that_there_are_and_are_whole_counts_that_are_never_empty() -> None:
    rows = composed(HEALTHY, 500, np.random.default_rng(0))
    known = {tuple(row) for row in HEALTHY.tolist()}
    assert len({tuple(row) for row in rows.tolist()} - known) > 30
    assert (rows >= 0).all()
    assert (rows == rows.round()).all()
    assert rows.any(axis=1).all()


def test_a_log_of_one_window_has_no_others() -> None:
    assert (composed(HEALTHY[:1], 20, np.random.default_rng(0)) == HEALTHY[0]).all()


def test_the_same_seed_draws_the_same_windows() -> None:
    first, second = (composed(HEALTHY, 50, np.random.default_rng(3)) for _ in range(2))
    assert (first == second).all()
