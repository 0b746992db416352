"""Labels that come after the scores that they judge: figures over time are those of labels that were always known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.blockscores import BlockScores
from training.prequential import Prequential

S = 1000


@given(
    scored=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.integers(0, 400), st.booleans()), max_size=60),
    labels=st.dictionaries(st.integers(0, 9), st.tuples(st.booleans(), st.integers(0, 60)), max_size=10),
)
def test_labels_that_come_late_give_the_figures_of_labels_that_were_always_known(
    scored: list[tuple[int, int, int, bool]], labels: dict[int, tuple[bool, int]]
) -> None:
    known, late = BlockScores({f"blk_{i}": label for i, (label, _) in labels.items()}), BlockScores()
    over_time = {blocks: Prequential(blocks) for blocks in (known, late)}
    for number, (block, score, minute, closes) in enumerate(scored):
        for i, (label, when) in labels.items():
            if when == number:
                late.label(f"blk_{i}", label)
        for blocks, each in over_time.items():
            blocks.see(f"blk_{block}", score, False, closed=closes)
            if closes:
                each.closed(f"blk_{block}", minute * 60 * S)
            else:
                each.opened(f"blk_{block}")
            each.note(number * S, number + 1)
    late.relabel(known.labels)
    assert over_time[late].figures(str) == over_time[known].figures(str)
    asked = repr((over_time[late].curve, over_time[known].curve))  # NaN is like NaN
    assert asked == repr((over_time[known].curve,) * 2)


def test_figures_go_on_after_labels_came_late_and_a_label_that_changed_or_went_is_taken_up() -> None:
    blocks = BlockScores({"blk_1": True, "blk_2": False, "blk_3": False})
    over_time = Prequential(blocks)
    for i in (1, 2, 3):
        blocks.see(f"blk_{i}", -float(i), False, closed=True)
        over_time.closed(f"blk_{i}", i * S)
        over_time.note(i * S, i)
    assert over_time.figures(str)["last_hour"]["roc_auc"] == 1
    blocks.relabel({"blk_2": True, "blk_3": False})
    found = over_time.figures(str)
    assert (found["last_hour"]["anomalous"], found["last_hour"]["normal"]) == (1, 1)
    assert found["curve"][1]["cumulative"] == [None, None]
    blocks.label("blk_1", False)
    blocks.see("blk_4", 9.0, False, closed=False)
    over_time.opened("blk_4")
    blocks.label("blk_4", False)
    over_time.note(4 * S, 4)
    found = over_time.figures(str)
    assert [point["cumulative"][0] for point in found["curve"]] == [None, 0.0, 0.5, pytest.approx(1 / 3)]
    assert found["last_windows"]["normal"] == 2
