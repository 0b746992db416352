"""What the page says, in words and rows, without a browser: the headline, how unusual, rows of lines, the chart."""

from typing import Any

import pytest
from serving import alarm, healthy
from test_serve_store import Feed

from stream.kafka.blocklines import Found
from stream.kafka.chained import RawLine
from stream.serve.daemon import total
from stream.serve.detail import detail_of, wanted_of
from stream.serve.events import Entry
from stream.serve.filters import Filter
from stream.serve.grading import Grading
from stream.serve.page.chart import fill, new_options
from stream.serve.page.headline import Headline, headline
from stream.serve.page.rows import MOST_LINES, alarm_rows, line_rows
from stream.serve.page.words import odds, short, span
from stream.serve.rate import Rate
from stream.serve.store import Store
from training.blockscores import BlockScores

NOW = 1_100_000


def store_of(*events: dict[str, Any]) -> Store:
    store = Store()
    Feed(store)(*events)
    return store


def said(store: Store, wanted: Filter | None = None, ready: bool = True) -> Headline:
    wanted = wanted or Filter()
    alarms = store.alarms(wanted)
    return headline(alarms, len(store.alarms()) - len(alarms), store.taken, NOW, wanted, ready)


def test_the_headline_says_how_many_where_and_since_when() -> None:
    warn = {
        "text": "WARN dfs.FSDataset: a",
        "time": "2008-11-09T20:41:02Z",
        "surprise": 1,
        "expected": [],
        "source": [],
    }
    store = store_of(alarm("blk_1"), alarm("blk_2"), alarm("blk_3", severity="warning", evidence=[warn]))
    assert said(store) == Headline(
        "critical",
        "2 critical and 1 warning blocks",
        "dfs.DataNode$DataXceiver (2), dfs.FSDataset (1)",
        "First alarm 1 min 39 s ago (00:16:41 UTC), newest 1 min 37 s ago",
    )


def test_with_no_anomaly_it_says_that_and_of_how_many_windows() -> None:
    assert said(store_of(healthy("blk_1")))[1:] == ("No anomalies", "", "1 window scored, none is anomalous by now.")
    assert said(store_of()).what == "Nothing was scored yet"
    assert said(store_of(), ready=False).what == "Reading what is there"


def test_what_is_left_out_is_never_called_nothing() -> None:
    store = store_of(alarm("blk_1"))
    assert said(store, Filter(alarmed=NOW - 60_000)).what == "No anomalies in the last 1 min"
    found = said(store, Filter(severity="critical", block="2"))
    assert (found.what, found.when) == ("No anomalies that fit the filters", "1 others. 1 window scored.")


@pytest.mark.parametrize(
    ("p_value", "text"),
    [(1.0, "usual"), (0.5, "1 in 2"), (0.0123, "1 in 81"), (6.0e-5, "1 in 17,000"), (0.0, "1 in 1,000,000,000,000")],
)
def test_p_values_are_said_as_one_in_so_many(p_value: float, text: str) -> None:
    assert odds(p_value) == text


def test_spans_and_numbers_are_short() -> None:
    assert [span(s) for s in (0, 59, 60, 3_600, 3_661, 90_061)] == [
        "0 s",
        "59 s",
        "1 min",
        "1 h",
        "1 h 1 min",
        "1 d 1 h",
    ]
    assert [short(n) for n in (0, 0.04, 9.6, 12, 999_949, 2e6)] == ["0", "0.0", "9.6", "12", "999.9 k", "2.0 M"]


def test_rows_of_alarms_hold_text_that_can_be_seen() -> None:
    evil = {"text": "a\x1b[2J\u202eb", "time": "2008-11-09T20:41:02Z", "surprise": 1, "expected": [], "source": []}
    [row] = alarm_rows(store_of(alarm("blk_1", part=2, severity="strange", evidence=[evil])).alarms())
    assert (row["key"], row["block"], row["severity"]) == ("blk_1/2", "blk_1 #2", "normal")
    assert row["line"] == "a\\x1b[2J\\u202eb"


def detail(number: int, marked: int, first: str = "2008-11-09T20:36:15Z") -> Any:
    evidence = {
        "text": "a",
        "time": "2008-11-09T20:41:02Z",
        "surprise": 1.0,
        "expected": [],
        "source": ["t", 0, marked],
    }
    [entry] = store_of(alarm("blk_1", lines=number, first_time=first, evidence=[evidence])).alarms()
    begin = wanted_of(entry, []).first
    return detail_of(entry, Found([RawLine(begin + 1000 * n, "a", b"line", ("t", 0, n)) for n in range(number)]))


def test_lines_are_marked_where_the_evidence_names_them() -> None:
    rows = line_rows(detail(3, marked=1))
    assert [(row["time"], row["marked"]) for row in rows] == [
        ("20:36:15", False),
        ("20:36:16", True),
        ("20:36:17", False),
    ]


@pytest.mark.parametrize("source", [5, {"a": 1}, [["t"], 0, 1], "t", ["t", 0]])
def test_evidence_that_names_no_place_marks_nothing(source: Any) -> None:
    line = {"text": "a", "time": "2008-11-09T20:41:02Z", "surprise": 1.0, "expected": [], "source": source}
    [entry] = store_of(alarm("blk_1", lines=1, evidence=[line])).alarms()
    found = detail_of(entry, Found([RawLine(wanted_of(entry, []).first, "a", b"line", ("t", 0, 1))]))
    assert [line.surprise for line in found.lines] == [None]


