"""How many due windows a commit judges: more while that is quick, fewer where it is slow, never fewer than a slice."""

from stream.kafka.pace import Pace
from stream.windows.task import SLICE


def test_while_judging_is_quick_a_commit_judges_more_and_never_without_end() -> None:
    pace = Pace()
    assert [pace.slice(now / 10, used_up=True) for now in range(7)] == [SLICE * 2**n for n in (0, 1, 2, 3, 4, 4, 4)]


def test_where_it_is_slow_it_judges_fewer_again_and_never_fewer_than_a_slice() -> None:
    pace = Pace()
    assert [pace.slice(now, used_up=True) for now in (0.0, 0.1, 0.2, 2.0, 4.0, 6.0)] == [
        SLICE, 2 * SLICE, 4 * SLICE, 2 * SLICE, SLICE, SLICE,
    ]  # fmt: skip


def test_a_commit_that_left_nothing_over_says_nothing_of_what_one_could_judge() -> None:
    pace = Pace()
    assert [pace.slice(now, used_up=False) for now in (0.0, 0.1, 9.0)] == [SLICE] * 3
    assert pace.slice(9.7, used_up=True) == SLICE
