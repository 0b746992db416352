"""``tinylogbert evaluate`` without labels: what scores tell of themselves, beside what the checkpoint promises."""

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from command import Command
from tiny_checkpoint import write_tiny_checkpoint

from model.calibrated import calibration_of
from model.calibration import Calibration
from stream.rows import Row, read_rows
from stream.simulator import simulate
from training.unlabelled import WORST, Unlabelled

HOUR = 3_600_000
PAGE = Path(__file__).parents[1] / "docs" / "measures.md"
_REFERENCE = {"scores": [0.0], "survival": [1.0], "tail": 1.0, "windows": 5000, "threshold": 4.0}
KNOWN = Calibration.from_json({"closed": _REFERENCE, "open": _REFERENCE, "false_alarms": 0.01, "apart": 0.02})


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


def told(rows: list[Row]) -> dict[str, Any]:
    found = Unlabelled()
    for row in rows:
        found.see(row)
    return found.figures(KNOWN)


def quiet(p_values: list[float]) -> list[Row]:
    return [Row(f"blk_{i}", 1, 1 - p, False, p, 19, i * HOUR // 100) for i, p in enumerate(p_values)]


def uniform(count: int, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [1 - chance.random() for _ in range(count)]


# ── alarms ──


def test_alarms_stand_beside_what_was_promised_and_what_training_took_for_failures() -> None:
    rows = [*quiet([0.5] * 80), *(Row(f"blk_x{i}", 1, 5.0 + i, True, 0.001, 4, (80 + i) * HOUR) for i in range(21))]
    assert told(rows)["alarms"] == {
        "windows": 21,
        "share": 21 / 101,
        "stated_share": 0.01,
        "stated_windows": pytest.approx(1.01),
        "share_apart_in_training": 0.02,
        "hours": 100.0,
        "per_hour": 0.21,
    }


def test_parts_of_a_block_are_windows_of_one_block() -> None:
    found = told([Row("blk_1", part, 0.5, False, 0.4) for part in (1, 2)])
    assert (found["windows"], found["blocks"]) == (2, 1)


# ── p-values ──


def test_p_values_of_what_does_not_ring_are_uniform_if_the_promise_holds_whatever_rings() -> None:
    failures = [Row(f"blk_x{i}", 1, 9.0, True, 1e-5, 4, 0) for i in range(300)]  # a quarter of all
    found = told([*quiet([p for p in uniform(1000) if p > 1e-5]), *failures])["calibration"]
    assert found["quiet_windows"] == 1000
    assert found["ks_statistic"] < 0.04
    assert found["ks_p_value"] > 0.1
    assert sum(found["histogram"]) == 1000
    assert found["realised"]["0.001"] == pytest.approx(0.23, abs=0.01)  # of all windows, the failures among them


def test_windows_that_do_not_ring_lie_above_the_highest_p_value_that_does() -> None:
    ringing = [Row(f"blk_x{i}", 1, 9.0, True, 0.2, 4, 0) for i in range(10)]
    found = told([*quiet([p for p in uniform(2000) if p > 0.2]), *ringing])["calibration"]
    assert found["ks_p_value"] > 0.05


def test_repeated_p_values_are_no_departure_from_uniform() -> None:
    steps = [(int(p * 7) + 1) / 7 for p in uniform(2000)]
    assert told(quiet(steps))["calibration"]["ks_p_value"] > 0.05


def test_windows_that_are_stranger_than_those_of_training_are_found_out() -> None:
    found = told(quiet([p**2 for p in uniform(1000)]))["calibration"]
    assert found["ks_p_value"] < 1e-9
    assert found["realised"]["0.01"] > 0.05
    assert found["histogram"][0] > 2 * found["histogram"][9]


def test_drift_is_told_with_its_time() -> None:
    rows = quiet([*uniform(1500), *(p / 50 for p in uniform(500))])
    [time, *_] = told(rows)["drift"]["times"]
    assert "1970-01-01T15:00:00Z" < time < "1970-01-01T17:00:00Z"
    assert told(quiet(uniform(2000)))["drift"]["times"] == []


# ── what to look at ──


def test_the_lines_that_carry_alarms_come_by_how_often_each_with_its_worst_block() -> None:
    lines = ["a"] * 3 + ["b"] * 5 + ["a"]
    rows = [Row(f"blk_{i}", 1, float(i % 4), True, 1e-3, worst_line=line) for i, line in enumerate(lines)]
    assert told(rows)["alarm_lines"] == [
        {"line": "b", "windows": 5, "block_id": "blk_3"},
        {"line": "a", "windows": 4, "block_id": "blk_2"},
    ]


def test_the_worst_windows_come_first_and_of_equal_ones_the_earlier() -> None:
    rows = [Row(f"blk_{i}", 1, float(i // 2), False, 0.5, 7, i * 1000) for i in range(60)]
    worst = told(rows)["worst"]
    assert [row["block_id"] for row in worst[:4]] == ["blk_58", "blk_59", "blk_56", "blk_57"]
    assert len(worst) == WORST
    assert worst[0] == {
        "block_id": "blk_58",
        "part": 1,
        "score": 29.0,
        "p_value": 0.5,
        "anomalous": False,
        "lines": 7,
        "last_time": "1970-01-01T00:00:58Z",
        "worst_line": "",
    }


def test_what_columns_do_not_tell_is_null() -> None:
    found = told([Row("blk_1", 1, 0.5, False), Row("blk_2", 1, 2.5, True)])
    assert (found["calibration"], found["drift"], found["alarms"]["per_hour"], found["alarm_lines"]) == (
        None, None, None, [],
    )  # fmt: skip
    assert told(quiet([0.5] * 10))["calibration"] is None  # too few to say anything


# ── the command ──


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unlabelled")
    write_tiny_checkpoint(folder / "tiny")
    (folder / "later.log").write_bytes(b"".join(line + b"\n" for line in simulate(300, 0.05, seed=9).lines()))
    return folder


def test_scores_of_later_lines_are_held_against_their_checkpoint(command: Command, folder: Path) -> None:
    scores, tiny = folder / "scores.csv", ("--checkpoint", folder / "tiny")
    assert command("score", folder / "later.log", "--out", scores, *tiny).code == 0
    ran = command("evaluate", "--scores", scores, *tiny)
    assert (ran.code, ran.err, ran.out.count(b"\n")) == (0, "", 1)
    found, rows = json.loads(ran.out), list(read_rows(str(scores)))
    assert (found["windows"], found["blocks"]) == (len(rows), 300)
    assert found["alarms"]["windows"] == sum(row.anomalous for row in rows)
    assert found["alarms"]["stated_share"] == 0.1
    lines = Counter(row.worst_line for row in rows if row.anomalous)
    assert {line["line"]: line["windows"] for line in found["alarm_lines"]} == dict(lines.most_common())
    assert found["worst"][0]["score"] == max(row.score for row in rows)
    assert found["calibration"]["quiet_windows"] > 200


def test_scores_of_another_checkpoint_are_refused_in_one_line(command: Command, folder: Path) -> None:
    scores = folder / "others.csv"
    assert command("score", folder / "later.log", "--out", scores, "--checkpoint", folder / "tiny").code == 0
    ran = command("evaluate", "--scores", scores)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, b"", 1)
    assert ran.err.startswith(f"error: {scores} was scored by another checkpoint: blk_")
    assert "--checkpoint (and --scorer)" in ran.err


def test_a_simple_detector_beside_the_checkpoint_has_its_own_promise(command: Command, folder: Path) -> None:
    scores = folder / "pca.csv"
    assert command("score", folder / "later.log", "--scorer", "pca", "--out", scores).code == 0
    found = json.loads(command("evaluate", "--scores", scores, "--scorer", "pca").out)
    assert found["alarms"]["stated_share"] == calibration_of(None, "pca").false_alarms
    assert found["windows"] == 300


@pytest.mark.parametrize("more", [("--report", "report"), ("--log", "later.log")])
def test_what_needs_labels_is_wrong_usage_without_them(command: Command, more: tuple[str, str]) -> None:
    ran = command("evaluate", "--scores", "scores.csv", *more)
    assert (ran.code, ran.out) == (2, b"")
    assert "--report and --log go with --labels" in ran.err


def test_a_file_without_rows_and_a_folder_without_checkpoint_are_one_line(command: Command, tmp_path: Path) -> None:
    scores = tmp_path / "scores.csv"
    scores.write_text("block_id,part,score,p_value,anomalous\n")
    ran = command("evaluate", "--scores", scores)
    assert (ran.code, ran.err) == (
        1, f"error: {scores} has no row; write it with: tinylogbert score FILE --out {scores}\n",
    )  # fmt: skip
    ran = command("evaluate", "--scores", scores, "--checkpoint", tmp_path)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert f"{tmp_path} is no checkpoint" in ran.err


def test_a_changed_calibration_is_no_promise(command: Command, tmp_path: Path) -> None:
    tiny = write_tiny_checkpoint(tmp_path / "tiny")
    changed = (tiny / "calibration.json").read_text().replace('"false_alarms": 0.1', '"false_alarms": 0.2')
    (tiny / "calibration.json").write_text(changed)
    (tmp_path / "scores.csv").write_text("block_id,part,score,anomalous\nblk_1,1,0.5,false\n")
    ran = command("evaluate", "--scores", tmp_path / "scores.csv", "--checkpoint", tiny)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "calibration.json has been changed since it was saved" in ran.err


def test_every_key_is_defined_on_the_page() -> None:
    section = PAGE.read_text().split("## Without labels")[1].split("\n## ")[0]
    rows = [*quiet(uniform(100)), Row("blk_x", 1, 9.0, True, 1e-9, 4, 0, "a")]
    found = told(rows)
    inner = {key for name in ("alarms", "calibration") for key in found[name]}
    assert {*found, *inner} - set(re.findall(r"`([a-z_]+)`", section)) == set()