def test_of_very_many_lines_those_around_the_marked_are_shown_and_the_others_counted() -> None:
    rows = line_rows(detail(4_096, marked=3_000))
    shown = [row for row in rows if "skipped" not in row]
    assert len(shown) <= MOST_LINES
    assert [row["key"] for row in shown if row["marked"]] == [3_000]
    left_out = sum(int(row["skipped"].split()[1].replace(",", "")) for row in rows if "skipped" in row)
    assert len(shown) + left_out == 4_096


def test_days_are_said_where_there_is_more_than_one() -> None:
    rows = line_rows(detail(2, marked=0, first="2008-11-09T23:59:59Z"))
    assert [row["time"] for row in rows] == ["2008-11-09 23:59:59", "2008-11-10 00:00:00"]


def test_fewer_lines_than_the_event_counts_are_explained() -> None:
    [entry] = store_of(alarm("blk_1", lines=5)).alarms()
    found = detail_of(entry, Found([], "they are gone"))
    assert found.why == "0 of 5 lines: they are gone"


def test_the_chart_has_a_point_an_alarm_and_no_line_where_nothing_came() -> None:
    store = store_of(healthy("blk_1", score=1.0), alarm("blk_2", score=5.0))
    late = Feed(store)
    late.ends, late.now = {0: 2}, 1_200_000
    late(healthy("blk_3", score=2.0))
    options = new_options()
    fill(options, store.by_arrival, store.alarms(), 0, 2_000_000, 3.0, by_log=False)
    healthy_line, critical, *_ = options["series"]
    assert healthy_line["data"] == [[1_000_000, 1.0], [1_190_000, None], [1_200_000, 2.0], [1_210_000, 2.0]]
    assert healthy_line["markLine"]["data"] == [{"yAxis": 3.0}]
    assert critical["data"] == [{"value": [1_002_000, 5.0], "name": "blk_2/1"}]


def test_a_search_goes_by_all_events_of_a_window_that_are_known() -> None:
    store = store_of(alarm("blk_1"), alarm("blk_1"))
    [entry] = store.alarms()
    wanted = wanted_of(entry, store.revisions("blk_1"))
    assert (wanted.block, wanted.lines, wanted.scored) == (b"blk_1", 19, (1_001_000, 1_002_000))


def test_open_windows_are_read_out_of_what_a_daemon_shows() -> None:
    text = "# HELP tinylogbert_open_windows Open windows.\n# TYPE tinylogbert_open_windows gauge\n"
    assert total([text]) is None
    assert total([text + 'tinylogbert_open_windows{partition="0"} 1e3\nother 5\n']) == 1000


def test_open_windows_of_several_daemons_are_summed_up_and_a_partition_between_two_counts_once() -> None:
    shown = [f'tinylogbert_open_windows{{partition="{number}"}} {found}' for number, found in ((0, 3), (1, 4), (1, 5))]
    assert total(["\n".join(shown[:2]), shown[2]]) == 8


def test_a_rate_is_that_of_the_last_ten_seconds() -> None:
    now, count = 0.0, 0
    rate = Rate(lambda: count, lambda: now)
    for now in range(1, 31):
        count += 100 if now <= 15 else 10
        found = rate.per_second
    assert found == pytest.approx(10, rel=0.05)


# ── labels ──


def judged_by(grading: Grading, *entries: Entry) -> tuple[int, float]:
    for entry in entries:
        grading.see(entry.event)
    return grading.judged, grading.roc_auc()


def test_nothing_is_kept_before_there_is_a_label() -> None:
    grading = Grading(BlockScores)
    store = store_of(alarm("blk_1"), healthy("blk_2"))
    assert judged_by(grading, *store)[0] == 0
    assert not grading.begun
    grading.label("blk_1", True)
    grading.label("blk_2", False)
    assert judged_by(grading, *store) == (2, 1.0)


def test_labels_of_a_file_are_all_that_count() -> None:
    grading = Grading(BlockScores, {"blk_1": False, "blk_2": True})
    assert judged_by(grading, *store_of(alarm("blk_1"), healthy("blk_2"), healthy("blk_3"))) == (2, 0.0)


def test_blocks_that_are_open_are_counted_and_not_graded_until_they_close() -> None:
    grading = Grading(BlockScores, {"blk_1": True, "blk_2": False, "blk_3": True})
    judged_by(grading, *store_of(alarm("blk_1", score=9.0), healthy("blk_2", score=0.1)))
    young = [healthy(block, status="open", score=0.0) for block in ("blk_3", "blk_4")]
    assert judged_by(grading, *store_of(*young)) == (2, 1.0)
    assert grading.open == 1
    assert judged_by(grading, *store_of(healthy("blk_3", score=0.0))) == (3, 0.5)
    assert grading.open == 0
    judged_by(grading, *store_of(alarm("blk_1", part=2, status="open")))  # what it scored when closed stands
    assert (grading.judged, grading.open) == (3, 0)


def test_it_keeps_no_more_blocks_than_it_may() -> None:
    grading = Grading(BlockScores, most=2)
    for n in range(5):
        grading.label(f"blk_{n}", n % 2 == 0)
    assert judged_by(grading, *store_of(*(alarm(f"blk_{n}") for n in range(5))))[0] == 2
