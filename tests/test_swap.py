"""Another checkpoint takes over while the daemon works: when it is loaded, what is refused, what is judged anew."""

import io
import json
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import pytest
from driver import Fingerprint

from stream.errors import InputError
from stream.logs import new_log
from stream.scoring import Score, Scorer
from stream.swap import Fingerprint as Print
from stream.swap import Swapper

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
