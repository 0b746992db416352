"""Training on other people's logs: what is kept of them is bounded, a fair sample, and said."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from logs import simulated, write_base_model

from model.scorer import BertScorer
from stream.errors import InputError
from stream.windows.settings import WindowSettings
from training.bags import MOST_KINDS, Bags, Corpus, Lives, collect
from training.fit import Recipe, train
from training.sizes import rows
from training.thinning import thin
from training.tokenizer import learn_tokenizer

LINE = "081109 2035%02d 143 INFO dfs.DataNode$DataXceiver: %s blk_%d"


def silent(stage: str, done: int, of: int, loss: float | None) -> None:
    pass


def name(number: int) -> str:
    """Nine letters that no other number has, and that nothing masks."""
    return "".join(chr(ord("g") + number // 20**i % 20) for i in range(9))


def exploding(lines: int, blocks: int) -> list[bytes]:
    """A word in each line that no other line has."""
    return [(LINE % (i % 60, f"Receiving block for user {name(i)}", i % blocks)).encode() for i in range(lines)]


def test_a_thinned_count_keeps_what_is_frequent_and_the_expected_total() -> None:
    random = Random(3)
    counted = Counter({f"rare {i}": 1 for i in range(40_000)} | {"frequent": 5_000, "less so": 900})
    before = counted.total()
    assert thin(counted, 1000, random)
    assert len(counted) <= 1000
    assert (counted["frequent"], counted["less so"]) == (5_000, 900)
    assert counted.total() == pytest.approx(before, rel=0.1)
    assert not thin(counted, 1000, random)


def test_thinned_while_it_grows_the_beginning_counts_no_more_than_the_end() -> None:
    counted: Counter[int] = Counter()
    random = Random(4)
    for i in range(60_000):
        counted[i] += 1
        thin(counted, 2000, random)
    assert counted.total() == pytest.approx(60_000, rel=0.1)
    halves = [sum(n for i, n in counted.items() if (i >= 30_000) == late) for late in (False, True)]
    assert halves[0] == pytest.approx(halves[1], rel=0.2)


def test_distinct_bags_and_lives_are_bounded_and_stand_for_all_windows() -> None:
    bags, lives = Bags(), Lives()
    for i in range(30_000):
        bag = ((name(i), 1),)
        bags.add(f"blk_{i}", bag, 0.0)
        lives.see(f"blk_{i}", 1, ((name(i), 2),), complete=False)
        lives.see(f"blk_{i}", 1, bag, complete=True)
    assert len(bags.fitted) <= 20_000
    assert len(lives.whole) <= 2_048
    assert bags.thinned
    assert lives.thinned
    assert bags.fitted.total() == pytest.approx(30_000, rel=0.05)
    assert lives.whole.total() == pytest.approx(30_000, rel=0.1)
    assert all(life.prefixes == {((life.complete[0][0], 2),)} for life in lives.whole)


def test_kinds_and_the_matrix_of_the_teacher_are_bounded() -> None:
    corpus = Corpus()
    for i in range(9_000):
        corpus.closed.add(f"blk_{i}", (("everywhere", 1), (name(i), 1)), 0.0)
    kinds = corpus.kinds()
    assert len(kinds) == MOST_KINDS
    assert kinds[0] == "everywhere"
    counts, weights = rows(corpus.closed.fitted, kinds)
    assert counts.size <= 1_000_000
    assert weights.sum() == pytest.approx(9_000, rel=0.1)
    assert len(corpus.closed.fitted) == 9_000


def test_usual_logs_are_not_thinned_and_nothing_is_said_of_them() -> None:
    corpus = collect(simulated(120), WindowSettings(), 0.2)
    assert not corpus.closed.thinned
    assert not corpus.open.thinned
    assert corpus.notes() == []


def test_a_word_of_its_own_in_every_line_gives_a_result_and_a_note(tmp_path: Path) -> None:
    recipe = Recipe(epochs=1, steps=3, base_model=str(write_base_model(tmp_path / "base")))
    said: list[str] = []

    class Talk:
        def __call__(self, stage: str, done: int, of: int, loss: float | None) -> None:
            pass

        def say(self, text: str) -> None:
            said.append(text)

    scorer = BertScorer(train(exploding(2_000, 150), tmp_path / "out", recipe, WindowSettings(), Talk()))
    [note] = said
    assert "kinds of line; " in note
    assert "are read as words" in note
    assert f"Note: {note}." in (tmp_path / "out" / "README.md").read_text()
    assert scorer.score([[f"dfs.DataNode$DataXceiver: Receiving block for user {name(5_000)} <block>"]], [True])


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(simulated(40, rate=1.0), id="every window anomalous"),
        pytest.param([(LINE % (0, "Receiving block", i)).encode() for i in range(500)], id="one line repeated"),
        pytest.param(simulated(30), id="500 lines"),
    ],
)
def test_unusual_logs_give_a_result(tmp_path: Path, lines: list[bytes]) -> None:
    recipe = Recipe(epochs=1, steps=3, base_model=str(write_base_model(tmp_path / "base")))
    checkpoint = train(lines, tmp_path / "out", recipe, WindowSettings(), silent, plots=True)
    assert checkpoint.name.startswith("hdfs-")
    assert {"curves.csv", "learning.png", "scores.png"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_lines_that_are_all_of_one_block_are_one_clear_line(tmp_path: Path) -> None:
    lines = [(LINE % (i % 60, "Receiving block", 1)).encode() for i in range(500)]
    with pytest.raises(InputError, match=r"^1 windows are too few to learn from; at least 20 are needed$"):
        train(lines, tmp_path / "out", Recipe(), WindowSettings(), silent)


def test_the_same_lines_give_the_same_tokenizer() -> None:
    kinds = [f"Receiving {name(7 * i)} for größe {name(i)[:3]}" for i in range(300)]
    first, *others = [learn_tokenizer(kinds, 600).to_str() for _ in range(4)]
    assert others == [first] * 3
