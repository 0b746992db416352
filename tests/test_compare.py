"""``tinylogbert compare``: the same windows for all, none that was fitted on, and the figures of evaluate."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command import Command, Ran
from tiny_checkpoint import write_tiny_checkpoint

from model.baselines import load_baseline
from model.scorer import BertScorer
from stream.lines import windowed_blocks
from stream.scoring import Score, Surprise
from stream.simulator import simulate
from stream.windows.window import Reason, Window
from training.contest import Contest

SHARE = 0.6


class Log:
    """A labelled log of a simulated cluster, whole and cut where six tenths of the lines are past."""

    def __init__(self, folder: Path) -> None:
        simulation = simulate(300, 0.15, seed=11, hours=3)
        lines = list(simulation.lines())
        cut = int(len(lines) * SHARE)
        self.whole, self.first, self.rest = (
            write(folder / name, part)
            for name, part in (("whole.log", lines), ("first.log", lines[:cut]), ("rest.log", lines[cut:]))
        )
        self.failed = {label.block_id: label.anomalous for label in simulation.labels()}
        self.labels = folder / "labels.csv"
        rows = [f"{block},{'Anomaly' if bad else 'Normal'}\n" for block, bad in self.failed.items()]
        self.labels.write_text("BlockId,Label\n" + "".join(rows))
        before = {block for line in lines[:cut] for block in windowed_blocks(line)}
        self.later = {block.decode() for line in lines[cut:] for block in windowed_blocks(line)} - {
            block.decode() for block in before
        }


def write(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return Log(tmp_path_factory.mktemp("compare"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "tiny")


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


def rows(ran: Ran) -> list[dict[str, Any]]:
    """The rows of ``--json``, without the speed, which is no other run's."""
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = [json.loads(line) for line in ran.out.splitlines()]
    for row in found:
        speed = row.pop("windows_per_second")
        assert (speed is not None and speed > 0) == (row["over"] == "blocks")
    return found


def figures(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("detector", "checkpoint")}


def test_one_table_has_all_detectors_over_blocks_and_over_distinct_ones(command: Command, log: Log, tiny: Path) -> None:
    ran = command("compare", log.whole, "--labels", log.labels, "--checkpoint", tiny)
    assert ran.code == 0, ran.err
    blocks, distinct = (part.splitlines() for part in ran.out.decode().split("\n\n"))
    failed = sum(log.failed[block] for block in log.later)
    assert blocks[0] == f"{len(log.later)} blocks; {failed} anomalous"
    assert "distinct blocks, each bag of lines and label once" in distinct[0]
    columns = "detector ROC-AUC AP F1 precision recall best F1 false alarms"
    assert " ".join(blocks[1].split()) == f"{columns} windows/s"
    assert " ".join(distinct[1].split()) == columns
    name = BertScorer.load(tiny).checkpoint
    for part in (blocks, distinct):
        assert [row.split("  ")[0] for row in part[2:]] == ["pca", "rarity", "forest", f"TinyLogBERT {name}"]
    assert len({len(row) for row in blocks[1:]}) == 1
    assert f"note: TinyLogBERT {name} came as it was" in ran.err
    assert re.search(rf"^TinyLogBERT {name} is .*worth its cost on these logs \(average precision of ", ran.err, re.M)


def test_it_is_the_same_each_time_and_another_seed_draws_anew(command: Command, log: Log, tiny: Path) -> None:
    asked = ("compare", log.whole, "--labels", log.labels, "--checkpoint", tiny, "--json")
    first = rows(command(*asked))
    assert rows(command(*asked)) == first
    other = rows(command(*asked, "--seed", "1"))
    moved = {row["detector"] for row, before in zip(other, first, strict=True) if row != before}
    assert "forest" in moved
    assert moved <= {"forest", "pca"}


def test_a_split_is_the_first_lines_to_fit_on_and_the_blocks_that_begin_behind_them_to_judge(
    command: Command, log: Log, tiny: Path
) -> None:
    split = rows(command("compare", log.whole, "--labels", log.labels, "--checkpoint", tiny, "--json"))
    given = command("compare", log.rest, "--train", log.first, "--labels", log.labels, "--checkpoint", tiny, "--json")
    assert rows(given) == split
    assert split[0]["anomalous"] + split[0]["normal"] == len(log.later)


def test_the_figures_are_those_of_train_score_and_evaluate(command: Command, log: Log, tmp_path: Path) -> None:
    out, scores, labels = tmp_path / "pca", tmp_path / "scores.csv", tmp_path / "labels.csv"
    assert command("train", log.first, "--detector", "pca", "--out", out).code == 0
    assert command("score", log.rest, "--checkpoint", out, "--out", scores).code == 0
    labels.write_text("BlockId,Label\n" + "".join(f"{block},{int(log.failed[block])}\n" for block in log.later))
    wanted = json.loads(command("evaluate", "--scores", scores, "--labels", labels).out)
    found = rows(command("compare", log.whole, "--labels", log.labels, "--checkpoint", out, "--json"))
    assert figures(found[3]) == figures(found[0])
    assert found[3]["detector"] == found[3]["checkpoint"] == load_baseline(out).name
    row, at = found[0], wanted["at_threshold"]
    assert (row["roc_auc"], row["average_precision"]) == (wanted["roc_auc"], wanted["average_precision"])
    assert (row["f1"], row["precision"], row["recall"]) == (at["f1"], at["precision"], at["recall"])
    assert (row["best_f1_oracle"], row["false_alarms"]) == (wanted["best_f1_oracle"]["f1"], at["false_positives"])


