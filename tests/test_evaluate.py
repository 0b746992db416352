"""Scores against labels: ``evaluate_scores``, the figures, and one score a block."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from training.blockscores import BlockScores
from training.evaluate import best_f1, evaluate_scores, figures

values = st.floats(allow_nan=False, allow_infinity=False, width=32) | st.sampled_from([0.0, 1.0])


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


def test_labels_that_are_known_anew_give_the_figures_of_those_that_were_always_known() -> None:
    blocks = BlockScores({"kept": True, "turned": False, "taken back": True, "unscored": False})
    for i, block in enumerate(("late", "kept", "turned", "taken back", "unlabelled")):
        blocks.see(block, float(i), False, closed=True)
    blocks.label("header", True)
    blocks.relabel({"kept": True, "turned": True, "late": False})
    assert (blocks.auc.anomalous, blocks.auc.normal, blocks.auc.roc_auc()) == (2, 1, 1.0)
    assert (blocks.unlabelled, blocks.unscored) == (2, 0)
    assert blocks.judged().blocks == ("kept", "late", "turned")
