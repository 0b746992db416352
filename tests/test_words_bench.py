"""The measure of words: what is put into windows, and that words alone make the difference."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from bench.words.__main__ import main as bench_words
from bench.words.lines import FAILURES, NEWS, REWORDED
from bench.words.measure import groups, measure
from stream.lines import LineReader, mask, words
from stream.scoring import Score, Surprise
from stream.simulator import simulate
from tests.tiny_checkpoint import write_tiny_checkpoint

KNOWN = list(REWORDED)
BASES = [Counter({KNOWN[0]: 1, KNOWN[1]: 3, KNOWN[2]: 2}), Counter({KNOWN[1]: 3})]


def test_known_lines_are_those_of_the_log_and_no_other_line_is() -> None:
    reader = LineReader()
    log = {reader.read(line).text for line in simulate(400, 0.2).lines()}
    assert set(REWORDED) <= log
    assert not log & {*FAILURES, *NEWS, *(text for several in REWORDED.values() for text in several)}


def test_lines_are_masked_as_they_would_be_read() -> None:
    written = [*FAILURES, *NEWS, *(text for several in REWORDED.values() for text in several)]
    assert [mask(text) for text in written] == written


def test_there_are_thirty_rewordings_and_thirty_failures_all_different() -> None:
    reworded = [text for several in REWORDED.values() for text in several]
    assert len({words(text) for text in (*reworded, *FAILURES, *NEWS)}) == len(reworded) + len(FAILURES) + len(NEWS)
    assert len(reworded) == len(FAILURES) == 30


def test_an_exchange_keeps_the_number_of_lines_and_all_other_lines() -> None:
    base = BASES[0]
    made = groups([base], seed=0)
    for window in (*made["reworded"], *made["news exchanged"], *made["failure exchanged"]):
        [gone] = base.keys() - set(window)
        [new] = set(window) - base.keys()
        assert Counter(window) == Counter({new if text == gone else text: number for text, number in base.items()})


def _most_new(window: list[str]) -> int:
    return sum(text not in REWORDED for text in window)


def test_an_added_line_is_one_line_more() -> None:
    made = groups(BASES, seed=0)
    for name, lines in (("failure added", FAILURES), ("news added", NEWS)):
        assert {len(window) for window in made[name]} == {bag.total() + 1 for bag in BASES}
        assert {text for window in made[name] for text in window if text not in REWORDED} == set(lines)


class Unread:
    """A scorer to which an unknown line is an unknown line, whatever it says, as to PCA and rarity."""

    checkpoint, material = "unread", 1.0

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        values = [float(len(window) + 10 * _most_new(list(window))) for window in windows]
        return [Score(value, 1.0, value > 10, "normal") for value in values]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        return []


class Reading(Unread):
    """One that looks for a word."""

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        found = [any(text in FAILURES for text in window) for window in windows]
        return [Score(float(bad), 1.0, bad, "normal") for bad in found]


def test_who_does_not_read_words_cannot_tell_and_who_does_can() -> None:
    made = groups(BASES, seed=1)
    blind, seeing = measure(made, Unread()), measure(made, Reading())
    for pair in ("failure exchanged / reworded", "failure added / news added"):
        assert blind["told_apart"][pair]["roc_auc"] == pytest.approx(0.5)
        assert seeing["told_apart"][pair]["roc_auc"] == 1
    assert seeing["anomalous"] == {
        "healthy": 0, "reworded": 0, "news exchanged": 0, "failure exchanged": 1, "news added": 0, "failure added": 1,
    }  # fmt: skip


def test_the_command_compares_the_checkpoint_with_the_simple_detectors(tmp_path: Path) -> None:
    folder, log, out = write_tiny_checkpoint(tmp_path / "tiny"), tmp_path / "hdfs.log", tmp_path / "words.json"
    log.write_bytes(b"\n".join(simulate(300, 0.03, 3).lines()) + b"\n")
    command = ["--checkpoint", str(folder), "--log", str(log), "--windows", "3", "--json", str(out)]
    done = CliRunner().invoke(bench_words, command, catch_exceptions=False)
    assert done.exit_code == 0
    bert, pca, rarity = orjson.loads(out.read_bytes())
    assert bert["scorer"].startswith("tiny-")
    for blind in (pca, rarity):
        assert blind["told_apart"]["failure added / news added"]["roc_auc"] == pytest.approx(0.5)
