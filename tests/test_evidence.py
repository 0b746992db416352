"""Evidence: what tells an anomalous window from the healthy one that it is most like; and the measure of it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench.evidence.__main__ import main as bench_evidence
from bench.evidence.measure import measure, places
from bench.evidence.truth import Truth, truths
from bench.evidence.watched import WatchedScorer
from model.checkpoint import load_checkpoint, save_checkpoint
from model.encoding import WindowEncoder, add_tokens
from model.explain import Ids, Typical, explain
from model.folder import BERT_FILES
from model.inference import Inference
from model.manifest import seal
from stream.errors import InputError
from stream.lines import LineReader, block_ids
from stream.scoring import Surprise
from stream.simulator import FAILURES, BlockLabel, example, simulate
from tests.tiny_checkpoint import write_tiny_checkpoint
from training.tokenizer import learn_tokenizer
from training.typical import typical_windows

ALLOCATED, RECEIVED, ADDED, DELETED = "name: allocated", "node: received", "name: added", "node: deleted"
COPIED, READ = "node: copied", "node: read"
KINDS = [ALLOCATED, RECEIVED, ADDED, DELETED, READ, COPIED]
EXCEPTION = "WARN node: exception"
WRITTEN = {ALLOCATED: 1, RECEIVED: 3, ADDED: 3}
TYPICAL = Typical(
    ({**WRITTEN, DELETED: 3}, WRITTEN, {**WRITTEN, READ: 2}, {**WRITTEN, RECEIVED: 4, ADDED: 4, COPIED: 1}),
    (70, 20, 9, 1),
)


@pytest.fixture(scope="module")
def encoder() -> WindowEncoder:
    tokenizer = learn_tokenizer([*KINDS, EXCEPTION], 2000)
    add_tokens(tokenizer, KINDS)
    return WindowEncoder(tokenizer)


class Judge:
    """A scorer with known rules: each count that no healthy window has costs 1, and it counts what it is asked."""

    def __init__(self, encoder: WindowEncoder, healthy: Iterable[Mapping[str, int]] = TYPICAL.bags) -> None:
        self._healthy = list(healthy)
        self._encoder = encoder
        self.asked = 0

    def __call__(self, encoded: Iterable[Ids]) -> dict[Ids, float]:
        wanted = list(dict.fromkeys(encoded))
        self.asked += len(wanted)
        return {ids: self._score(ids) for ids in wanted}

    def _score(self, ids: Ids) -> float:
        best = 99.0
        for healthy in self._healthy:
            known = self._encoder.encode(healthy, True)
            best = min(best, float(len(set(ids[2:-1]) ^ set(known[2:-1]))))
        return best


def explained(encoder: WindowEncoder, bag: Mapping[str, int], complete: bool = True) -> list[Surprise]:
    return explain(window_of(bag), complete, encoder, Judge(encoder), TYPICAL)


def window_of(bag: Mapping[str, int]) -> list[str]:
    return [text for text, number in bag.items() for _ in range(number)]


# ── what is said of a window ──


def test_a_line_that_should_not_be_there_is_named(encoder: WindowEncoder) -> None:
    [found] = explained(encoder, {**WRITTEN, EXCEPTION: 1, DELETED: 3})
    assert (found.line, found.expected) == (7, ())
    assert found.value > 0


def test_of_a_line_that_came_too_often_the_first_of_the_surplus_is_named(encoder: WindowEncoder) -> None:
    window = [ALLOCATED, RECEIVED, ADDED, RECEIVED, ADDED, RECEIVED, ADDED, DELETED, DELETED, DELETED, DELETED]
    [found] = explain(window, True, encoder, Judge(encoder), TYPICAL)
    assert found.line == 10


def test_lines_that_are_missing_are_expected_where_the_window_ends(encoder: WindowEncoder) -> None:
    """None of them alone would mend it, which is where taking away and putting in one by one says nothing."""
    [found] = explained(encoder, {ALLOCATED: 1, RECEIVED: 1})
    assert found.line == 1
    assert set(found.expected) == {RECEIVED, ADDED}


def test_one_of_three_that_is_missing_is_expected(encoder: WindowEncoder) -> None:
    [found] = explained(encoder, {**WRITTEN, DELETED: 2})
    assert (found.line, found.expected) == (8, (DELETED,))


def test_what_is_missing_goes_with_a_line_that_is_more_surprising(encoder: WindowEncoder) -> None:
    first, *_ = explained(encoder, {ALLOCATED: 1, RECEIVED: 2, EXCEPTION: 1, ADDED: 3})
    assert first.line == 3
    assert first.expected == (RECEIVED,)


def test_to_a_window_that_may_go_on_no_line_is_missing(encoder: WindowEncoder) -> None:
    [found] = explained(encoder, {ALLOCATED: 1, RECEIVED: 1, EXCEPTION: 1}, complete=False)
    assert (found.line, found.expected) == (2, ())


def test_a_rare_kind_does_not_decide_which_life_a_block_led(encoder: WindowEncoder) -> None:
    """A deleted block with a copy is like a deleted block, not like a copied one that still exists."""
    assert TYPICAL.nearest({**WRITTEN, DELETED: 3, COPIED: 1}, True) == {**WRITTEN, DELETED: 3}


def test_the_most_surprising_line_comes_first_and_each_kind_once(encoder: WindowEncoder) -> None:
    found = explained(encoder, {**WRITTEN, EXCEPTION: 5, COPIED: 1, DELETED: 4})
    values = [surprise.value for surprise in found]
    assert values == sorted(values, reverse=True)
    lines = [window_of({**WRITTEN, EXCEPTION: 5, COPIED: 1, DELETED: 4})[surprise.line] for surprise in found]
    assert sorted(lines) == sorted([EXCEPTION, COPIED, DELETED])
    assert lines[-1] == DELETED  # a fourth beside three says less than a line that should not be there at all


def test_all_values_together_are_the_score_above_that_of_a_healthy_window(encoder: WindowEncoder) -> None:
    bag = {**WRITTEN, EXCEPTION: 1, DELETED: 4}
    judge = Judge(encoder)
    [score] = judge([encoder.encode(bag, True)]).values()
    assert sum(surprise.value for surprise in explained(encoder, bag)) == pytest.approx(score, abs=1e-3)


def test_without_healthy_windows_lines_are_taken_away_instead(encoder: WindowEncoder) -> None:
    window = window_of({**WRITTEN, EXCEPTION: 1})
    [found] = explain(window, True, encoder, Judge(encoder), Typical())
    assert window[found.line] == EXCEPTION


def test_one_unknown_line_alone_has_no_evidence_where_nothing_healthy_is_known(encoder: WindowEncoder) -> None:
    assert explain([EXCEPTION], True, encoder, Judge(encoder), Typical()) == []


def test_a_window_of_very_many_kinds_is_explained_with_few_passes(encoder: WindowEncoder) -> None:
    window = [*window_of(WRITTEN), *(f"line of {'a' * n}" for n in range(1, 200))]
    for typical in (TYPICAL, Typical()):
        judge = Judge(encoder)
        assert all(window[found.line] not in KINDS for found in explain(window, True, encoder, judge, typical)[:3])
        assert 1 < judge.asked <= 20


def test_a_line_in_other_words_says_which_line_was_expected_in_its_place(encoder: WindowEncoder) -> None:
    bag = {ALLOCATED: 1, "node: has received": 3, ADDED: 3}
    [found] = explained(encoder, bag)
    assert found.expected == (RECEIVED,)


# ── the healthy windows that go with a checkpoint ──


def test_typical_windows_are_stored_with_the_checkpoint(tmp_path: Path) -> None:
    source = load_checkpoint(write_tiny_checkpoint(tmp_path / "tiny"))
    [text] = source.encoder.lines
    typical = Typical(({text: 3}, {text: 1}), (5, 2))
    (tmp_path / "out").mkdir()
    save_checkpoint(tmp_path / "out", source.model, source.encoder, source.calibration, "", "t", typical)
    loaded = load_checkpoint(tmp_path / "out")
    assert loaded.typical == typical
    assert loaded.name.removeprefix("t-") != source.name.removeprefix("tiny-")


@pytest.mark.parametrize("wrong", [["5 0x"], ["x"], [""], ["5 9999x1"], [3], 7])
def test_typical_windows_that_cannot_be_read_are_a_damaged_checkpoint(tmp_path: Path, wrong: Any) -> None:
    folder = write_tiny_checkpoint(tmp_path / "tiny")
    config = json.loads((folder / "config.json").read_text())
    config["tinylogbert"]["typical"] = wrong
    (folder / "config.json").write_text(json.dumps(config))
    seal(folder, BERT_FILES)
    with pytest.raises(InputError, match="is damaged"):
        load_checkpoint(folder)


def test_typical_windows_are_healthy_known_and_the_most_frequent(tmp_path: Path) -> None:
    known = load_checkpoint(write_tiny_checkpoint(tmp_path / "tiny"))
    [text] = known.encoder.lines
    counted = Counter({((text, n), ("unknown line", 1)): 100 - n for n in range(1, 9)})
    inference = Inference(known.model)
    found = typical_windows(counted, known.encoder, inference, known.calibration)
    scores = inference.scores(known.encoder.encode({text: n}, True) for n in range(1, 9))
    judged = [known.calibration.judge(score, True).severity for score in scores.values()]
    healthy = [n for n, severity in enumerate(judged, 1) if severity == "normal"]  # not even a notice
    assert [bag[text] for bag in found.bags] == healthy
    assert all(set(bag) == {text} for bag in found.bags)


# ── the measure ──


def bags(lines: Iterable[bytes]) -> dict[bytes, Counter[str]]:
    reader, found = LineReader(), dict[bytes, Counter[str]]()
    for line in lines:
        for block in block_ids(line):
            found.setdefault(block, Counter())[reader.read(line).text] += 1
    return found


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_writes_the_lines_at_fault_and_leaves_out_those_that_are_missing(name: str) -> None:
    healthy, failed = bags(simulate(60, 0, seed=4).lines()), bags(simulate(60, 1, seed=4, failures=[name]).lines())
    truth = truths()[name]
    assert truth.at_fault or truth.missing
    more = {text for block, bag in failed.items() for text in bag - healthy[block]}
    assert truth.at_fault <= more
    less = {text for block, bag in failed.items() for text in healthy[block] - bag}
    assert truth.missing <= less


def test_an_example_of_a_kind_reads_as_the_simulated_line_does() -> None:
    reader = LineReader()
    simulated = {reader.read(line).text for line in simulate(1500, 0.4).lines()}
    assert {reader.text(example(kind)) for f in FAILURES.values() for kind in (*f.at_fault, *f.missing)} <= simulated


def entry(text: str, *expected: str) -> dict[str, Any]:
    return {"text": text, "expected": list(expected)}


def test_a_fault_has_the_place_of_the_first_entry_that_names_it() -> None:
    wrote, left_out = Truth(frozenset({"x"}), frozenset({"y"})), Truth(frozenset(), frozenset({"y"}))
    assert wrote.place([entry("a", "x"), entry("b"), entry("x")]) == 3
    assert wrote.place([entry("y", "y")]) is None
    assert left_out.place([entry("a"), entry("b", "z", "y")]) == 2
    assert left_out.place([entry("y")]) is None


def test_shares_are_those_of_detected_blocks() -> None:
    labels = [BlockLabel(f"blk_{i}", True, "redundant_add") for i in range(4)] + [BlockLabel("blk_9", False, None)]
    truth = {"redundant_add": Truth(frozenset({"x"}), frozenset())}
    evidence = [[entry("x")], [entry("a"), entry("x")], [entry("a")], []]
    worst = {f"blk_{i}": {"anomalous": i < 3, "evidence": evidence[i], "score": 1.0} for i in range(4)}
    worst["blk_9"] = {"anomalous": True, "evidence": [entry("x")], "score": 1.0}
    found = places(labels, worst, truth)
    wanted = {"blocks": 4, "detected": 3, "top_1": 1 / 3, "top_2": 2 / 3, "top_3": 2 / 3}
    assert found == {"failures": {"redundant_add": wanted}, "all": wanted, "false_alarms": 1}


def test_only_anomalous_windows_are_explained(tmp_path: Path) -> None:
    scorer = WatchedScorer(load_checkpoint(write_tiny_checkpoint(tmp_path / "tiny")), memo=False)
    found = measure(simulate(300, 0.1, seed=2), scorer, lambda done, of: None)
    assert 0 < found["explained"] == found["anomalous_windows"] < found["windows"]
    assert found["cost"]["windows"]["median"] > 0


def test_with_the_shipped_checkpoint_the_fault_is_in_the_top_three_of_nine_detected_blocks_in_ten() -> None:
    scorer = WatchedScorer(load_checkpoint())
    found = measure(simulate(350, 0.6, seed=31), scorer, lambda done, of: None)
    assert found["all"]["detected"] > 150
    assert found["all"]["top_3"] >= 0.9
    assert found["cost"]["windows"]["median"] <= 10


def test_the_command_prints_the_table_and_writes_the_figures(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "tiny")
    out = tmp_path / "figures.json"
    command = ["--checkpoint", str(folder), "--blocks", "60", "--rate", "0.5", "--json", str(out)]
    done = CliRunner().invoke(bench_evidence, command, catch_exceptions=False)
    assert done.exit_code == 0
    assert "top 3" in done.output
    assert out.read_text().startswith("{")
