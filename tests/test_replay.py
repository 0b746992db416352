"""``tinylogbert replay`` of files: the daemon's pipeline, the same figures every time, and what a person sees."""

import io
import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from command import Command
from labelled import TOLD, Alarmed, Log, line
from rich.console import Console

from stream.commands.replayshow import ReplayShow
from stream.lines import LineReader
from stream.windows.settings import WindowSettings
from training.replay import Replay


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return Log(tmp_path_factory.mktemp("replay"))


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


# ── files ──


def test_a_replayed_file_has_the_rows_of_score_and_the_figures_of_evaluate(
    command: Command, log: Log, tmp_path: Path
) -> None:
    tiny = ("--checkpoint", log.checkpoint)
    rows = tmp_path / "rows.csv"
    ran = command("replay", log.file, "--labels", log.csv, "--scores", rows, *tiny)
    assert ran.code == 0
    assert rows.read_bytes() == command("score", log.file, *tiny).out
    expected = json.loads(command("evaluate", "--scores", rows, "--labels", log.csv).out)
    found = json.loads(ran.out)
    expected["prequential"].pop("curve")  # of blocks whose windows have closed: no provisional score is in a row
    found["prequential"].pop("curve")
    assert {name: found[name] for name in expected} == expected
    assert (found["lines"], found["blocks"], found["unlabelled_blocks"]) == (len(log.lines), 150, 0)
    assert found["provisional_scores"] >= 150
    assert found["checkpoint"].startswith("tiny-")


def test_two_replays_print_the_same_bytes_and_progress_goes_to_stderr(command: Command, log: Log) -> None:
    first, second = (command("replay", log.file, "--labels", log.csv, "--checkpoint", log.checkpoint) for _ in range(2))
    assert first.out == second.out
    assert first.out.count(b"\n") == 1
    last, figures = first.err.splitlines(keepends=True)[-2:]
    assert figures == "working out the figures\n"
    assert TOLD.fullmatch(last), last
    auc = json.loads(first.out)["roc_auc"]
    assert f"{len(log.lines):,} lines (100%)" in last
    assert f"150 blocks with a label, 30 anomalous, ROC-AUC {auc:.4f}" in last


def test_blocks_without_labels_are_counted(command: Command, log: Log, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join([*log.csv.read_text().splitlines()[:101], "blk_77,Normal"]))
    found = json.loads(command("replay", log.file, "--labels", labels, "--checkpoint", log.checkpoint).out)
    assert (found["blocks"], found["unlabelled_blocks"], found["unscored_labels"]) == (150, 50, 1)
    assert found["anomalous"] + found["normal"] == 100


def test_a_report_shows_the_figures_over_time(command: Command, log: Log, tmp_path: Path) -> None:
    report = tmp_path / "report"
    ran = command("replay", log.file, "--labels", log.csv, "--checkpoint", log.checkpoint, "--report", report)
    assert ran.code == 0
    pictures = "scores.png, roc.png, pr.png, p_values.png, p_histogram.png, tsne.png, running.png, delay.png"
    assert f"{report}: {pictures}, report.json, report.html" in ran.err
    assert (report / "running.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("rows_are_wanted", [False, True])
def test_only_what_somebody_will_see_is_explained(log: Log, rows_are_wanted: bool) -> None:
    scorer, seen = Alarmed(), []
    replay = Replay(scorer, WindowSettings(), LineReader(), log.labels, seen.extend if rows_are_wanted else None)
    for offset, raw in enumerate(log.lines):
        replay.line(raw, offset)
    replay.finish()
    assert replay.provisional > 0
    assert scorer.explained == ([True] * replay.windows if rows_are_wanted else [])
    assert len(seen) == len(scorer.explained)


def test_what_is_provisional_depends_on_the_log_alone_and_ends_with_the_window(log: Log) -> None:
    replay = Replay(Alarmed(), WindowSettings(quiet_after=60_000), LineReader(), {"blk_1": True, "blk_2": False})
    for second, block in enumerate([1, 1, 2, 1]):
        replay.line(line(second, block), second)
    assert replay.blocks.scores == {}
    replay.line(line(50, 3).replace(b" 2035", b" 2037"), 4)
    found = replay.figures()
    assert (found["windows"], found["provisional_scores"]) == (0, 0)  # they wait for the next batch
    replay.finish()
    found = replay.figures()
    assert (found["windows"], found["provisional_scores"], found["roc_auc"]) == (3, 2, 1.0)
    assert {block: score.score for block, score in replay.blocks.scores.items()} == {"blk_1": 3, "blk_2": 1, "blk_3": 1}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "give --topic or log files, and not both"),
        (("log", "--topic", "t"), "give --topic or log files, and not both"),
        (("log",), "log files need --labels or --labels-topic"),
        (("log", "--labels", "l", "--labels-topic", "t"), "give --labels or --labels-topic, and not both"),
        (("--topic", "t", "--from", "yesterday"), "'yesterday' is no time such as 2008-11-09T20:36:15"),
    ],
)
def test_wrong_usage_exits_with_2(command: Command, arguments: Sequence[str], complaint: str) -> None:
    ran = command("replay", *arguments)
    assert (ran.code, ran.out) == (2, b"")
    assert complaint in ran.err


def test_files_without_a_figure_are_one_line(command: Command, log: Log, tmp_path: Path) -> None:
    labels, other = tmp_path / "labels.csv", tmp_path / "other.log"
    labels.write_text("BlockId,Label\nblk_77,1\n")
    other.write_text("no block\n")
    tiny = ("--labels", labels, "--checkpoint", log.checkpoint)
    for file, complaint in {
        log.file: f"error: no block of {log.file} has a label in {labels}\n",
        other: f"error: no line of {other} can be read and names a block (1 lines)\n",
    }.items():
        ran = command("replay", file, *tiny)
        assert (ran.code, ran.out) == (1, b"")
        assert TOLD.sub("", ran.err) == complaint


def test_nothing_between_the_times_is_one_line(command: Command, log: Log) -> None:
    tiny = ("--labels", log.csv, "--checkpoint", log.checkpoint)
    ran = command("replay", log.file, *tiny, "--from", "2030-01-01")
    assert (ran.code, ran.out) == (1, b"")
    assert TOLD.sub("", ran.err) == (
        f"error: no block of {log.file} begins between --from and --to (0 lines lie there)\n"
    )


# ── what a person sees ──


def test_on_a_terminal_the_figures_and_their_curves_are_drawn_while_it_runs(log: Log) -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=80, legacy_windows=False)
    replay = Replay(Alarmed(), WindowSettings(), LineReader(), log.labels)
    with ReplayShow(replay, console) as shown:
        shown.share(1, 2)
        deadline = time.monotonic() + 30
        while "ROC-AUC 1 " not in written.getvalue():
            assert time.monotonic() < deadline
            for offset, raw in enumerate(log.lines):
                replay.line(raw, offset)
                shown.look()
    assert " left" in written.getvalue()
    assert "(50%)" in written.getvalue()
    assert "⠉" in written.getvalue()


def test_help_shows_an_example(command: Command) -> None:
    assert "tinylogbert replay --topic hdfs.raw" in command("replay", "--help").out.decode()
