"""A checkpoint that is exchanged while windows are open: they are judged anew, and no window of a daemon is lost."""

import shutil
import signal
from pathlib import Path

import pytest
from driver import Driver, raw_line
from pipeline import (
    CONSUME,
    all_read,
    assert_same_windows,
    closed_windows,
    daemon,
    entries,
    far_later,
    line,
    new_settings,
    read_events,
    read_topic,
    send,
    until_closed,
    wait_until,
)
from test_swap import Says
from tiny_checkpoint import write_tiny_checkpoint

from model.scorer import BertScorer
from stream.scoring import Score
from stream.settings import load_settings
from stream.simulator import simulate
from stream.swap import SwappableScorer

NORMAL, ALARM = Score(-2.0, 0.5, False, "normal"), Score(2.0, 0.0001, True, "critical")


# ── open windows ──


KEYED = load_settings(keyed_input=True, quiet_after=3_000)


def swapped(old: Score, new: Score) -> Driver:
    """Two windows are open and scored when the scorer is exchanged, a third one is not quiet yet."""
    scorer = SwappableScorer(Says("a", old))
    driver = Driver(KEYED, scorer).run(raw_line(0, "blk_1"), raw_line(1, "blk_2"), raw_line(9, "blk_3")).pass_time(2.5)
    assert [(e["block_id"], e["checkpoint"]) for e in driver.events()] == [("blk_1", "a"), ("blk_2", "a")]
    scorer.current = Says("b", new)
    driver.task().look_again()
    return driver.settle()


@pytest.mark.parametrize(("old", "new"), [(ALARM, NORMAL), (NORMAL, ALARM), (NORMAL, NORMAL._replace(value=-3.0))])
def test_after_an_exchange_open_windows_are_judged_anew_without_another_line(old: Score, new: Score) -> None:
    driver = swapped(old, new)
    anew = [e for e in driver.events() if e["checkpoint"] == "b"]
    assert [(e["block_id"], e["revision"], e["status"], e["score"], e["anomalous"]) for e in anew] == [
        (block, 2, "open", new.value, new.anomalous) for block in ("blk_1", "blk_2")
    ]
    assert len(driver.settle().events()) == 4


def test_what_the_new_checkpoint_judges_alike_is_no_news() -> None:
    assert len(swapped(NORMAL, NORMAL._replace(value=-2.4)).events()) == 2


def test_a_window_that_closes_says_which_checkpoint_closed_it() -> None:
    driver = swapped(NORMAL, NORMAL).run(raw_line(70_000, "blk_4"))
    assert {(e["block_id"], e["checkpoint"]) for e in driver.closed()} == {(f"blk_{n}", "b") for n in (1, 2, 3)}


def test_many_open_windows_are_judged_anew_some_at_each_commit() -> None:
    scorer = SwappableScorer(Says("a"))
    driver = Driver(KEYED, scorer).run(*(raw_line(0, f"blk_{n}") for n in range(1200)), raw_line(9, "blk_9999"))
    scorer.current = Says("b", ALARM)
    driver.task().look_again()
    totals = []
    for _ in range(4):
        driver.step()
        totals.append(len(driver.events()))
    assert totals == [1700, 2200, 2400, 2400]
    assert len({e["block_id"] for e in driver.events() if e["checkpoint"] == "b"}) == 1200


# ── the daemon ──


@pytest.fixture
def checkpoints(tmp_path: Path) -> tuple[Path, Path, Path]:
    """The folder of the daemon's checkpoint, and two to be there in turn."""
    a, b = (write_tiny_checkpoint(tmp_path / name, seed) for name, seed in (("a", 0), ("b", 1)))
    return Path(shutil.copytree(a, tmp_path / "model")), a, b


def test_a_daemon_takes_up_a_new_checkpoint_and_loses_no_window(
    broker: str, checkpoints: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    settings = new_settings(broker)
    folder, a, b = checkpoints
    old, new = BertScorer.load(a), BertScorer.load(b)
    log = tmp_path / "log"
    lines = [*simulate(60, seed=21, hours=1).lines(), far_later()]
    half = len(lines) // 2

    def loaded() -> list[str]:
        return [entry["checkpoint"] for entry in entries(log, "checkpoint loaded")]

    def judge_of(block: int) -> str:
        """Send a line that comes so late that its window closes at once; return the checkpoint that judged it."""
        send(settings, [line(0, f"Receiving block blk_{block} src: /10.0.0.1:1")])
        wait_until(lambda: (f"blk_{block}", 1) in closed_windows(settings), f"block {block} is closed")
        checkpoint: str = closed_windows(settings)[f"blk_{block}", 1]["checkpoint"]
        return checkpoint

    send(settings, lines[:half])
    with daemon(settings, log, "--checkpoint", str(folder), program=CONSUME) as process:
        wait_until(lambda: log.exists() and all_read(settings) and read_events(settings), "windows are open")
        folder.rename(tmp_path / "before")
        shutil.copytree(b, folder)
        wait_until(lambda: loaded() == [old.checkpoint, new.checkpoint], "the new one is loaded")
        wait_until(lambda: read_events(settings)[-1]["checkpoint"] == new.checkpoint, "open windows are judged anew")
        assert {event["status"] for event in read_events(settings)} == {"open"}
        send(settings, lines[half:])
        until_closed(settings, lines, new)
        windows = assert_same_windows(settings, lines, new)
        assert {event["checkpoint"] for event in windows.values()} == {new.checkpoint}

        (folder / "model.safetensors").write_bytes(b"")
        wait_until(lambda: entries(log, "checkpoint refused, the old one goes on"), "the broken one is refused")
        assert judge_of(1) == new.checkpoint

        shutil.copytree(a, folder, dirs_exist_ok=True)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: loaded()[2:] == [old.checkpoint], "the first one is back")
        assert judge_of(2) == old.checkpoint
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert len(entries(log, "checkpoint refused, the old one goes on")) == 1


def test_a_daemon_without_a_checkpoint_does_not_mind_a_hangup(broker: str, tmp_path: Path) -> None:
    settings = new_settings(broker)
    with daemon(settings, tmp_path / "log", "--stage", "route", program=CONSUME) as process:
        wait_until(lambda: entries(tmp_path / "log", "started"), "it starts")
        process.send_signal(signal.SIGHUP)
        send(settings, [line(0, "Receiving block blk_1")])
        wait_until(lambda: read_topic(settings, settings.lines_topic), "it routes")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
