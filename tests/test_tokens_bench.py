"""The measure of tokens: plain WordPiece reads a window's words in order, and is taught what ours is."""

from collections import Counter
from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from bench.tokens.__main__ import main as bench_tokens
from bench.tokens.__main__ import show_speed
from bench.tokens.accuracy import split
from bench.tokens.plain import MAX_TOKENS, PlainEncoder, PlainSampler
from bench.tokens.speed import measure as measure_speed
from stream.simulator import simulate
from training.bags import Bag, Floats, matrix
from training.teacher import Lesson

KINDS = ["node: block received", "node: block deleted", "name: block added"]
ORDER = (KINDS[0], KINDS[2], KINDS[0], KINDS[1])


def test_plain_wordpiece_reads_words_in_order_and_is_cut_at_the_end_of_bert() -> None:
    encoder = PlainEncoder(KINDS)
    assert encoder.encode(ORDER) != encoder.encode(ORDER[::-1])
    assert sorted(encoder.encode(ORDER)) == sorted(encoder.encode(ORDER[::-1]))
    assert len(encoder.encode(ORDER * 100)) == MAX_TOKENS


class Lines:
    """Teaches the number of lines of a row."""

    def lesson(self, counts: Floats) -> Lesson:
        return Lesson(np.asarray(counts.sum(1)), counts)


def test_a_target_is_that_of_the_lines_that_are_read_in_their_order_if_nothing_was_damaged() -> None:
    bag: Bag = tuple(sorted(Counter(ORDER).items()))
    encoder = PlainEncoder(KINDS)
    rows = matrix([bag], KINDS)
    sampler = PlainSampler({bag: (7, ORDER)}, rows, KINDS, encoder, Lines(), np.random.default_rng(1))
    ids, (targets, _) = sampler.draw(40)
    assert ids[:20] == [encoder.encode(ORDER)] * 20
    assert targets[:20].tolist() == [4.0] * 20
    assert len(set(ids[20:])) > 5
    assert max(targets[20:]) > 4 > min(targets[20:])


def test_later_windows_begin_behind_the_earlier_ones_and_those_between_are_left_out() -> None:
    simulation = simulate(400, 0.1, hours=2)
    labels = {label.block_id: label.anomalous for label in simulation.labels()}
    given = split(list(simulation.lines()), labels)
    assert sum(number for number, _ in given.earlier.values()) + len(given.later) < 400
    assert given.later
    assert 0 < sum(given.labels) < len(given.labels)


def test_both_are_taught_for_a_time_and_judged(tmp_path: Path) -> None:
    out = tmp_path / "accuracy.json"
    command = ["accuracy", "--blocks", "200", "--batch", "4", "--seconds", "0.5", "--json", str(out)]
    done = CliRunner().invoke(bench_tokens, command, catch_exceptions=False)
    assert done.exit_code == 0
    found = orjson.loads(out.read_bytes())
    assert set(found) == {"teacher", "ours", "plain"}
    assert found["ours"]["steps"] >= 1
    assert 0 <= found["plain"]["roc_auc"] <= 1


def test_speed_says_tokens_and_windows_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    found = {"1": measure_speed(simulate(60).lines(), 40, 0.2)}
    ours, plain, usual = (found["1"][name] for name in ("ours", "plain", "usual"))
    assert ours["tokens"]["mean"] < plain["tokens"]["mean"] <= MAX_TOKENS
    assert ours["windows_per_s"] > plain["windows_per_s"] > 0
    assert usual["tokens"] == plain["tokens"]
    show_speed(found)
    told = capsys.readouterr().out
    assert "ours / plain" in told
    assert "ours / usual" in told


def test_a_number_of_threads_is_a_number() -> None:
    done = CliRunner().invoke(bench_tokens, ["speed", "--threads", "1,many"])
    assert done.exit_code == 2
    assert "whole numbers" in done.output
