"""Another checkpoint takes over while the daemon works: when it is loaded, what is refused, what is judged anew."""

import io
import json
import os
import shutil
import signal
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from driver import Driver, Fingerprint, raw_line
from pipeline import (
    CONSUME,
    all_read,
    assert_same_windows,
    closed_windows,
    daemon,
    far_later,
    line,
    new_settings,
    read_events,
    read_topic,
    send,
    until_closed,
    wait_until,
)
from tiny_checkpoint import write_tiny_checkpoint

from model.scorer import BertScorer
from stream.commands.consume import on_hangup
from stream.errors import InputError
from stream.logs import new_log
from stream.scoring import Score, Scorer
from stream.settings import load_settings
from stream.simulator import simulate
from stream.swap import Fingerprint as Print
from stream.swap import SwappableScorer, Swapper, fingerprint

NORMAL, ALARM = Score(-2.0, 0.5, False, "normal"), Score(2.0, 0.0001, True, "critical")


class Says(Fingerprint):
    """A scorer by name that says the same of every window."""

    def __init__(self, checkpoint: str, score: Score = NORMAL) -> None:
        self.checkpoint = checkpoint
        self._same = score

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        return [self._same] * len(windows)


class ByHand(Executor):
    """Does what it was given once ``work`` is called."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((future, lambda: fn(*args, **kwargs)))
        return future

    def work(self) -> None:
        future, function = self.waiting.popleft()
        try:
            future.set_result(function())
        except Exception as error:
            future.set_exception(error)


class World:
    """A swapper whose files, scorers, time and loading are a test's; time goes in twentieths of a second."""

    def __init__(self) -> None:
        self.files: Print = ((1,),)
        self.there: Callable[[], Scorer] = lambda: Says("a")
        self.beside = ByHand()
        self.now = 100.0
        self._log = io.StringIO()
        self.swapper = Swapper(lambda: self.there(), lambda: self.files, self.beside, new_log(self._log))

    def change(self, number: int, there: Callable[[], Scorer] | None = None) -> None:
        self.files = ((number,),)
        self.there = there or self.there

    def pass_time(self, seconds: float) -> bool:
        """Go on, nothing being loaded meanwhile; True if there was an exchange."""
        swaps = [self._tick() for _ in range(round(seconds * 20))]
        return any(swaps)

    def load(self) -> bool:
        """Finish the loading that is under way; True if there was an exchange."""
        self.beside.work()
        return self.swapper.tick(self.now)

    @property
    def loading(self) -> bool:
        return bool(self.beside.waiting)

    @property
    def scores(self) -> str:
        return self.swapper.scorer.checkpoint

    def said(self) -> list[str]:
        return [json.loads(text)["event"] for text in self._log.getvalue().splitlines()]

    def last(self) -> dict[str, Any]:
        entry: dict[str, Any] = json.loads(self._log.getvalue().splitlines()[-1])
        return {name: value for name, value in entry.items() if name != "timestamp"}

    def _tick(self) -> bool:
        self.now += 0.05
        return self.swapper.tick(self.now)


@pytest.fixture
def world() -> World:
    return World()


def broken() -> Scorer:
    raise InputError("the checkpoint x is damaged: it is cut short")


# ── when ──


def test_what_does_not_change_is_loaded_once(world: World) -> None:
    world.pass_time(60)
    assert not world.loading
    assert world.said() == ["checkpoint loaded"]


def test_a_changed_folder_is_loaded_once_it_has_stood_still_for_two_seconds(world: World) -> None:
    world.pass_time(5)
    world.change(2, lambda: Says("b"))
    world.pass_time(1.9)
    assert not world.loading
    world.pass_time(1.2)
    assert world.loading
    assert world.scores == "a"
    assert world.load()
    assert world.scores == "b"
    assert world.last() == {"level": "info", "event": "checkpoint loaded", "checkpoint": "b", "instead_of": "a"}
    world.pass_time(60)
    assert not world.loading


def test_a_folder_in_the_midst_of_being_copied_is_not_loaded(world: World) -> None:
    for number in range(2, 40):
        world.change(number)
        world.pass_time(1.5)
    assert not world.loading
    world.pass_time(2)
    assert world.loading


def test_when_asked_it_is_loaded_at_once_changed_or_not(world: World) -> None:
    world.there = lambda: Says("b")
    world.swapper.tick(world.now, asked=True)
    assert world.load()
    assert world.scores == "b"
    world.pass_time(60)
    assert not world.loading


def test_asked_while_it_loads_it_loads_once_more(world: World) -> None:
    world.swapper.tick(world.now, asked=True)
    world.swapper.tick(world.now, asked=True)
    assert len(world.beside.waiting) == 1
    world.there = lambda: Says("b")
    world.load()
    assert world.loading


def test_the_old_one_scores_until_the_new_one_is_loaded(world: World) -> None:
    world.change(2, lambda: Says("b"))
    assert not world.pass_time(60)
    assert world.loading
    assert world.swapper.scorer.score([["x"]], [True]) == [NORMAL]
    assert world.scores == "a"


