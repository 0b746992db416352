"""What was judged before is not judged again: the scores of a partition's windows, remembered by their content."""

from collections.abc import Sequence

import pytest
from driver import Fingerprint, epoch_ms
from tiny_checkpoint import write_tiny_checkpoint

from model.scorer import BertScorer
from stream.scoring import Score
from stream.simulator import simulate
from stream.swap import SwappableScorer
from stream.windows.due import Due
from stream.windows.known import LONGEST, Known
from stream.windows.settings import WindowSettings
from stream.windows.store import WindowStore


class OfBags(Fingerprint):
    """A scorer that does not look at the order of lines; notes what it was asked, and how much it was spared."""

    def __init__(self, checkpoint: str = "bags", bagged: bool = True) -> None:
        self.checkpoint = checkpoint
        self.bagged = bagged
        self.asked: list[list[str]] = []
        self.spared = 0

    def spare(self, windows: int) -> None:
        self.spared += windows

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        self.asked += [
            [*sorted(texts), "closed" if done else "open"] for texts, done in zip(windows, complete, strict=True)
        ]
        return [self._score([self.checkpoint, *asked]) for asked in self.asked[len(self.asked) - len(windows) :]]


def due(*windows: str, complete: bool = True) -> list[Due]:
    """Windows of one partition; each letter is a line."""
    store = WindowStore(WindowSettings())
    for letter in "abcdef":
        store.templates.number(letter)
    for number, letters in enumerate(windows):
        for offset, letter in enumerate(letters):
            store.add(b"blk_%d" % number, epoch_ms(offset), letter, offset)
    if complete:
        store.finish()
    else:
        store.all_quiet()
    return sorted(store.take_due(), key=lambda each: each.key)


def test_equal_windows_are_asked_for_once_in_a_call_and_once_in_all_calls() -> None:
    known, scorer = Known(), OfBags()
    first = known.scores(due("ab", "ba", "abb"), scorer)
    assert scorer.asked == [["a", "b", "closed"], ["a", "b", "b", "closed"]]
    assert first[0] == first[1] != first[2]
    assert known.scores(due("bab", "ab"), scorer) == [first[2], first[0]]
    assert len(scorer.asked) == 2
    assert scorer.spared == 1 + 2


def test_an_open_window_is_another_one_than_a_closed_one() -> None:
    known, scorer = Known(), OfBags()
    (closed,) = known.scores(due("a"), scorer)
    (opened,) = known.scores(due("a", complete=False), scorer)
    assert scorer.asked == [["a", "closed"], ["a", "open"]]
    assert closed != opened


def test_of_another_checkpoint_nothing_is_known() -> None:
    known, old, new = Known(), OfBags("old"), OfBags("new")
    swapped = SwappableScorer(old)
    before = known.scores(due("a"), swapped)
    swapped.current = new
    after = known.scores(due("a"), swapped)
    assert (len(old.asked), len(new.asked)) == (1, 1)
    assert before != after
    assert known.scores(due("a"), swapped) == after
    assert new.spared == 1


@pytest.mark.parametrize("scorer", [OfBags(bagged=False), SwappableScorer(OfBags(bagged=False))])
def test_a_scorer_without_a_memo_is_asked_each_time(scorer: OfBags | SwappableScorer) -> None:
    known, asked = Known(), scorer.current if isinstance(scorer, SwappableScorer) else scorer
    assert isinstance(asked, OfBags)
    for _ in range(2):
        known.scores(due("ab", "ba"), scorer)
    assert (len(asked.asked), asked.spared) == (4, 0)


def test_a_scorer_that_sees_the_order_of_lines_is_asked_each_time() -> None:
    known, scorer = Known(), SwappableScorer(Fingerprint())
    first = known.scores(due("ab", "ba"), scorer)
    assert first[0] != first[1]
    assert known.scores(due("ab", "ba"), scorer) == first


def test_it_is_bounded_and_right_whatever_is_forgotten() -> None:
    known, scorer = Known(most=3), OfBags()
    for windows in (["a", "b"], ["c", "a"], ["d", "e", "f", "ab"], ["a", "b", "ab"]):
        assert known.scores(due(*windows), scorer) == OfBags().score(windows, [True] * len(windows))
    assert len(scorer.asked) > 7


def test_with_tinylogbert_windows_score_as_if_each_was_asked_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = write_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny")
    scorer, alone, known = BertScorer.load(folder), BertScorer.load(folder, memo=False), Known()
    store = WindowStore(WindowSettings())
    lines = [line.split(b" blk_") for line in simulate(60, 0.1, seed=3).lines()]
    for offset, (text, *blocks) in enumerate(lines):
        store.add(blocks[0][:19] if blocks else b"none", epoch_ms(offset), text[14:].decode()[:40], offset)
        if offset % 50 == 0:
            store.all_quiet()
    store.finish()
    windows = store.take_due()
    scores = [score for at in range(0, len(windows), 64) for score in known.scores(windows[at : at + 64], scorer)]
    assert scores == [alone.score([d.window.texts], [d.complete])[0] for d in windows]
    assert scorer.work.asked == len(windows)
    assert scorer.remembered > 0.1


def test_long_windows_are_not_remembered_so_that_memory_is_bounded() -> None:
    known, scorer = Known(), OfBags()
    long = "ab" * (LONGEST // 2)
    for _ in range(2):
        assert known.scores(due(long, long + "a", "a"), scorer) == OfBags().score([long, long + "a", "a"], [True] * 3)
    assert [len(lines) - 1 for lines in scorer.asked] == [LONGEST, LONGEST + 1, 1, LONGEST + 1]
