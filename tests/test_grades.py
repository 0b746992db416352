"""Four grades with probabilities: they add up, agree with the verdict, and begin where settings say."""

import json
import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from command import Command
from driver import Driver, Fingerprint, raw_line
from hypothesis import given
from hypothesis import strategies as st
from tiny_checkpoint import write_tiny_checkpoint

from model.calibration import Calibration, Reference, Tail
from model.scorer import BertScorer
from stream.commands.scorers import load_scorer
from stream.grades import GRADES, Bars, grades_of, severity_of
from stream.scoring import Score
from stream.settings import load_settings

finite = st.floats(-1e6, 1e6)
bars = st.lists(st.one_of(finite, st.sampled_from([-math.inf, math.inf])), min_size=3, max_size=3).map(
    lambda found: Bars(*sorted(found))
)


@given(finite, bars)
def test_probabilities_add_up_to_one_and_the_severity_is_the_likeliest(value: float, bars: Bars) -> None:
    grades = grades_of(value, bars)
    assert tuple(grades) == GRADES
    assert sum(Decimal(str(share)) for share in grades.values()) == 1
    assert all(0 <= share <= 1 for share in grades.values())
    assert max(grades.values()) == grades[severity_of(value, bars)]
    assert (severity_of(value, bars) in ("warning", "critical")) == (value >= bars.warning)


@given(st.floats(-20, 20), st.floats(0, 5), bars)
def test_a_higher_score_is_never_likelier_to_be_normal_nor_less_likely_to_be_critical(
    value: float, more: float, bars: Bars
) -> None:
    lower, higher = grades_of(value, bars), grades_of(value + more, bars)
    slack = 3e-4  # four digits, and what is left over goes to the likeliest
    assert higher["normal"] <= lower["normal"] + slack
    assert higher["critical"] >= lower["critical"] - slack


def test_the_odds_of_neighbours_are_the_distance_from_the_bar_between_them() -> None:
    grades = grades_of(1.0, Bars(0.0, 0.5, 1.5))
    assert grades["notice"] / grades["normal"] == pytest.approx(math.e, rel=0.01)
    assert grades["warning"] / grades["notice"] == pytest.approx(math.exp(0.5), rel=0.01)
    assert grades["critical"] / grades["warning"] == pytest.approx(math.exp(-0.5), rel=0.01)


def test_at_a_bar_two_grades_are_even_and_the_higher_one_it_is() -> None:
    bars = Bars(-40.0, 0.0, 40.0)
    assert grades_of(0.0, bars) == {"normal": 0.0, "notice": 0.5, "warning": 0.5, "critical": 0.0}
    assert severity_of(0.0, bars) == "warning"


def test_a_scorer_that_names_no_bars_is_sure() -> None:
    assert Score(1.0, 0.1, False, "notice").grades == {"normal": 0.0, "notice": 1.0, "warning": 0.0, "critical": 0.0}


# ── from p-values to bars ──

SCORES = (-6.0, -5.0, -4.0, -3.0)
REFERENCE = Reference(SCORES, (1.0, 0.5, 0.1, 0.02), Tail(-3.0, 0.02, 1.0, 0.0), 1e-5, 0.0, 2.0, 50)
CALIBRATION = Calibration(REFERENCE, REFERENCE, 0.001)


@given(st.floats(1e-6, 1.0), st.floats(-7.0, 15.0))
def test_a_bar_is_where_p_values_fall_below_what_was_asked(p_value: float, score: float) -> None:
    bar = REFERENCE.score_at(p_value)
    if abs(score - bar) > 1e-6:
        assert (score >= bar) == (REFERENCE.p_value(score) < p_value)


@pytest.mark.parametrize("score", SCORES)
def test_a_score_that_has_the_p_value_itself_is_not_below_it(score: float) -> None:
    assert score < REFERENCE.score_at(REFERENCE.p_value(score)) < score + 1e-9


def test_below_the_floor_no_p_value_lies() -> None:
    assert REFERENCE.score_at(1e-5) == math.inf
    judge = CALIBRATION.graded(critical_p=1e-6)
    assert judge(1e9, True).severity == "warning"
    assert judge(1e9, True).grades["critical"] == 0


