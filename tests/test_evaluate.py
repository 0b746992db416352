"""Scores against labels: ``evaluate_scores``, the figures, and ``tinylogbert evaluate`` as a person meets it."""

import gzip
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from command import Command
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from tiny_checkpoint import write_tiny_checkpoint

from stream.simulator import simulate
from training.blockscores import BlockScores
from training.evaluate import best_f1, evaluate_scores, figures

values = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.sampled_from([0.0, 1.0])


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


# ── evaluate_scores ──


@given(
    st.lists(st.tuples(values, st.booleans()), min_size=2).filter(lambda pairs: len({label for _, label in pairs}) == 2)
)
@settings(deadline=None)
def test_it_is_the_roc_auc_of_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    scores, labels = zip(*pairs, strict=True)
    assert evaluate_scores(scores, labels) == pytest.approx(roc_auc_score(labels, scores), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("scores", "labels", "expected"),
    [
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),
        ([1, 1, 1, 1], [0, 1, 0, 1], 0.5),
        ([1, 1, 0], [True, False, False], 0.75),
        ([-math.inf, 0, math.inf, math.inf], [0, 1, 0, 1], 0.625),
        (np.array([[0.1], [0.9]]), np.array([0, 1]), 1.0),
        (torch.tensor([[0.9], [0.1]], requires_grad=True), torch.tensor([0.0, 1.0]), 0.0),
    ],
)
def test_ties_count_half_and_any_array_will_do(scores: object, labels: object, expected: float) -> None:
    found = evaluate_scores(scores, labels)
    assert type(found) is float
    assert found == expected


@pytest.mark.parametrize("labels", [[], [0, 0], [1, 1]])
def test_one_class_alone_has_no_auc(labels: list[int]) -> None:
    assert math.isnan(evaluate_scores([0.5] * len(labels), labels))


