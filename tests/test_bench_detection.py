"""The measure of detection: folds that share nothing, prefixes cut at the right moments, criteria that can be held
against the truth.
"""

import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bench.detection.criteria import NAMES, measure
from bench.detection.folds import chance_folds, mode_folds, normal_only, time_folds, window_folds
from bench.detection.judge import Prefixes, judge, scored
from bench.detection.kept import Kept
from bench.detection.log import Given, Log, bag_of, simulated_log
from bench.detection.methods import Asked, Bert, Teaching
from bench.detection.plan import Wanted, plan
from bench.detection.prefixes import Life, delays, ever_alarmed, prefixes_of, quiet_alarms
from bench.detection.ranks import gap, in_top, rank_auc, spearman, top_overlap
from bench.detection.study import CHANCE, study
from stream.scoring import Score, Surprise
from stream.windows.settings import WindowSettings
from stream.windows.window import Reason, Window
from training.bags import Bag, collect
from training.evaluate import evaluate_scores


@pytest.fixture(scope="module")
def learned() -> Log:
    return simulated_log(600, 0.05, seed=1)


@pytest.fixture(scope="module")
def judged() -> Log:
    return simulated_log(600, 0.1, seed=2)


def taught(given: Given) -> set[str]:
    """The blocks that are learned from."""
    return {window.block_id for window in given.looked_at} - given.left_out


def window(seconds: Sequence[int], failed: str = "blk_1") -> Window:
    texts = tuple(f"line {i}" for i in range(len(seconds)))
    return Window(failed, 1, Reason.SILENCE, texts, tuple(1000 * s for s in seconds), tuple(range(len(seconds))))


def life(failed: bool, *seconds: int, end: int = 100_000, since: int = 0, alarm: bool = False) -> Life:
    return Life(failed, 1000 * since, prefixes_of(window(seconds), 1000 * end), alarm)


def rings_from(lines: int, *lives: Life) -> dict[Bag, bool]:
    """Verdicts that call prefixes of so many lines anomalous, and longer ones."""
    return {prefix.bag: len(prefix.bag) >= lines for life in lives for prefix in life.prefixes}


# ── folds ──


def test_no_bag_of_lines_is_on_both_sides_of_a_fold_by_window(learned: Log) -> None:
    for fold in window_folds(learned, seed=4):
        known = {bag_of(w.texts) for w in fold.given.looked_at if w.complete and w.block_id in taught(fold.given)}
        assert known
        assert known.isdisjoint(bag_of(w.texts) for w in fold.judged)


def test_every_window_is_judged_once_in_the_folds_by_window(learned: Log) -> None:
    times = Counter(w.block_id for fold in window_folds(learned) for w in fold.judged)
    assert times == Counter(w.block_id for w in learned.closed)


def test_blocks_that_are_judged_in_folds_by_chance_are_not_learned_from_and_each_is_judged_once(learned: Log) -> None:
    folds = list(chance_folds(learned, seed=4))
    assert Counter(w.block_id for fold in folds for w in fold.judged) == Counter(w.block_id for w in learned.closed)
    for fold in folds:
        assert {w.block_id for w in fold.judged}.isdisjoint(taught(fold.given))
        assert 0.6 < len(taught(fold.given)) / len(learned.failed) < 0.7


def test_folds_by_time_judge_the_blocks_that_begin_after_all_that_was_learned(learned: Log) -> None:
    begins = {w.block_id: min(w.offsets) for w in learned.closed}
    for fold in time_folds(learned, cuts=(0.5, 0.7)):
        lines = len(fold.given.lines)
        assert {w.block_id for w in fold.judged} == {block for block, first in begins.items() if first >= lines}
        assert {w.block_id for w in fold.judged}.isdisjoint(taught(fold.given))


