"""``bench.fidelity``: a scorer held against its teacher, one step away from the windows that it learned."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bench.detection.log import SETTINGS, Given
from bench.detection.methods import Asked, TeacherScorer, Teaching
from bench.fidelity.measure import measure
from bench.fidelity.steps import AS_IT_IS, STEPS, stepped
from stream.errors import InputError
from stream.scoring import Score, Scorer, Surprise
from stream.simulator import simulate
from stream.windows.files import looked_at

ASKED = Asked(seed=0, false_alarms=1e-2, healthy=False)


class Blind:
    """Knows every window by heart, and calls nothing anomalous."""

    checkpoint, material = "blind", 1.0

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        return [Score(-9.0, 1.0, False, "normal") for _ in windows]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        return []


@pytest.fixture(scope="module")
def given() -> Given:
    lines = list(simulate(400, anomaly_rate=0.04, seed=5).lines())
    return Given(lines, list(looked_at(lines, SETTINGS)))


@pytest.fixture(scope="module")
def teacher(given: Given) -> TeacherScorer:
    fitted = Teaching().fit(given, ASKED, Path(), lambda *_: None)
    assert isinstance(fitted, TeacherScorer)
    return fitted


def test_what_copies_its_teacher_misses_nothing(given: Given, teacher: Scorer) -> None:
    rows = measure(given, teacher, ASKED, 100)
    assert [row["step"] for row in rows] == 2 * list(STEPS)
    assert {row["complete"] for row in rows} == {True, False}
    assert all(row["rms"] == 0 and row["missed"] in (0, None) and row["false"] in (0, None) for row in rows)


def test_what_knows_windows_by_heart_and_not_their_neighbours_is_found_out(given: Given) -> None:
    complete = {row["step"]: row for row in measure(given, Blind(), ASKED, 100) if row["complete"]}
    assert complete[AS_IT_IS]["missed"] is None
    assert complete["a line less"]["missed"] == 1
    assert complete["a line less"]["anomalous"] > 0.5
    assert complete["16 to 128 lines of a kind"]["rms"] > complete[AS_IT_IS]["rms"] + 1


def test_a_step_that_leaves_nothing_of_any_window_has_no_row() -> None:
    lines = [b"081109 203518 143 INFO dfs.DataNode: kept <path> blk_%d" % i for i in range(1, 200)]
    one_line_each = Given(lines, list(looked_at(lines, SETTINGS)))
    found = [row["step"] for row in measure(one_line_each, Blind(), ASKED, 50) if row["complete"]]
    assert "a line less" not in found
    assert "a line more" in found


def test_lines_without_a_window_are_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="there is no window in these lines"):
        measure(Given([b"no block"], []), Blind(), ASKED, 50)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_changes_windows_in_whole_lines_and_leaves_those_that_are_given(name: str) -> None:
    rows = np.array([[1.0, 3, 0, 2, 0]] * 50)
    changed = stepped(rows, name, np.random.default_rng(0))
    assert (rows == [1, 3, 0, 2, 0]).all()
    assert (changed == changed.round()).all()
    assert (changed >= 0).all()
    assert bool((changed != rows[: len(changed)]).any()) is (name != AS_IT_IS)