@pytest.mark.parametrize(
    ("scores", "labels", "complaint"),
    [
        ([1, 2, 3], [0, 1], "3 scores and 2 labels"),
        ([1, math.nan], [0, 1], "a score is NaN"),
        ([1, 2], [0, 2], "neither 0 nor 1"),
        ([1, 2], [0, math.nan], "neither 0 nor 1"),
        ([1, 2], ["Normal", "Anomaly"], "neither 0 nor 1"),
    ],
)
def test_what_cannot_be_right_is_refused(scores: list[float], labels: list[float], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        evaluate_scores(scores, labels)


# ── the figures ──


def test_figures_of_a_hand_made_case() -> None:
    scores = np.array([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0])
    verdicts = scores >= 7
    labels = np.array([1, 0, 1, 1, 0, 0, 0, 0], bool)
    assert figures(scores, verdicts, labels) == {
        "anomalous": 3,
        "normal": 5,
        "roc_auc": 13 / 15,
        "average_precision": pytest.approx((1 + 2 / 3 + 3 / 4) / 3),
        "at_threshold": {
            "precision": 2 / 3,
            "recall": 2 / 3,
            "f1": 2 / 3,
            "true_positives": 2,
            "false_positives": 1,
            "false_negatives": 1,
            "true_negatives": 4,
            "lowest_alarm": 7.0,
        },
        "best_f1_oracle": {"precision": 0.75, "recall": 1.0, "f1": 6 / 7, "threshold": 6.0},
        "scores": {
            "normal": {"min": 2.0, "q25": 3.0, "median": 4.0, "q75": 5.0, "q99": 8.0, "max": 8.0},
            "anomalous": {"min": 6.0, "q25": 6.0, "median": 7.0, "q75": 9.0, "q99": 9.0, "max": 9.0},
        },
    }


@given(st.lists(st.tuples(values, st.booleans()), min_size=2, max_size=30))
@settings(deadline=None, max_examples=50)
def test_no_threshold_has_a_better_f1_than_the_oracle(pairs: list[tuple[float, bool]]) -> None:
    scores, labels = np.array([score for score, _ in pairs]), np.array([label for _, label in pairs])
    best = best_f1(scores, labels)
    if labels.all() or not labels.any():
        assert set(best.values()) == {None}
        return
    every = {float(t): f1_score(labels, scores >= t) for t in scores}
    assert best["f1"] == pytest.approx(max(every.values()))
    assert best["f1"] == pytest.approx(every[best["threshold"]])


def test_what_one_class_alone_cannot_tell_is_none_never_a_number() -> None:
    found = figures(np.array([1.0, math.inf]), np.array([False, False]), np.array([False, False]))
    assert (found["roc_auc"], found["average_precision"], found["best_f1_oracle"]["f1"]) == (None, None, None)
    assert (found["at_threshold"]["precision"], found["at_threshold"]["recall"]) == (None, None)
    assert found["scores"]["normal"] == {"min": 1.0, "q25": 1.0, "median": 1.0, "q75": None, "q99": None, "max": None}


# ── one score a block ──


def test_a_block_has_its_highest_closed_part_and_until_then_the_latest_provisional_score() -> None:
    blocks = BlockScores({"blk_1": True})
    told = []
    for score, anomalous, closed in [
        (3, True, False),
        (1, False, False),
        (-2, False, True),
        (9, True, False),
        (-1, True, True),
    ]:
        blocks.see("blk_1", score, anomalous, closed)
        told.append(blocks.scores["blk_1"][:2])
    assert told == [(3, True), (1, False), (-2, False), (-2, False), (-1, True)]
    blocks.see("blk_1", -5, False, True)
    assert blocks.scores["blk_1"][:2] == (-1, True)


seen = st.tuples(st.integers(0, 5), st.sampled_from([0.0, 1.0, 2.0, -math.inf]), st.booleans(), st.booleans())


@given(st.lists(seen | st.integers(0, 5), max_size=40))
@settings(deadline=None, max_examples=60)
def test_running_figures_are_those_of_the_blocks_that_have_both_in_whatever_order(
    events: list[tuple[int, float, bool, bool] | int],
) -> None:
    blocks = BlockScores()
    for event in events:
        if isinstance(event, int):
            assert blocks.label(f"blk_{event}", event % 2 == 0)
        else:
            block, score, anomalous, closed = event
            blocks.see(f"blk_{block}", score, anomalous, closed)
        names, scores, _, labels = blocks.judged()
        assert (blocks.auc.anomalous, blocks.auc.normal) == (labels.sum(), (~labels).sum())
        assert blocks.unlabelled == len(blocks.scores) - len(names)
        assert blocks.unscored == len(blocks.labels) - len(names)
        assert blocks.auc.roc_auc() == pytest.approx(evaluate_scores(scores, labels), nan_ok=True)
        if labels.any() and not labels.all():
            ranks = np.unique(scores, return_inverse=True)[1]
            assert blocks.auc.average_precision() == pytest.approx(average_precision_score(labels, ranks))


# ── the command ──

SCORES = """block_id,part,score,p_value,anomalous,severity,lines,first_time,last_time,worst_line
blk_1,1,0.5,0.4,false,normal,19,2008-11-09T20:36:15Z,2008-11-09T20:41:02Z,
blk_2,1,0.25,0.6,false,normal,19,2008-11-09T20:36:15Z,2008-11-09T20:41:02Z,
blk_2,2,3.5,0.001,true,critical,2,2008-11-09T20:36:15Z,2008-11-09T20:41:02Z,"a, b"
blk_3,1,1.0,0.2,false,normal,19,2008-11-09T20:36:15Z,2008-11-09T20:41:02Z,
blk_4,1,7.0,0.001,true,critical,19,2008-11-09T20:36:15Z,2008-11-09T20:41:02Z,x
"""
LABELS = "BlockId,Label\nblk_1,Normal\nblk_2,Anomaly\nblk_3,Normal\nblk_5,Anomaly\n"


def files(folder: Path, scores: str = SCORES, labels: str = LABELS) -> tuple[str, ...]:
    (folder / "scores.csv").write_bytes(scores.encode(errors="surrogatepass"))
    (folder / "labels.csv").write_text(labels)
    return ("--scores", str(folder / "scores.csv"), "--labels", str(folder / "labels.csv"))


def test_every_figure_is_in_one_json_object(command: Command, tmp_path: Path) -> None:
    ran = command("evaluate", *files(tmp_path))
    assert (ran.code, ran.err, ran.out.count(b"\n")) == (0, "", 1)
    found = json.loads(ran.out)
    counts = {"windows": 5, "blocks": 4, "unlabelled_blocks": 1, "unscored_labels": 1, "anomalous": 1, "normal": 2}
    assert {name: found[name] for name in counts} == counts
    assert (found["roc_auc"], found["average_precision"]) == (1.0, 1.0)
    assert (found["at_threshold"]["f1"], found["at_threshold"]["lowest_alarm"]) == (1.0, 3.5)
    assert "distinct" not in found


def test_scores_may_be_packed_and_from_windows(command: Command, tmp_path: Path) -> None:
    plain = command("evaluate", *files(tmp_path))
    (tmp_path / "scores.csv").write_bytes(gzip.compress(b"\xef\xbb\xbf" + SCORES.replace("\n", "\r\n").encode()))
    assert command("evaluate", "--scores", tmp_path / "scores.csv", "--labels", tmp_path / "labels.csv") == plain


def test_one_class_is_null_with_the_counts(command: Command, tmp_path: Path) -> None:
    found = json.loads(command("evaluate", *files(tmp_path, labels="BlockId,Label\nblk_1,0\nblk_3,0\n")).out)
    assert (found["anomalous"], found["normal"], found["roc_auc"]) == (0, 2, None)


@pytest.mark.parametrize(
    ("scores", "labels", "complaint"),
    [
        ("", LABELS, "scores.csv is empty; write it with: tinylogbert score FILE --out "),
        ("block_id,score\n", LABELS, "scores.csv, line 1: there is no column part; write it with: tinylogbert score"),
        (SCORES.replace("7.0", "nan"), LABELS, "scores.csv, line 6: a score is NaN"),
        (SCORES.replace("7.0", "high"), LABELS, "scores.csv, line 6: could not convert string to float: 'high'"),
        (SCORES.replace("true", "maybe"), LABELS, "scores.csv, line 4: anomalous is 'maybe'; it must be true or false"),
        (SCORES + "blk_5,1\n", LABELS, "scores.csv, line 7: a column is missing"),
        (SCORES + "\ud8ff", LABELS, "scores.csv, line 7: it is not UTF-8"),
        (SCORES, "BlockId,Label\nblk_1,good\n", "labels.csv, line 2: label 'good' is unknown"),
        (SCORES, "BlockId,Label\nblk_9,1\n", "no block of "),
    ],
)
def test_bad_input_is_one_line(command: Command, tmp_path: Path, scores: str, labels: str, complaint: str) -> None:
    ran = command("evaluate", *files(tmp_path, scores, labels))
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, b"", 1)
    assert ran.err.startswith("error: ")
    assert complaint in ran.err


