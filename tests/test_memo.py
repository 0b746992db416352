"""The memo of scores: it spares the model equal windows, changes no score, and says how often it helped."""

from pathlib import Path

import pytest
from driver import Fingerprint
from tiny_checkpoint import write_tiny_checkpoint

from model.checkpoint import Checkpoint, load_checkpoint
from model.inference import Inference
from model.scorer import BertScorer
from stream.simulator import simulate
from stream.swap import SwappableScorer
from stream.windows.files import windows_of


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return load_checkpoint(write_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture(scope="module")
def windows() -> list[list[str]]:
    return [list(window.texts) for window in windows_of(simulate(150, 0.1, seed=8).lines())]


def test_scores_with_the_memo_and_without_batched_and_single_are_equal(
    checkpoint: Checkpoint, windows: list[list[str]]
) -> None:
    with_memo, without = BertScorer(checkpoint), BertScorer(checkpoint, memo=False)
    complete = [n % 4 > 0 for n in range(len(windows))]
    first = with_memo.score(windows, complete)
    assert with_memo.score(windows, complete) == first
    assert without.score(windows, complete) == first
    assert [without.score([w], [c])[0] for w, c in zip(windows, complete, strict=True)] == first


def test_explanations_with_the_memo_and_without_are_equal(checkpoint: Checkpoint, windows: list[list[str]]) -> None:
    with_memo, without = BertScorer(checkpoint), BertScorer(checkpoint, memo=False)
    for complete in (True, False):
        first = [with_memo.explain(window, complete) for window in windows]
        first[0].clear()  # belongs to who asked
        again = [with_memo.explain(window, complete) for window in windows]
        assert again == [without.explain(window, complete) for window in windows]
        assert any(again)


def test_the_share_that_was_remembered_is_that_of_windows_not_computed(checkpoint: Checkpoint) -> None:
    scorer = BertScorer(checkpoint)
    assert scorer.remembered == 0
    scorer.score([["a"], ["b"], ["a"], ["a"]], [True] * 4)
    assert scorer.remembered == pytest.approx(2 / 4)
    scorer.score([["a"], ["b"]], [True, False])
    assert scorer.remembered == pytest.approx(3 / 6)


def test_without_a_memo_a_window_is_computed_each_time_it_is_asked_for(checkpoint: Checkpoint) -> None:
    scorer = BertScorer(checkpoint, memo=False)
    for _ in range(3):
        scorer.score([["a"]], [True])
    assert scorer.remembered == 0


def test_the_memo_is_bounded_and_keeps_what_is_asked_for_now(checkpoint: Checkpoint) -> None:
    inference = Inference(checkpoint.forward, most=4)
    some = [checkpoint.encoder.encode(["x"] * n, True) for n in range(1, 7)]
    wanted = inference.scores(some)
    assert list(wanted) == some
    inference.scores(some[:2])
    computed = inference.computed
    inference.scores(some[:2])
    assert inference.computed == computed


def test_a_scorer_that_does_not_count_remembers_nobody_knows_how_much(tmp_path: Path) -> None:
    assert SwappableScorer(Fingerprint()).remembered is None
    assert SwappableScorer(BertScorer.load(write_tiny_checkpoint(tmp_path / "tiny"))).remembered == 0
