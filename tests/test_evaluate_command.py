"""``tinylogbert evaluate``: what it prints, what its report holds, and the one line for bad input."""

import gzip
import json
import re
from pathlib import Path

import pytest
from command import Command
from tiny_checkpoint import write_tiny_checkpoint

from stream.rows import read_rows
from stream.simulator import simulate


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


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


@pytest.mark.parametrize("same", ["2008-11-09T20:41:02Z", "2008-11-09T20:41:02", "2008-11-09T22:41:02+02:00"])
def test_a_time_of_a_row_may_have_another_offset(tmp_path: Path, same: str) -> None:
    (tmp_path / "scores.csv").write_text(SCORES.replace("2008-11-09T20:41:02Z", same))
    assert {row.last_time for row in read_rows(str(tmp_path / "scores.csv"))} == {1226263262000}


def test_a_p_value_of_zero_is_the_least_there_is(command: Command, tmp_path: Path) -> None:
    ran = command("evaluate", *files(tmp_path, many([0.0] * 30 + [0.9] * 270), normal(300)))
    found = json.loads(ran.out)["calibration"]
    assert found["histogram"][0] >= 45  # these 30 among them, beside a ninth of the others
    assert found["realised"]["0.0003"] == 0.1


@pytest.mark.parametrize("wrong", ["7", "-0.5", "inf"])
def test_what_is_no_p_value_is_one_line(command: Command, tmp_path: Path, wrong: str) -> None:
    ran = command("evaluate", *files(tmp_path, SCORES.replace("0.6", wrong)))
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err.endswith(f"scores.csv, line 3: the p-value is {float(wrong):g}; it must be between 0 and 1\n")


def test_without_p_values_or_with_few_windows_nothing_is_said_of_them(command: Command, tmp_path: Path) -> None:
    assert json.loads(command("evaluate", *files(tmp_path)).out)["calibration"] is None
    columns = many([0.5] * 30).replace(",p_value", ",other")
    assert json.loads(command("evaluate", *files(tmp_path, columns, normal(30))).out)["calibration"] is None