def test_a_report_without_the_log_says_what_is_left_out(command: Command, tmp_path: Path) -> None:
    report = tmp_path / "deep" / "report"
    ran = command("evaluate", *files(tmp_path), "--report", report)
    assert ran.code == 0
    assert ran.err == (
        f"{report}: scores.png, roc.png, pr.png, running.png, report.json, report.html\n"
        "t-SNE, delay and mistakes are left out: they need the log: --log FILE\n"
    )
    written = json.loads((report / "report.json").read_bytes())
    assert written.pop("run")["sha256"].keys() == {str(tmp_path / "scores.csv"), str(tmp_path / "labels.csv")}
    assert written == json.loads(ran.out)
    pictures = sorted(path.name for path in report.glob("*.png"))
    assert pictures == ["pr.png", "roc.png", "running.png", "scores.png"]
    assert all((report / name).read_bytes().startswith(b"\x89PNG") for name in pictures)


def test_a_report_of_one_class_has_no_curves(command: Command, tmp_path: Path) -> None:
    labels = "BlockId,Label\nblk_1,0\n"
    ran = command("evaluate", *files(tmp_path, labels=labels), "--report", tmp_path / "report")
    assert ran.code == 0
    assert "ROC and PR curves are left out: they need both classes" in ran.err
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["report.html", "report.json", "scores.png"]


