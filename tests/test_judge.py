"""The event: what is published of a window, when it deserves one, and what it looks like to everybody downstream."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from driver import Fingerprint, epoch_ms

from stream.scoring import Score, Surprise
from stream.windows.due import Due
from stream.windows.judge import MAX_EVIDENCE, judge, time_text
from stream.windows.openwindow import Published
from stream.windows.window import Reason, Window

NORMAL, ALARM = Score(1.5, 0.4, False, "normal"), Score(3.25, 0.0004, True, "critical")


class Given(Fingerprint):
    """A scorer whose scores are given, whose changes are material from 0.5 on, and that explains as it is told."""

    checkpoint = "given-1a2b3c"

    def __init__(self, *scores: Score, surprises: Sequence[Surprise] = ()) -> None:
        self.scores = list(scores)
        self.surprises = list(surprises)
        self.asked: list[tuple[Sequence[Sequence[str]], Sequence[bool]]] = []
        self.explained: list[tuple[Sequence[str], bool]] = []

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        self.asked.append((windows, complete))
        return self.scores

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        self.explained.append((window, complete))
        return self.surprises


def due(reason: Reason, published: Published | None = None, part: int = 1, block: str = "blk_1") -> Due:
    times = (epoch_ms(0), epoch_ms(7), epoch_ms(7) + 250)
    window = Window(block, part, reason, ("a", "b", "c"), times, (40, 12, 13))
    return Due(block.encode(), window, published)


def quiet(score: Score, published: Published | None) -> list[dict[str, Any]]:
    """The events of an open window with this score, after what was published before."""
    return [j.event for j in judge([due(Reason.QUIET, published)], Given(score), ("hdfs.lines", 3))]


def test_an_event_has_the_fields_of_the_schema_in_their_order() -> None:
    scorer = Given(ALARM, surprises=[Surprise(1, 7.1, ("x", "y")), Surprise(2, 0.5, ())])
    ((key, event, published),) = judge([due(Reason.SILENCE, Published(1, 1.0, False), part=2)], scorer, ("hdfs.raw", 0))
    assert key == b"blk_1"
    assert published == Published(2, 3.25, True)
    assert list(event.items()) == [
        ("schema", 1),
        ("block_id", "blk_1"),
        ("part", 2),
        ("revision", 2),
        ("status", "closed"),
        ("reason", "silence"),
        ("score", 3.25),
        ("p_value", 0.0004),
        ("anomalous", True),
        ("severity", "critical"),
        ("grades", {"normal": 0.0, "notice": 0.0, "warning": 0.0, "critical": 1.0}),
        ("lines", 3),
        ("first_time", "2008-11-09T20:35:18Z"),
        ("last_time", "2008-11-09T20:35:25.250Z"),
        ("checkpoint", "given-1a2b3c"),
        (
            "evidence",
            [
                {
                    "time": "2008-11-09T20:35:25Z",
                    "text": "b",
                    "surprise": 7.1,
                    "expected": ["x", "y"],
                    "source": ["hdfs.raw", 0, 12],
                },
                {
                    "time": "2008-11-09T20:35:25.250Z",
                    "text": "c",
                    "surprise": 0.5,
                    "expected": [],
                    "source": ["hdfs.raw", 0, 13],
                },
            ],
        ),
    ]
    assert orjson.loads(orjson.dumps(event)) == event


@pytest.mark.parametrize("reason", Reason)
def test_status_and_reason_say_why_a_window_is_scored(reason: Reason) -> None:
    ((_, event, _),) = judge([due(reason)], Given(NORMAL), ("hdfs.lines", 3))
    assert event["reason"] == reason.value
    assert event["status"] == ("open" if reason is Reason.QUIET else "closed")


def test_only_what_a_person_must_see_is_explained() -> None:
    scorer = Given(NORMAL, surprises=[Surprise(0, 1.0, ())])
    ((_, event, _),) = judge([due(Reason.SILENCE)], scorer, ("hdfs.lines", 3))
    assert event["evidence"] == []
    assert scorer.explained == []


def test_evidence_is_the_most_surprising_lines_and_no_more_than_five() -> None:
    scorer = Given(ALARM, surprises=[Surprise(i % 3, 9.0 - i, ()) for i in range(9)])
    ((_, event, _),) = judge([due(Reason.QUIET)], scorer, ("hdfs.lines", 3))
    assert [entry["surprise"] for entry in event["evidence"]] == [9.0, 8.0, 7.0, 6.0, 5.0]
    assert MAX_EVIDENCE == 5
    assert scorer.explained == [(("a", "b", "c"), False)]


def test_the_first_score_of_an_open_window_is_news() -> None:
    assert [event["revision"] for event in quiet(NORMAL, None)] == [1]


@pytest.mark.parametrize("change", [0.0, 0.49, -0.49])
def test_an_immaterial_change_is_none(change: float) -> None:
    assert quiet(NORMAL, Published(4, 1.5 + change, False)) == []


@pytest.mark.parametrize("change", [0.5, -0.5, 3.0])
def test_a_material_change_is_news(change: float) -> None:
    assert [event["revision"] for event in quiet(NORMAL, Published(4, 1.5 + change, False))] == [5]


def test_another_verdict_is_news_however_near_the_score() -> None:
    assert [event["revision"] for event in quiet(NORMAL, Published(4, 1.5, True))] == [5]


def test_small_changes_add_up_until_they_are_news() -> None:
    steps = [due(Reason.QUIET, Published(1, 1.0, False)) for _ in range(4)]
    scores = [Score(value, 0.4, False, "normal") for value in (1.2, 1.4, 1.6, 1.8)]
    judged = judge(steps, Given(*scores), ("hdfs.lines", 3))
    assert [(j.event["revision"], j.event["score"]) for j in judged] == [(2, 1.6)]


def test_a_closed_window_is_always_published() -> None:
    ((_, event, _),) = judge([due(Reason.SILENCE, Published(4, 1.5, False))], Given(NORMAL), ("hdfs.lines", 3))
    assert event["revision"] == 5


def test_windows_of_one_batch_are_scored_together_and_their_revisions_follow_one_another() -> None:
    scorer = Given(NORMAL, ALARM, NORMAL, NORMAL)
    windows = [
        due(Reason.QUIET),
        due(Reason.SILENCE),
        due(Reason.QUIET, part=2),
        due(Reason.QUIET, block="blk_2"),
    ]
    judged = judge(windows, scorer, ("hdfs.lines", 3))
    assert [(j.key, j.event["part"], j.event["revision"]) for j in judged] == [
        (b"blk_1", 1, 1),
        (b"blk_1", 1, 2),
        (b"blk_1", 2, 1),
        (b"blk_2", 1, 1),
    ]
    assert scorer.asked == [([("a", "b", "c")] * 4, [False, True, False, False])]


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1226262975123, "2008-11-09T20:36:15.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-62135596800000, "0001-01-01T00:00:00Z"),
        (253402300799999, "9999-12-31T23:59:59.999Z"),
        (253402300799123, "9999-12-31T23:59:59.123Z"),
    ],
)
def test_times_are_iso_8601_in_utc_to_the_millisecond(ms: int, text: str) -> None:
    assert time_text(ms) == text