def test_failures_can_be_left_out_of_what_is_fitted_on(command: Command, log: Log, tmp_path: Path) -> None:
    out = tmp_path / "rarity"
    healthy = ("--normal-only", log.labels)
    assert command("train", log.first, "--detector", "rarity", "--out", out, *healthy).code == 0
    asked = ("compare", log.whole, "--labels", log.labels, "--checkpoint", out, "--json")
    left_out, as_it_comes = rows(command(*asked, "--normal-only")), rows(command(*asked))
    assert figures(left_out[1]) == figures(left_out[3]) == figures(as_it_comes[3])
    assert figures(left_out[1]) != figures(as_it_comes[1])


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("whole", "--split", "1.0"), 2, "1.0 is not in the range 0<x<1"),
        (("whole", "--train", "first", "--split", "0.5"), 2, "give --train or --split, and not both"),
        (("-",), 2, "standard input cannot be split, as its lines are counted first; give --train"),
        (("whole", "--split", "0.001"), 1, "windows are too few to learn from"),
        (("whole", "--checkpoint", "nowhere"), 1, "nowhere is no checkpoint"),
        (("first", "--train", "whole"), 1, "no block that begins behind the lines to fit on has a label in "),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    command: Command, log: Log, tiny: Path, arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    paths = {"whole": log.whole, "first": log.first}
    checkpoint = () if "--checkpoint" in arguments else ("--checkpoint", tiny)
    ran = command("compare", *(paths.get(word, word) for word in arguments), *checkpoint, "--labels", log.labels)
    assert (ran.code, ran.out) == (code, b"")
    assert complaint in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err


# ── the contest itself ──


class Length:
    """The longer the window, the higher its score."""

    checkpoint, material = "length", 1.0

    def score(self, windows: Any, complete: Any) -> list[Score]:
        return [Score(float(len(texts)), 0.5, len(texts) > 3, "normal") for texts in windows]

    def explain(self, window: Any, complete: bool) -> list[Surprise]:
        return []


class Blind(Length):
    """All windows are alike to it."""

    checkpoint = "blind"

    def score(self, windows: Any, complete: Any) -> list[Score]:
        return [Score(0.0, 0.5, False, "normal") for _ in windows]


def window(block: str, part: int, lines: int) -> Window:
    return Window(block, part, Reason.SILENCE, ("a",) * lines, (0,) * lines, (0,) * lines)


def test_a_block_has_the_highest_score_of_its_windows_and_counts_once_however_they_come() -> None:
    contest = Contest([("length", Length())], {"b1": True, "b2": False, "b3": False, "b4": False})
    contest.see([window("b1", 1, 9), window("b2", 1, 2)])
    contest.see([window("b1", 2, 1), window("b2", 2, 4), window("b3", 1, 2), window("b4", 1, 2), window("b9", 1, 99)])
    whole, distinct = contest.rows()
    assert (contest.windows, contest.unlabelled) == (6, 1)
    assert (whole["anomalous"], whole["normal"], whole["roc_auc"], whole["false_alarms"]) == (1, 3, 1.0, 1)
    assert (whole["precision"], whole["recall"], whole["false_alarm_share"]) == (0.5, 1.0, pytest.approx(1 / 3))
    assert (distinct["normal"], distinct["false_alarm_share"]) == (2, 0.5)  # b3 and b4 are the same


def test_who_is_worth_its_cost_is_held_against_all_others_but_those_that_are_asked_about() -> None:
    labels = {f"b{i}": i % 3 == 0 for i in range(60)}
    contest = Contest([("length", Length()), ("blind", Blind()), ("blind too", Blind())], labels)
    contest.see([window(block, 1, 9 if bad else 1) for block, bad in labels.items()])
    first, second = contest.verdicts(["length", "blind"])
    assert first.startswith(
        "length is worth its cost on these logs (average precision of length 1.0000, of blind too, "
    )
    assert second.startswith(
        "blind is not shown to be worth its cost on these logs (average precision of blind 0.3333, "
    )
    assert contest.verdicts(["length", "blind", "blind too"]) == []


def test_one_class_alone_has_no_figure_and_is_no_crash() -> None:
    contest = Contest([("length", Length())], {"b1": True})
    contest.see([window("b1", 1, 9)])
    [whole, _] = contest.rows()
    assert (whole["roc_auc"], whole["false_alarm_share"], whole["recall"]) == (None, None, 1.0)


def test_on_real_lines_pca_is_the_best_of_the_simple_detectors(command: Command, shared_data: Path, tiny: Path) -> None:
    log, labels = shared_data / "hdfs-1pct.log.gz", shared_data / "hdfs-1pct.labels.csv"
    found = rows(command("compare", log, "--labels", labels, "--checkpoint", tiny, "--json"))
    precision = {row["detector"]: row["average_precision"] for row in found if row["over"] == "blocks"}
    assert found[0]["anomalous"] == 70
    assert precision["pca"] > 0.95
    assert precision["pca"] > precision["rarity"] > 0.7
    assert found[0]["false_alarm_share"] < 0.01