def test_a_report_that_cannot_be_written_is_one_line(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ran = command("evaluate", *files(tmp_path), "--report", tmp_path / "file" / "report")
    assert (ran.code, ran.err) == (1, f"error: cannot write {tmp_path / 'file' / 'report'}: Not a directory\n")


def test_with_the_log_duplicates_count_once_and_windows_are_drawn(command: Command, tmp_path: Path) -> None:
    simulation = simulate(60, 0.2, seed=2)
    log, labels, scores = tmp_path / "hdfs.log", tmp_path / "labels.csv", tmp_path / "scores.csv"
    log.write_bytes(b"".join(line + b"\n" for line in simulation.lines()))
    chunks = list(simulate(60, 0.2, seed=2).chunks())
    rows = [f"{label.block_id},{int(label.anomalous)}\n" for chunk in chunks for label in chunk.labels]
    labels.write_text("BlockId,Label\n" + "".join(rows))
    checkpoint = write_tiny_checkpoint(tmp_path / "tiny")
    assert command("score", log, "--checkpoint", checkpoint, "--out", scores).code == 0
    ran = command(
        *("evaluate", "--scores", scores, "--labels", labels, "--log", log),
        *("--checkpoint", checkpoint, "--report", tmp_path / "report"),
    )
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["anomalous"] + found["normal"] == 60
    assert 2 < found["distinct"]["normal"] < found["normal"]
    assert (tmp_path / "report" / "tsne.png").read_bytes().startswith(b"\x89PNG")
    assert "left out" not in ran.err


def test_with_the_log_the_page_has_delay_and_mistakes_as_that_of_a_replay(command: Command, tmp_path: Path) -> None:
    simulation = simulate(60, 0.2, seed=2)
    log, labels, scores = tmp_path / "hdfs.log", tmp_path / "labels.csv", tmp_path / "scores.csv"
    log.write_bytes(b"".join(line + b"\n" for line in simulation.lines()))
    known = simulate(60, 0.2, seed=2).labels()
    labels.write_text("BlockId,Label\n" + "".join(f"{label.block_id},{int(label.anomalous)}\n" for label in known))
    tiny = ("--checkpoint", write_tiny_checkpoint(tmp_path / "tiny"))
    ran = command("replay", log, "--labels", labels, "--scores", scores, "--report", tmp_path / "replayed", *tiny)
    replayed = json.loads(ran.out)
    asked = ("--scores", scores, "--labels", labels, "--log", log, "--report", tmp_path / "report", *tiny)
    found = json.loads(command("evaluate", *asked).out)
    assert found["drift"] == replayed["drift"]
    for figure in ("last_windows", "last_hour", "fading"):
        assert found["prequential"][figure] == replayed["prequential"][figure]
    delay = found["final_delay"]
    blocks = [delay[since]["blocks"] for since in ("from_first_differing_line", "from_last_line")]
    assert sum(blocks) == found["at_threshold"]["true_positives"]
    assert delay["never"] == found["at_threshold"]["false_negatives"]
    assert (tmp_path / "report" / "delay.png").is_file()
    pages = [(tmp_path / name / "report.html").read_text() for name in ("report", "replayed")]
    mistakes = [re.search("<h2>The worst mistakes</h2>.*?<h2>", page, re.DOTALL) for page in pages]
    assert mistakes[0]
    assert mistakes[1]
    assert mistakes[0][0] == mistakes[1][0]


def test_what_columns_do_not_tell_is_null(command: Command, tmp_path: Path) -> None:
    bare = "block_id,part,score,anomalous\nblk_1,1,0.5,false\nblk_2,1,2.5,true\n"
    found = json.loads(command("evaluate", *files(tmp_path, bare, "BlockId,Label\nblk_1,0\nblk_2,1\n")).out)
    assert (found["drift"], found["prequential"], found["calibration"]) == (None, None, None)
    assert found["roc_auc"] == 1.0


def test_a_log_of_other_blocks_is_one_line(command: Command, tmp_path: Path) -> None:
    log = tmp_path / "hdfs.log"
    log.write_bytes(b"".join(line + b"\n" for line in simulate(3).lines()))
    ran = command("evaluate", *files(tmp_path), "--log", log)
    assert (ran.code, ran.err) == (1, "error: the log has none of the blocks that were scored\n")


def test_usage_and_help(command: Command) -> None:
    assert command("evaluate").code == 2
    assert "tinylogbert evaluate --scores scores.csv --labels labels.csv" in command("evaluate", "--help").out.decode()


# ── p-values ──


def many(p_values: list[float]) -> str:
    rows = [f"blk_{i},1,{-p},{p},false" for i, p in enumerate(p_values)]
    return "\n".join(["block_id,part,score,p_value,anomalous", *rows, ""])


def normal(count: int) -> str:
    return "BlockId,Label\n" + "".join(f"blk_{i},0\n" for i in range(count))


def test_p_values_of_normal_windows_are_held_against_uniform(command: Command, tmp_path: Path) -> None:
    p_values = [(i // 3 + 1) / 100 for i in range(300)]  # uniform, each of them three times
    report = tmp_path / "report"
    ran = command("evaluate", *files(tmp_path, many(p_values), normal(300)), "--report", report)
    found = json.loads(ran.out)["calibration"]
    assert found["normal_windows"] == 300
    assert found["ks_statistic"] < 0.02
    assert found["ks_p_value"] > 0.99
    assert found["realised"]["0.1"] == 0.1
    assert found["realised"]["0.001"] == 0
    assert (report / "p_values.png").read_bytes().startswith(b"\x89PNG")


def test_p_values_that_promise_too_much_are_found_out(command: Command, tmp_path: Path) -> None:
    ran = command("evaluate", *files(tmp_path, many([(i + 1) / 600 for i in range(300)]), normal(300)))
    found = json.loads(ran.out)["calibration"]
    assert found["ks_p_value"] < 1e-6
    assert found["realised"]["0.1"] == 0.2


def test_without_p_values_or_with_few_windows_nothing_is_said_of_them(command: Command, tmp_path: Path) -> None:
    assert json.loads(command("evaluate", *files(tmp_path)).out)["calibration"] is None
    columns = many([0.5] * 30).replace(",p_value", ",other")
    assert json.loads(command("evaluate", *files(tmp_path, columns, normal(30))).out)["calibration"] is None
