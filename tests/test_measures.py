"""What a replay measures beside the ranking: early scores, delay, false alarms, figures over time, and their page."""

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Command
from tiny_checkpoint import write_tiny_checkpoint

from stream.commands.chart import chart
from stream.lines import LineReader
from stream.scoring import Score, Surprise
from stream.simulator import simulate
from stream.windows.settings import WindowSettings
from stream.windows.window import Reason, Window
from training.between import Between
from training.blockscores import BlockScores
from training.delay import Differs, alarm_time, delays
from training.early import EarlyScores
from training.falsealarms import false_alarm_figures
from training.prequential import Prequential
from training.replay import Replay

S = 1000
PAGE = Path(__file__).parents[1] / "docs" / "measures.md"


def line(second: int, block: int, what: str = "Receiving block") -> bytes:
    return b"081109 20%02d%02d 143 INFO dfs.DataNode: %s blk_%d" % (second // 60, second % 60, what.encode(), block)


def window(*lines: tuple[int, str], block: str = "blk_1", reason: Reason = Reason.SILENCE, part: int = 1) -> Window:
    times, texts = tuple(second * S for second, _ in lines), tuple(text for _, text in lines)
    return Window(block, part, reason, texts, times, tuple(range(len(lines))))


class Lengths:
    """Scores a window by its number of lines; an open one is anomalous from three lines on, a closed one from four."""

    checkpoint, material = "lengths", 1.0

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        scores = []
        for texts, done in zip(windows, complete, strict=True):
            anomalous = len(texts) >= (4 if done else 3)
            scores.append(Score(float(len(texts)), 0.5, anomalous, "critical" if anomalous else "normal"))
        return scores

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        return []


def replayed(lines: Sequence[bytes], labels: dict[str, bool], **settings: int) -> Replay:
    replay = Replay(Lengths(), WindowSettings(**settings), LineReader(), labels, budget=0.01)
    for number, raw in enumerate(lines):
        replay.line(raw, number)
    replay.finish()
    return replay


# ── early ──


def test_an_early_score_is_that_of_the_lines_up_to_the_age_as_a_window_that_may_go_on() -> None:
    early = EarlyScores(Lengths())
    failed = window((0, "a"), (1, "b"), (10, "c"), (11, "d"), (61, "e"), block="blk_1")
    healthy = window((5, "a"), (5, "b"), (66, "c"), block="blk_2")
    early.add([failed, healthy, window((0, "x"), block="blk_1", part=2)])
    found = early.figures({"blk_1": True, "blk_2": False, "blk_3": True})
    assert {age: figures["roc_auc"] for age, figures in found.items()} == {"1s": 0.5, "10s": 1.0, "60s": 1.0}
    assert [found[age]["at_threshold"]["true_positives"] for age in ("1s", "10s", "60s")] == [0, 1, 1]
    assert found["60s"]["at_threshold"]["false_positives"] == 0


# ── delay ──


def test_a_line_differs_once_no_window_of_a_normal_block_has_as_many_of_every_kind() -> None:
    differs = Differs([Counter(a=3, b=1), Counter(a=1, c=2)])
    for lines, first in {
        "aaab": None,
        "ca": None,
        "aaaa": 3,
        "aac": 2,  # no normal window has two of the first and one of the second
        "abx": 2,
        "cc": None,
        "ccc": 2,
    }.items():
        found = differs.since(window(*enumerate(lines)))
        assert found == (None if first is None else first * S), lines


def test_without_a_normal_window_the_first_line_differs() -> None:
    assert Differs([]).since(window((7, "a"), (8, "b"))) == 7 * S


@pytest.mark.parametrize(
    ("reason", "seconds"),
    [("quiet", 95 + 30), ("silence", 95 + 1000 + 60), ("end of input", 95 + 1000 + 60), ("max_lines", 95),
     ("max_age", 5 + 5000 + 60), ("evicted", 95)],
)  # fmt: skip
def test_an_alarm_rings_when_its_window_is_due(reason: str, seconds: int) -> None:
    settings = WindowSettings(quiet_after=30 * S, close_after=1000 * S, lateness=60 * S, max_age=5000 * S)
    event = {"reason": reason, "first_time": "1970-01-01T00:00:05Z", "last_time": "1970-01-01T00:01:35Z"}
    assert alarm_time(event, settings) == seconds * S


def test_delays_count_from_the_line_that_differs_or_else_from_the_last_one() -> None:
    failed = {
        "blk_1": [window((0, "a"), (10, "x"), (20, "a"))],
        "blk_2": [window((0, "a"), (30, "b"))],
        "blk_3": [window((0, "x"))],
        "blk_4": [window((0, "a"), part=1), window((100, "x"), part=2)],
    }
    found = delays(failed, {"blk_1": 40 * S, "blk_2": 90 * S, "blk_4": 60 * S}, [Counter(a=2, b=1)])
    assert found.from_difference.tolist() == [30, -40]
    assert found.from_last_line.tolist() == [60]
    assert found.missed == 1


def test_a_replay_knows_the_first_alarm_of_a_block_also_a_provisional_one() -> None:
    before = [line(i, 2 + i) for i in range(300)]  # until event time is known
    log = [line(400, 1), line(401, 1, "x"), line(402, 1, "y"), line(500, 2), line(600, 1, "z")]
    labels = {f"blk_{i}": i == 1 for i in range(1, 302)}
    found = replayed([*before, *log], labels, quiet_after=30 * S).figures()
    assert found["delay"]["from_first_differing_line"]["blocks"] == 1
    assert found["delay"]["from_first_differing_line"]["median"] == 1 + 30  # x, and a second later the third line
    assert found["delay"]["never"] == 0
    assert found["false_alarms"]["blocks"] == 0


# ── false alarms ──


def test_false_alarms_are_normal_blocks_an_hour_beside_the_budget() -> None:
    labels = {f"blk_{i}": i < 10 for i in range(110)}
    found = false_alarm_figures(labels, [*labels, "blk_x"], {"blk_1", "blk_50", "blk_60", "blk_x"}, 4 * 3_600_000, 0.01)
    assert found == {
        "blocks": 2, "hours": 4.0, "share": 0.02, "stated_share": 0.01, "per_hour": 0.5, "stated_per_hour": 0.25,
    }  # fmt: skip


def test_a_log_of_one_moment_has_no_hours_and_a_scorer_may_have_no_budget() -> None:
    found = false_alarm_figures({"blk_1": False}, ["blk_1"], {"blk_1"}, 0, None)
    assert (found["share"], found["per_hour"], found["stated_per_hour"], found["stated_share"]) == (1, None, None, None)


def test_hours_are_those_of_the_log_and_a_broken_clock_adds_none() -> None:
    log = [line(i, i % 40) for i in range(3000)]
    labels = {f"blk_{i}": False for i in range(40)}
    broken = b"700101" + line(5, 7)[6:]
    assert replayed(log, labels).figures()["false_alarms"]["hours"] == pytest.approx(2999 / 3600)
    assert replayed([*log[:2000], broken, *log[2000:]], labels).figures()["false_alarms"]["hours"] == pytest.approx(
        2999 / 3600
    )


# ── over time ──


def test_the_curve_has_its_points_and_the_sliding_figures_forget() -> None:
    blocks = BlockScores({f"blk_{i}": i % 2 == 0 for i in range(3000)})
    over_time = Prequential(blocks)
    random = np.random.default_rng(1)
    for i in range(3000):
        good = i >= 1500  # from here on the scores tell the classes apart
        score = float(i % 2 == 0) + random.normal() * (0.01 if good else 10)
        blocks.see(f"blk_{i}", score, False, closed=True)
        over_time.closed(f"blk_{i}", i * 10 * S)
        over_time.note(i * 10 * S, i + 1)
    found = over_time.figures(str)
    assert found["last_windows"]["anomalous"] + found["last_windows"]["normal"] == 1000
    assert found["last_hour"]["anomalous"] + found["last_hour"]["normal"] == 360
    assert found["last_windows"]["roc_auc"] == found["last_hour"]["roc_auc"] == 1.0
    assert found["last_windows"]["roc_auc_interval"] is None
    assert 0.6 < blocks.auc.roc_auc() < 0.9 < found["fading"]["roc_auc"] < 1
    assert sum(found["fading"]["weights"]) == pytest.approx(360 / math.log(2), rel=0.01)
    assert 100 < len(found["curve"]) < 400
    assert [point["lines"] for point in found["curve"]] == sorted({point["lines"] for point in found["curve"]})
    early = next(point for point in found["curve"] if point["lines"] > 1000)
    assert early["last_windows"][0] < 0.7
    assert found["curve"][0]["cumulative"] == [None, None]


def test_a_broken_clock_makes_the_figures_of_the_last_hour_forget_nothing() -> None:
    log = [line(i, i % 40) for i in range(3000)]
    labels = {f"blk_{i}": i % 4 == 0 for i in range(40)}
    broken = b"380101" + line(5, 7)[6:]
    found = replayed([*log[:2000], broken, *log[2000:]], labels).figures()["prequential"]
    for figure in ("last_windows", "last_hour", "fading"):
        assert (found[figure]["anomalous"], found[figure]["normal"]) == (10, 31)


def test_a_window_without_a_label_enters_nothing() -> None:
    blocks = BlockScores()
    over_time = Prequential(blocks)
    blocks.see("blk_1", 1.0, False, closed=True)
    over_time.closed("blk_1", 0)
    found = over_time.figures(str)
    assert (found["last_windows"]["anomalous"], found["last_windows"]["normal"]) == (0, 0)


# ── parts, distinct ──


def test_a_block_in_parts_is_judged_by_its_highest_and_equal_contents_count_once() -> None:
    long = [line(i, 1) for i in range(5)]  # 5 lines, closed by silence, then one line more: a second part
    rest = [line(3000, 1), line(3001, 2), line(3002, 3), line(3003, 4), line(3003, 4)]
    labels = {"blk_1": True, "blk_2": False, "blk_3": False, "blk_4": False}
    replay = replayed([*long, *rest], labels, quiet_after=10 * S, close_after=600 * S, lateness=S)
    found = replay.figures()
    assert found["windows"] == 5
    assert replay.blocks.scores["blk_1"].score == 5
    assert (found["normal"], found["distinct"]["normal"]) == (3, 2)
    assert (found["anomalous"], found["distinct"]["anomalous"], found["distinct"]["roc_auc"]) == (1, 1, 1.0)


# ── between two times ──


def test_lines_between_two_times_are_wanted_and_blocks_that_began_before_are_fragments() -> None:
    begin, end = (LineReader().read(line(second, 1)).time for second in (10, 20))
    between = Between(LineReader(), begin, end)
    lines = [b"no time", line(5, 1), line(10, 1), b"no time", line(19, 2), line(20, 3), line(12, 4), b"no time"]
    assert [between(raw) for raw in lines] == [False, False, True, True, True, False, True, True]
    assert between.fragments == {b"blk_1"}
    assert between.outside == 3
    assert all(map(Between(LineReader(), None, None), lines))


# ── the chart ──


def test_a_chart_has_high_values_on_top_and_gaps_where_nothing_is_known() -> None:
    assert chart([0.0, 1.0], 2, 2, 0.0, 1.0) == ["⠀⠉", "⣀⠀"]
    assert chart([math.nan, 7.0], 2, 1, 0.0, 1.0) == ["⠀⠉"]
    assert chart([], 3, 1, 0.0, 1.0) == ["⠀⠀⠀"]
    rising = chart([i / 99 for i in range(100)], 10, 4, 0.0, 1.0)
    assert rising[0].startswith("⠀")
    assert rising[0].strip("⠀")
    assert rising[3].endswith("⠀")


# ── the page ──


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("measures")
    chunks = list(simulate(80, 0.2, seed=3).chunks())
    lines = [raw for chunk in chunks for raw in chunk.lines]
    labels = {label.block_id: label.anomalous for chunk in chunks for label in chunk.labels}
    from model.scorers import scorer_of

    scorer, beside = scorer_of(write_tiny_checkpoint(folder / "tiny"), True), [("lengths", Lengths())]
    replay = Replay(scorer, WindowSettings(), LineReader(), labels, beside=beside)
    for number, raw in enumerate(lines):
        replay.line(raw, number)
    replay.finish()
    return json.loads(json.dumps(replay.figures()))


def keys(found: Any) -> set[str]:
    if isinstance(found, dict):
        return set(found) | {key for value in found.values() for key in keys(value)}
    return {key for value in found for key in keys(value)} if isinstance(found, list) else set()


def test_every_key_that_is_printed_is_defined_on_the_page_and_in_the_help(
    printed: dict[str, Any], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    page = PAGE.read_text()
    named = set(re.findall(r"`([a-z0-9_]+)`", page))
    data = set(printed["calibration"]["realised"]) | set(printed["unreadable_lines"])
    assert keys(printed) - named - data == set()
    shown = Command(capsysbinary)("replay", "--help").out.decode()
    figures = ("roc_auc", "average_precision", "at_threshold", "best_f1_oracle", "distinct", "early", "delay")
    for name in (*figures, "baselines", "false_alarms", "calibration", "drift", "prequential"):
        assert re.search(rf"\n +{name}  ", shown), name
    assert "an oracle" in shown


def test_what_the_page_names_for_replay_is_printed(printed: dict[str, Any]) -> None:
    rows = re.findall(r"^\| ((?:`[a-z0-9_]+`(?:, )?)+) \|", PAGE.read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([a-z0-9_]+)`", row)}
    assert len(named) > 25
    assert named - keys(printed) == set()