def test_what_changed_while_it_was_read_is_thrown_away_and_read_again(world: World) -> None:
    world.change(2, broken)
    world.pass_time(4)
    world.change(3)
    assert not world.load()
    assert world.last()["event"] == "checkpoint changed while it was read, it is read again once nothing changes"
    world.there = lambda: Says("b")
    world.pass_time(1.5)
    assert not world.loading
    world.pass_time(2)
    assert world.load()
    assert "checkpoint refused, the old one goes on" not in world.said()


def test_what_changed_and_changed_back_while_it_was_read_is_not_forgotten(world: World) -> None:
    world.swapper.tick(world.now, asked=True)
    world.change(2)
    world.load()
    world.change(1, lambda: Says("b"))
    world.pass_time(4)
    assert world.load()
    assert world.scores == "b"


# ── what ──


def test_a_broken_one_is_refused_and_said_once_and_the_old_one_goes_on(world: World) -> None:
    world.change(2, broken)
    world.pass_time(4)
    assert not world.load()
    assert world.last() == {
        "level": "warning",
        "event": "checkpoint refused, the old one goes on",
        "checkpoint": "a",
        "error": "the checkpoint x is damaged: it is cut short",
    }
    world.pass_time(600)
    assert not world.loading
    assert world.scores == "a"


def test_a_refused_one_is_tried_again_when_asked_or_changed(world: World) -> None:
    world.change(2, broken)
    world.pass_time(4)
    world.load()
    world.swapper.tick(world.now, asked=True)
    world.load()
    assert world.said().count("checkpoint refused, the old one goes on") == 2
    world.change(3, lambda: Says("b"))
    world.pass_time(4)
    assert world.load()


def test_the_same_content_is_no_exchange(world: World) -> None:
    before = world.swapper.scorer.current
    world.change(2)
    world.pass_time(4)
    assert not world.load()
    assert world.swapper.scorer.current is before
    assert world.last() == {"level": "info", "event": "checkpoint is the same, it goes on", "checkpoint": "a"}


class CannotScore(Says):
    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        raise IndexError("index out of range in self")


@pytest.mark.parametrize(
    ("scorer", "error"),
    [
        (CannotScore("b"), "IndexError: index out of range in self"),
        (Says("b", Score(float("nan"), 0.5, False, "normal")), "ValueError: it scores nan with a p-value of 0.5"),
    ],
)
def test_one_that_loads_and_cannot_score_is_refused(world: World, scorer: Scorer, error: str) -> None:
    world.there = lambda: scorer
    world.swapper.tick(world.now, asked=True)
    assert not world.load()
    assert world.last()["error"] == error
    assert world.scores == "a"


def test_a_first_one_that_is_broken_is_raised() -> None:
    with pytest.raises(InputError, match="it is cut short"):
        Swapper(broken, lambda: (), ByHand(), new_log(io.StringIO()))


# ── what is a change ──


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "model")


def written(folder: Path, text: str = "one") -> Path:
    """Two files whose time is always the same, as after unpacking an archive."""
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_text(text)
        os.utime(folder / name, ns=(1, 1))
    return folder


def looked_at(folder: Path) -> Print:
    return fingerprint([folder / "a", folder / "b"])


def by_another_folder(folder: Path) -> None:
    other = written(folder.with_name("other"))
    folder.rename(folder.with_name("old"))
    other.rename(folder)


def by_a_link(folder: Path) -> None:
    other = written(folder.with_name("other"))
    folder.rename(folder.with_name("old"))
    folder.symlink_to(other)


CHANGES: list[Callable[[Path], object]] = [
    by_another_folder,
    by_a_link,
    lambda folder: os.utime(folder / "b", ns=(1, 2)),
    lambda folder: (folder / "b").write_text("longer"),
    lambda folder: (folder / "b").unlink(),
    shutil.rmtree,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_or_the_folder_that_is_replaced_or_gone_is_noticed(
    folder: Path, change: Callable[[Path], object]
) -> None:
    before = looked_at(folder)
    assert looked_at(folder) == before
    change(folder)
    assert looked_at(folder) != before


def test_a_link_that_is_set_to_another_folder_is_noticed(tmp_path: Path) -> None:
    one, other = written(tmp_path / "one"), written(tmp_path / "other")
    link = tmp_path / "link"
    link.symlink_to(one)
    before = looked_at(link)
    link.unlink()
    link.symlink_to(other)
    assert looked_at(link) != before


def test_a_hangup_is_told_once() -> None:
    with on_hangup() as hangup:
        assert not hangup()
        os.kill(os.getpid(), signal.SIGHUP)
        assert hangup()
        assert not hangup()


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


def entries(log: Path, event: str) -> list[dict[str, Any]]:
    found = [json.loads(text) for text in log.read_text().splitlines()] if log.exists() else []
    return [entry for entry in found if entry["event"] == event]


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
