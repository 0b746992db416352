"""Simple detectors beside the scorer of a replay: the same windows and labels, paired tests, a plain sentence."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Command, Ran
from tiny_checkpoint import write_tiny_checkpoint

from model.baselines import BaselineScorer, load_baseline
from stream.scoring import Score, Surprise
from stream.simulator import simulate
from stream.windows.window import Reason, Window
from training.beside import Beside
from training.blockscores import Judged
from training.cost import MOST, seconds_per_thousand
from training.evaluate import figures, interval_figures
from training.worth import worth

NAMES = ["pca", "rarity", "forest"]


class Says:
    """Says of a window what its first line says, and calls anomalous what is above 0; notes what it was asked."""

    material = 1.0

    def __init__(self, checkpoint: str = "says", sign: float = 1.0) -> None:
        self.checkpoint, self._sign = checkpoint, sign
        self.asked: list[Sequence[str]] = []

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        assert all(complete)
        self.asked += windows
        values = [self._sign * float(texts[0]) if texts[0] != "a line" else 0.0 for texts in windows]
        return [Score(value, 0.5, value > 0, "normal") for value in values]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        return []


def window(block: str, score: float, part: int = 1) -> Window:
    return Window(block, part, Reason.SILENCE, (str(score),), (0,), (0,))


def judged(scores: Sequence[float], labels: Sequence[bool]) -> Judged:
    names = tuple(f"blk_{i:04}" for i in range(len(scores)))
    values = np.array(scores, float)
    return Judged(names, values, values > 0, np.array(labels, bool))


# ── the figures ──


def test_all_judge_the_same_windows_and_a_block_has_the_highest_score_of_its_parts() -> None:
    beside = Beside([("one", Says()), ("other", Says(sign=-1))])
    beside.add([window("blk_0000", 2), window("blk_0001", -3)])
    beside.add([window("blk_0001", 1, part=2), window("blk_0002", -1), window("blk_0009", 5)])
    found = beside.scores(judged([0, 0, 0], [True, False, False]))
    assert {name: scores.tolist() for name, scores in found.items()} == {"one": [2, 1, -1], "other": [-2, 3, 1]}


def test_each_has_its_own_figures_and_what_it_lacks_of_ours() -> None:
    random = np.random.default_rng(1)
    labels = random.random(400) < 0.2
    good, bad = (labels + noise * random.normal(size=400) - 0.5 for noise in (0.3, 1.0))
    beside = Beside([("bad", Says("bad-1a2b3c"))])
    ours = judged(good, labels)
    beside.add([window(block, float(score)) for block, score in zip(ours.blocks, bad, strict=True)])
    found = beside.figures(ours, "ours")
    assert found is not None
    [row] = found["detectors"]
    expected = {**figures(bad, bad > 0, labels), **interval_figures(bad, labels)}
    assert {name: row[name] for name in expected if name in row} == {n: v for n, v in expected.items() if n in row}
    assert {"roc_auc", "average_precision", "average_precision_interval", "at_threshold", "best_f1_oracle"} <= set(row)
    assert (row["detector"], row["checkpoint"]) == ("bad", "bad-1a2b3c")
    mine = figures(good, good > 0, labels)
    assert row["average_precision_difference"] == pytest.approx(mine["average_precision"] - row["average_precision"])
    assert row["roc_auc_difference"] == pytest.approx(mine["roc_auc"] - row["roc_auc"])
    assert row["roc_auc_difference_p_value"] < 0.01
    assert found["worth_its_cost"] is True


def test_without_a_detector_there_is_nothing() -> None:
    assert Beside([]).figures(judged([1.0], [True]), "ours") is None


# ── the sentence ──


def row(precision: float, difference: float | None, interval: list[float] | None) -> dict[str, Any]:
    at = {"true_positives": 8, "false_negatives": 2, "false_positives": 5}
    return {
        "detector": f"d{precision}",
        "average_precision": precision,
        "average_precision_difference": difference,
        "average_precision_difference_interval": interval,
        "at_threshold": at,
    }


OURS = {"average_precision": 0.9, "at_threshold": {"true_positives": 9, "false_negatives": 1, "false_positives": 3}}


@pytest.mark.parametrize(
    ("found", "is_worth", "begins"),
    [
        (row(0.8, 0.1, [0.05, 0.15]), True, "X is worth its cost on these logs ("),
        (row(0.85, 0.05, [-0.01, 0.11]), False, "X is not shown to be worth its cost on these logs ("),
        (row(0.95, -0.05, [-0.08, -0.02]), False, "X is not worth its cost on these logs ("),
        (row(0.9, 0.0, None), False, "X is not shown to be worth its cost on these logs ("),
        (row(0.5, 0.4, None), None, "Whether X is worth its cost on these logs cannot be told from so few blocks ("),
    ],
)
def test_the_sentence_says_what_the_difference_to_the_best_detector_says(
    found: dict[str, Any], is_worth: bool | None, begins: str
) -> None:
    told = worth("X", OURS, [row(0.1, 0.8, [0.7, 0.9]), found])
    assert told["worth_its_cost"] is is_worth
    assert told["verdict"].startswith(begins)
    best = f"average precision of X 0.9000, of d{found['average_precision']}, the best beside it, "
    assert best + f"{found['average_precision']:.4f}" in told["verdict"]
    assert "9 and 8 of 10 failures found at label-free thresholds, 3 and 5 false alarms)." in told["verdict"]


def test_one_class_alone_cannot_tell_it() -> None:
    beside = Beside([("one", Says())])
    beside.add([window("blk_0000", 1.0)])
    found = beside.figures(judged([1.0], [False]), "X")
    assert found is not None
    assert found["worth_its_cost"] is None
    assert found["verdict"] == "Whether X is worth its cost on these logs cannot be told: one class alone has labels."
    assert found["detectors"][0]["average_precision_difference"] is None


# ── the cost ──


def test_the_cost_is_measured_on_the_same_windows_of_which_there_are_a_thousand_at_most() -> None:
    one, other = Says(), Says()
    found = seconds_per_thousand({"one": one, "other": other}, [(str(i),) for i in range(3 * MOST)])
    assert set(found) == {"one", "other"}
    assert all(seconds > 0 for seconds in found.values())
    assert one.asked == other.asked
    assert len({texts[0] for texts in one.asked}) == MOST
    assert seconds_per_thousand({"one": one}, []) == {}


# ── the command ──


class Log:
    """A simulated log with its labels, one of another day to fit on, and a checkpoint of TinyLogBERT for tests."""

    def __init__(self, folder: Path) -> None:
        chunks = list(simulate(150, 0.2, seed=11).chunks())
        self.file, self.earlier, self.csv = folder / "hdfs.log", folder / "earlier.log", folder / "labels.csv"
        self.file.write_bytes(b"".join(line + b"\n" for chunk in chunks for line in chunk.lines))
        self.earlier.write_bytes(b"".join(line + b"\n" for line in simulate(200, 0.05, seed=4).lines()))
        rows = [f"{label.block_id},{int(label.anomalous)}\n" for chunk in chunks for label in chunk.labels]
        self.csv.write_text("BlockId,Label\n" + "".join(rows))
        self.checkpoint = write_tiny_checkpoint(folder / "tiny")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return Log(tmp_path_factory.mktemp("beside"))


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


def replayed(command: Command, log: Log, *arguments: str | Path) -> Ran:
    ran = command("replay", log.file, "--labels", log.csv, "--checkpoint", log.checkpoint, *arguments)
    assert ran.code == 0, ran.err
    return ran


def test_detectors_that_are_fitted_in_the_run_have_the_figures_of_train_and_replay(
    command: Command, log: Log, tmp_path: Path
) -> None:
    first, second = (replayed(command, log, "--fit-baselines", log.earlier) for _ in range(2))
    assert first.out == second.out
    found = json.loads(first.out)["baselines"]
    assert [row["detector"] for row in found["detectors"]] == NAMES
    assert re.search(r"^1,000 windows, each scored anew on this machine: TinyLogBERT [\d.]+ s, pca ", first.err, re.M)
    fitted = ("train", log.earlier, "--detector", "pca", "--out", tmp_path / "pca", "--false-alarms", "0.05")
    assert command(*fitted).code == 0
    alone = json.loads(command("replay", log.file, "--labels", log.csv, "--checkpoint", tmp_path / "pca").out)
    pca = found["detectors"][0]
    for name in ("roc_auc", "roc_auc_interval", "average_precision", "at_threshold", "best_f1_oracle"):
        assert pca[name] == alone[name]
    assert alone["baselines"] is None  # nothing lies beside it


def test_detectors_beside_the_checkpoint_judge_unless_they_are_not_wanted(
    command: Command, log: Log, tmp_path: Path
) -> None:
    checkpoint = write_tiny_checkpoint(tmp_path / "both")
    out = checkpoint / "baselines" / "rarity"
    assert command("train", log.earlier, "--detector", "rarity", "--out", out).code == 0
    asked = ("replay", log.file, "--labels", log.csv, "--checkpoint", checkpoint)
    found = json.loads(command(*asked).out)
    assert [row["checkpoint"] for row in found["baselines"]["detectors"]] == [load_baseline(out).name]
    assert found["baselines"]["verdict"].startswith("TinyLogBERT is ")
    assert json.loads(command(*asked, "--no-baselines").out) == {**found, "baselines": None}
    rarity = json.loads(command(*asked, "--scorer", "rarity").out)
    assert rarity["checkpoint"] == load_baseline(out).name
    assert rarity["baselines"] is None  # it is not held against itself


def test_other_checkpoints_can_stand_beside_it_and_are_told_apart(command: Command, log: Log, tmp_path: Path) -> None:
    other = write_tiny_checkpoint(tmp_path / "other", seed=1)
    beside = ("--baseline", other, "--baseline", log.checkpoint)
    found = json.loads(replayed(command, log, *beside).out)
    [row] = found["baselines"]["detectors"]  # the checkpoint itself is not held against itself
    assert row["detector"] == row["checkpoint"] != found["checkpoint"]
    assert (
        row["roc_auc"]
        == json.loads(command("replay", log.file, "--labels", log.csv, "--checkpoint", other).out)["roc_auc"]
    )


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (
            ["--no-baselines", "--fit-baselines", "x.log"],
            2,
            "--no-baselines goes neither with --baseline nor ",
        ),
        (["--fit-baselines", "absent.log"], 1, "absent.log"),
        (["--baseline", "absent"], 1, "absent is no checkpoint: it has no "),
        (["--scorer", "pca"], 1, "holds bert, and not pca; leave out --scorer, or train one: tinylogbert train FILE"),
    ],
)
def test_what_cannot_stand_beside_it_is_one_line(
    command: Command, log: Log, arguments: Sequence[str], code: int, complaint: str
) -> None:
    ran = command("replay", log.file, "--labels", log.csv, "--checkpoint", log.checkpoint, *arguments)
    assert (ran.code, ran.out) == (code, b"")
    assert complaint in ran.err.splitlines()[-1]


def test_the_report_has_table_curves_and_cost_and_all_but_the_cost_comes_out_the_same(
    command: Command, log: Log, tmp_path: Path
) -> None:
    pages, figures = [], []
    for _ in range(2):
        replayed(command, log, "--fit-baselines", log.earlier, "--report", tmp_path / "report")
        pages.append((tmp_path / "report" / "report.html").read_text())
        figures.append((tmp_path / "report" / "report.json").read_bytes())
    assert (tmp_path / "report" / "beside.png").read_bytes().startswith(b"\x89PNG")
    assert figures[0] == figures[1]
    without = [re.sub(r"<td class='n cost'>[\d.]+</td>|<p class=cost>.*?</p>", "", page) for page in pages]
    assert without[0] == without[1]
    assert pages[0].count("<td class='n cost'>") == 4
    took = (
        r"<p class=cost>To score 1,000 distinct windows TinyLogBERT took [\d.]+ s, (pca|rarity|forest) [\d.]+ s\.</p>"
    )
    assert re.search(took, pages[0])
    found = json.loads(figures[0])
    assert found["baselines"]["verdict"] in pages[0]
    assert f"{log.earlier}" in found["run"]["sha256"]


def test_a_scorer_without_its_memo_says_the_same(log: Log, command: Command, tmp_path: Path) -> None:
    assert command("train", log.earlier, "--detector", "pca", "--out", tmp_path / "pca").code == 0
    scorer = BaselineScorer.load(tmp_path / "pca")
    assert scorer.forgetful().score([("a",), ("b", "b")], [True, False]) == scorer.score(
        [("a",), ("b", "b")], [True, False]
    )