def test_failures_of_a_mode_are_judged_by_what_never_saw_one(learned: Log, judged: Log) -> None:
    seen = []
    for fold in mode_folds(learned, judged):
        modes = set(fold.name.split("+"))
        assert modes.isdisjoint(learned.modes.get(block, "") for block in taught(fold.given))
        failing = {judged.modes[w.block_id] for w in fold.judged if judged.failed[w.block_id]}
        assert failing <= modes
        assert sum(not failed for failed in fold.labels()) == len(judged.failed) - len(judged.anomalous)
        seen += modes
    assert len(seen) == len(set(seen)) == 13


@pytest.mark.parametrize("kind", ["chance", "window"])
def test_every_seed_deals_out_anew_and_one_seed_a_fold_judges_each_once(learned: Log, kind: str) -> None:
    whole = Counter(w.block_id for w in learned.closed)
    for every_seed, deals in ((False, 1), (True, 3)):
        tasks = list(plan(learned, Wanted([], kinds=(kind,), every_seed=every_seed)))
        assert len({task.fold.name for task in tasks}) == len(tasks) == 3 * deals
        assert {task.seed for task in tasks} == {0, 1, 2}
        judged = Counter(w.block_id for task in tasks for w in task.fold.judged)
        assert judged == Counter({block: deals * number for block, number in whole.items()})
    assert len({frozenset(w.block_id for w in task.fold.judged) for task in tasks}) == 9


def test_normal_only_learns_from_no_block_that_failed(learned: Log) -> None:
    for fold in window_folds(learned):
        assert taught(normal_only(fold, learned).given).isdisjoint(learned.anomalous)
        assert not taught(fold.given).isdisjoint(learned.anomalous)


def test_what_was_windowed_once_is_the_corpus_that_training_collects(learned: Log) -> None:
    left_out = frozenset(learned.anomalous)
    ours = learned.all().without(left_out).corpus(0.2)
    theirs = collect(iter(learned.lines), WindowSettings(), 0.2, left_out)
    for name in ("lives", "windows", "first", "last"):
        assert getattr(ours, name) == getattr(theirs, name)
    for one, two in ((ours.closed, theirs.closed), (ours.open, theirs.open)):
        assert (one.fitted, one.held_out) == (two.fitted, two.held_out)


def test_a_fault_is_the_first_line_that_a_healthy_life_has_not_or_the_failed_one_has_not(judged: Log) -> None:
    assert set(judged.faults) == judged.anomalous
    for w in judged.closed:
        if judged.modes.get(w.block_id) == "redundant_add":
            [at] = [t for t, text in zip(w.times, w.texts, strict=True) if "redundant addstoredblock" in text.lower()]
            assert judged.faults[w.block_id] == at
        if judged.modes.get(w.block_id) == "lost_write":
            assert judged.faults[w.block_id] - w.times[0] < 60_000


# ── prefixes ──


def test_a_prefix_ends_where_the_block_is_quiet_for_so_long_and_the_last_one_where_the_log_ends() -> None:
    cut = prefixes_of(window([0, 0, 5, 65, 66]), end=100_000, least_s=5)
    assert [(len(p.bag), p.time, p.silence) for p in cut] == [(2, 0, 5000), (3, 5000, 60_000), (5, 66_000, 34_000)]


def test_lines_of_one_second_are_never_parted() -> None:
    assert [len(p.bag) for p in prefixes_of(window([0, 0, 0, 1, 1]), end=1000)] == [3]


def test_false_alarms_are_counted_by_the_length_of_quiet_of_prefixes_and_of_windows() -> None:
    healthy, other = life(False, 0, 5, 70), life(False, 0, end=3)
    rows = quiet_alarms([healthy, other, life(True, 0, 5, 70)], rings_from(2, healthy, other))
    assert [(row["quiet_s"], row["alarms"], row["prefixes"]) for row in rows] == [
        (1, 2, 4), (10, 2, 2), (60, 2, 2), (3600, 1, 1),
    ]  # fmt: skip
    assert [(row["windows_with_alarm"], row["windows"]) for row in rows] == [(1, 2), (1, 1), (1, 1), (1, 1)]


