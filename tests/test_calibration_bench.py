"""The measure of stated against realised false alarms: its splits, its thinning, and that it runs."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench.calibration import RULES, STATED, Block, main, parts, thinned
from training.bags import Life


def log(healthy: int, failed: int) -> list[Block]:
    lives = [Life(((f"line {i}", 1),), frozenset()) for i in range(healthy + failed)]
    return [Block(life, i % (healthy + failed) < failed) for i, life in enumerate(lives)]


def test_no_block_is_in_two_parts_and_by_time_what_is_judged_comes_last() -> None:
    blocks = log(1000, 0)
    for by_time in (False, True):
        fit, held_out, rest = parts(blocks, by_time, np.random.default_rng(0))
        assert sorted(block.life for part in (fit, held_out, rest) for block in part) == sorted(b.life for b in blocks)
        assert (len(fit), len(held_out), len(rest)) == (400, 200, 400)
        assert (rest == blocks[600:]) == by_time


@pytest.mark.parametrize("rate", [0, 0.001, 0.03, 0.2])
def test_a_log_is_thinned_to_the_share_of_failures_that_is_asked(rate: float) -> None:
    found = thinned(log(20_000, 600), rate, np.random.default_rng(0))
    assert np.mean([block.anomalous for block in found]) == pytest.approx(rate, rel=0.2, abs=5e-4)


def test_it_judges_every_rule_and_share_of_a_simulated_log(tmp_path: Path) -> None:
    file = tmp_path / "runs.json"
    arguments = ["--blocks", "300", "--seeds", "1", "--rate", "0.05", "--json", str(file)]
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "realised ÷ stated" in result.stdout
    found = json.loads(file.read_text())
    assert len(found) == 2 * len(RULES) * len(STATED)
    assert all(0 <= row["final"] <= row["ever"] <= row["healthy"] for row in found)
    for share in STATED:
        counted, gap = (
            next(row for row in found if row["rule"] == rule and row["stated"] == share) for rule in ("all", "gap")
        )
        assert counted["found"] <= gap["found"]


def test_files_need_their_labels() -> None:
    assert CliRunner().invoke(main, ["x.log"]).exit_code == 2