@pytest.mark.parametrize("complete", [True, False])
def test_settings_move_grades_and_never_the_verdict(complete: bool) -> None:
    values = np.linspace(-7, 9, 300)
    usual = [CALIBRATION.judge(float(v), complete) for v in values]
    for notice_p, critical_p in ((0.6, 1e-3), (1e-9, 1.0), (1.0, 1e-9), (None, 2e-5)):
        other = [CALIBRATION.graded(notice_p, critical_p)(float(v), complete) for v in values]
        assert [score[:3] for score in other] == [score[:3] for score in usual]
        assert {s.severity for s in other if s.anomalous} <= {"warning", "critical"}
        assert {s.severity for s in other if not s.anomalous} <= {"normal", "notice"}
    wide = CALIBRATION.graded(0.6, 1.0)
    assert [wide(v, True).severity for v in (-6.0, -5.0, -1.0, 0.0)] == ["normal", "notice", "notice", "critical"]


def test_by_default_notices_begin_at_ten_times_the_budget_and_training_says_what_is_critical() -> None:
    judged = [CALIBRATION.judge(v, True).severity for v in (-3.0, -2.0, -1e-9, 0.0, 1.9, 2.0)]
    assert judged == ["normal", "notice", "notice", "warning", "warning", "critical"]
    assert REFERENCE.p_value(-2.0) < 10 * CALIBRATION.false_alarms < REFERENCE.p_value(-3.0)


# ── what is published ──


class Graded(Fingerprint):
    """Grades by the length of a window: one line is normal, two are a notice, three a warning, four critical."""

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        bars = Bars(2.0, 3.0, 4.0)
        sizes = [float(len(texts)) for texts in windows]
        return [Score(size, 0.1, size >= 3, severity_of(size, bars), bars) for size in sizes]


def test_notices_do_not_page_anyone() -> None:
    driver = Driver(load_settings(keyed_input=True), Graded(), since=0)
    driver.run(*(raw_line(n, f"blk_{size}") for size in (1, 2, 3, 4) for n in range(size)), raw_line(80_000, "blk_9"))
    by_severity = {event["severity"]: event["block_id"] for event in driver.closed()}
    assert by_severity == {"normal": "blk_1", "notice": "blk_2", "warning": "blk_3", "critical": "blk_4"}
    for event in driver.closed():
        assert max(event["grades"].values()) == event["grades"][event["severity"]]
        assert sum(event["grades"].values()) == pytest.approx(1)
    paged = {event["severity"] for event in driver.events(driver.settings.anomalies_topic)}
    assert paged == {"warning", "critical"}


def test_settings_reach_the_scorer_of_every_command(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "model")
    plain = BertScorer.load(folder)
    windows = [[f"line {n}"] * n for n in range(1, 30)]
    settings = load_settings(checkpoint=str(folder), notice_p=1.0, critical_p=1.0)
    graded = load_scorer(settings)
    usual, other = plain.score(windows, [True] * 29), graded.score(windows, [True] * 29)
    assert [score[:3] for score in usual] == [score[:3] for score in other]
    assert {score.severity for score in other} <= {"notice", "critical", "normal"}
    assert [score.severity for score in other] != [score.severity for score in usual]


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


@pytest.mark.parametrize("value", ["0", "1.1", "much"])
def test_what_is_no_p_value_is_wrong_usage(command: Command, value: str) -> None:
    ran = command("consume", "--notice-p", value)
    assert ran.code == 2
    assert "notice_p: " in ran.err


def test_a_flag_of_score_grades(tmp_path: Path, command: Command) -> None:
    folder = write_tiny_checkpoint(tmp_path / "model")
    text = "081109 203518 143 INFO dfs.DataNode: Receiving block blk_1"
    found = json.loads(command("score", "--checkpoint", folder, "--text", text, "--json", "--notice-p", "1").out)
    assert found["severity"] == ("critical" if found["anomalous"] else "notice" if found["p_value"] < 1 else "normal")