def test_the_budget_is_of_windows_that_ring_at_a_look_or_when_closed() -> None:
    quick = life(False, 0, 5, 6, end=7)  # never quiet for 30 s
    slow, closed = life(False, 0, 5, 70), life(False, 0, alarm=True)
    verdicts = rings_from(3, quick, slow, closed)
    assert ever_alarmed([quick, slow, closed, life(True, 0)], verdicts) == pytest.approx(2 / 3)


def test_delay_counts_from_the_fault_to_the_look_that_rings() -> None:
    early = life(True, 0, 100, 200, since=100)  # rings at 100 + 30, with two lines
    late = life(True, 0, 300, 400, since=0)  # rings at 300 + 30
    closed, never = life(True, 0, alarm=True), life(True, 0)
    found = delays([early, late, closed, never, life(False, 0, 100)], rings_from(2, early, late, closed, never))
    assert found["failed"] == 4
    assert (found["early"], found["closed_only"], found["missed"]) == (0.5, 0.25, 0.25)
    assert (found["median_s"], found["p90_s"]) == (pytest.approx(180), pytest.approx(300))


def test_an_alarm_from_before_the_fault_is_no_detection() -> None:
    failed = life(True, 0, 100, 5000, end=5000, since=4000)
    assert delays([failed], {p.bag: len(p.bag) == 1 for p in failed.prefixes})["early"] == 0


# ── figures ──


class ByLines:
    """The more lines, the more anomalous."""

    checkpoint, material = "by lines", 1.0

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        return [
            Score(float(len(w)), 0.5, done and len(w) > 40, "normal") for w, done in zip(windows, complete, strict=True)
        ]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        return []


def test_figures_are_those_of_all_windows_and_of_distinct_ones(judged: Log, learned: Log) -> None:
    fold = next(iter(mode_folds(learned, judged, folds=1)))
    found = judge(ByLines(), fold, Prefixes())
    lines = [len(w.texts) for w in fold.judged]
    assert found["windows"]["roc_auc"] == pytest.approx(evaluate_scores(lines, fold.labels()))
    false = sum(number > 40 and not failed for number, failed in zip(lines, fold.labels(), strict=True))
    assert found["windows"]["false_alarms"] == pytest.approx(false / (~fold.labels()).sum())
    once = {(bag_of(w.texts), judged.failed[w.block_id]) for w in fold.judged}
    assert found["distinct"]["anomalous"] + found["distinct"]["normal"] == len(once) < len(lines)
    assert all(row["alarms"] == 0 < row["prefixes"] for row in found["quiet"])


def test_the_teacher_alone_finds_failures_that_it_never_saw(learned: Log, judged: Log, tmp_path: Path) -> None:
    fold = next(iter(mode_folds(learned, judged, folds=3)))
    scorer = Teaching().fit(fold.given, Asked(0, 1e-2, False), tmp_path, lambda *_: None)
    assert judge(scorer, fold, Prefixes())["windows"]["roc_auc"] > 0.9


def test_a_training_that_was_done_is_loaded_where_it_was_cut_afterwards(learned: Log, tmp_path: Path) -> None:
    method, asked = Bert(steps=1, epochs=0), Asked(0, 1e-2, False)
    given = learned.first(900)
    first = method.fit(given, asked, tmp_path / "place", lambda *_: None)
    again = method.fit(Given([], []), asked, tmp_path / "place", lambda *_: None)  # nothing to learn from any more
    assert first.checkpoint == again.checkpoint
    bags = [bag_of(w.texts) for w in learned.closed[:20]]
    assert scored(first, bags, complete=True) == scored(again, bags, complete=True)


