"""Windows that were trained on calibrate too, once it is known by how much they score too low for it."""

from collections import Counter

import pytest

from training.bags import Bag, Bags, Corpus, Life
from training.calibrate import Looked
from training.optimism import Optimism, calibrating, held, optimism

KINDS = ["allocated", "received", "deleted", "odd"]
WRITTEN: Bag = (("allocated", 1), ("received", 3))
DELETED: Bag = (("allocated", 1), ("deleted", 3), ("received", 3))
ODD: Bag = (("allocated", 1), ("odd", 2), ("received", 3))
BEGUN: Bag = (("allocated", 1), ("odd", 1))
QUIET: Bag = (("allocated", 1),)


def test_a_window_seen_once_scores_worse_without_itself_and_one_seen_often_the_same() -> None:
    fitted = Counter({WRITTEN: 500, DELETED: 400, ODD: 1})
    found = optimism(fitted, {}, KINDS, healthy=True)
    assert found is not None
    assert found.closed.keys() == {ODD}
    assert found.closed[ODD] > 1


def test_a_prefix_scores_worse_where_only_its_own_end_could_explain_it() -> None:
    fitted = Counter({WRITTEN: 500, DELETED: 400, ODD: 1})
    found = optimism(fitted, {Life(ODD, frozenset({BEGUN, QUIET})): 1}, KINDS, healthy=True)
    assert found is not None
    assert found.open[BEGUN] > 1
    assert found.open[QUIET] == pytest.approx(0, abs=0.1)


def test_where_nearly_all_windows_are_seen_once_nothing_is_known() -> None:
    each: list[Bag] = [(("allocated", 1), ("received", n)) for n in range(1, 600)]
    assert optimism(Counter(each), {}, KINDS, healthy=False) is None
    assert optimism(Counter({WRITTEN: 1}), {}, KINDS, healthy=False) is None


def test_corrected_windows_join_those_that_were_held_out() -> None:
    corpus = Corpus(
        closed=Bags(Counter({DELETED: 9, ODD: 1})),
        lives=Counter({Life(WRITTEN, frozenset({QUIET})): 3}),
        fitted_lives=Counter({Life(ODD, frozenset({BEGUN})): 1}),
    )
    assert calibrating(corpus) == (sorted([WRITTEN, ODD]), sorted([QUIET, BEGUN]))
    closed, opened = {WRITTEN: -5.0, ODD: -3.0}, {QUIET: -6.0, BEGUN: -4.0}
    better = Optimism({ODD: 2.0}, {BEGUN: 0.5})
    assert held(corpus, closed, opened, better) == {Looked(-5.0, -6.0): 3, Looked(-1.0, -3.5): 1}
    assert held(corpus, closed, opened, None) == {Looked(-5.0, -6.0): 3}


def test_what_cannot_be_corrected_is_not_scored() -> None:
    corpus = Corpus(
        closed=Bags(Counter({ODD: 1})),
        lives=Counter({Life(WRITTEN, frozenset({QUIET})): 3}),
        fitted_lives=Counter({Life(ODD, frozenset({BEGUN})): 1}),
    )
    assert calibrating(corpus) == ([WRITTEN], [QUIET])