def test_what_was_done_is_not_done_again_and_what_was_cut_finds_its_folder(tmp_path: Path) -> None:
    places = []

    def cut(place: Path) -> dict[str, int]:
        place.mkdir()
        places.append(place)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Kept(tmp_path).result({"fold": 1}, cut)

    def done(place: Path) -> dict[str, int]:
        places.append(place)
        return {"figure": place.is_dir()}

    for _ in range(2):
        assert Kept(tmp_path).result({"fold": 1}, done) == {"fold": 1, "figure": True}
    assert places == [places[0]] * 2
    assert Kept(tmp_path).result({"fold": 2}, lambda _: {"figure": 5})["figure"] == 5


# ── criteria ──


def test_every_criterion_says_something_of_the_detectors_and_its_pick_is_held_against_the_luckiest(
    learned: Log, judged: Log
) -> None:
    fold = next(iter(mode_folds(learned, judged, folds=3)))
    rows = study(fold, seed=0)
    assert {row["criterion"] for row in rows} >= {*NAMES, CHANCE}
    for row in rows:
        assert 0 <= row["precision"] <= 1
        assert row["regret"] == pytest.approx(row["best"] - row["precision"])
        assert row["correlation"] is None or -1 <= row["correlation"] <= 1
    assert rows == study(fold, seed=0)


def test_criteria_see_no_labels_and_prefer_what_predicts(learned: Log) -> None:
    bags = Counter(bag_of(w.texts) for w in learned.closed)
    kinds = sorted({text for bag in bags for text, _ in bag})
    counts = np.array([[dict(bag).get(kind, 0) for kind in kinds] + [0] for bag in bags], float)
    found = measure(counts, np.array(list(bags.values()), float), np.random.default_rng(0))
    assert set(found) == set(NAMES)
    left_out = found["left-out entries"][:12]  # of counts with 1, 2, … components
    assert left_out.argmax() > 2
    assert all(np.isfinite(found[name]).all() for name in NAMES if name != "left-out entries")


def test_rankings_of_weighted_windows_are_those_of_the_windows_written_out() -> None:
    rng = np.random.default_rng(3)
    scores, weights = rng.integers(0, 9, 30).astype(float), rng.integers(1, 6, 30).astype(float)
    high = rng.integers(3, 12, 25).astype(float)
    written_out = np.repeat(scores, weights.astype(int))
    labels = np.arange(len(high) + len(written_out)) < len(high)
    assert rank_auc(high, scores, weights) == pytest.approx(
        evaluate_scores(np.concatenate([high, written_out]), labels)
    )
    assert weights @ in_top(scores, weights, 0.1) == pytest.approx(0.1 * weights.sum())
    assert top_overlap(scores, 2 * scores + 1, weights) == pytest.approx(1)
    assert spearman(scores, -scores) == pytest.approx(-1)
    assert spearman(scores, np.zeros(30)) == 0


def test_the_gap_is_wide_where_two_classes_are_apart() -> None:
    scores = np.array([0.0, 0.1, 0.2, 9.9, 10.0])
    assert gap(scores, np.ones(5)) > 50
    assert gap(np.arange(20.0), np.ones(20)) < 5
    assert gap(np.zeros(3), np.ones(3)) == 0
    assert math.isfinite(gap(np.array([1.0, 2.0]), np.ones(2)))


# ── the command ──


def test_the_command_measures_a_simulation_and_keeps_what_it_did(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.detection", "--methods", "rarity", "--kinds", "mode", "--blocks", "300"]
    command += ["--seeds", "1", "--protocols", "unlabelled", "--folder", str(tmp_path / "kept")]
    done = subprocess.run(
        [*command, "--json", str(tmp_path / "found.json")],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "rarity" in done.stdout
    found = json.loads((tmp_path / "found.json").read_text())
    assert [row["kind"] for row in found["detection"]] == ["mode"] * 4
    kept = [json.loads(file.read_text()) for file in (tmp_path / "kept").glob("*.json")]
    assert sorted(each["fold"] for each in kept) == sorted(row["fold"] for row in found["detection"])


def test_lines_without_labels_are_wrong_usage() -> None:
    command = [sys.executable, "-m", "bench.detection", "--log", __file__]
    done = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--log and --labels go together" in done.stderr
