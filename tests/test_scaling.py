"""docs/scaling.md: its derived tables are those of its inputs, and its inputs are those of the settings."""

import re

import pytest
from docpages import ROOT

from bench.scaling import RATES, Plan, inputs_of, rewritten
from stream.settings import Settings

PAGE = (ROOT / "docs" / "scaling.md").read_text()
INPUTS = inputs_of(PAGE)


def test_the_tables_are_what_the_inputs_say() -> None:
    assert rewritten(PAGE) == PAGE, "docs/scaling.md is stale: python -m bench.scaling docs/scaling.md"


def test_another_input_gives_other_tables() -> None:
    assert rewritten(PAGE.replace("| `life_s` | 16,666 |", "| `life_s` | 8,000 |")) != rewritten(PAGE)


def test_every_rate_is_a_column_of_both_tables() -> None:
    assert PAGE.count(f"| lines a second | {' | '.join(RATES)} |") == 2


def test_inputs_that_are_defaults_are_those_of_the_settings() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    assert INPUTS["close_after_h"] * 3_600_000 == defaults["close_after"]
    assert INPUTS["commit_s"] * 1000 == defaults["commit_interval"]
    assert INPUTS["windows_a_partition"] == defaults["max_open_windows"]
    largest = next(limit.le for limit in Settings.model_fields["partitions"].metadata if hasattr(limit, "le"))
    assert f"`--partitions` takes up to {largest:,}" in PAGE


def test_inputs_that_the_log_measured_stand_there() -> None:
    log = (ROOT / "LOG.md").read_text()
    for name in ("any_key_lines_s", "keyed_lines_s", "restore_s_a_million", "model_windows_s"):
        shown = f"{INPUTS[name]:,g}" if INPUTS[name] >= 1000 else f"{INPUTS[name]:g}"
        assert re.search(rf"(?<![\d.,]){re.escape(shown)}(?!\d|,\d)", log), f"{name}: {shown} is not in LOG.md"


EASY = {
    "line_bytes": 100,
    "key_bytes": 20,
    "lines_a_window": 20,
    "life_s": 3600,
    "cluster_lines_s": 100,
    "any_key_lines_s": 50_000,
    "keyed_lines_s": 100_000,
    "window_bytes": 2**30 / 1e6,
    "restore_s_a_million": 10,
    "changelog_bytes_a_line": 50,
    "scores_a_line": 0.5,
    "events_a_line": 0.1,
    "event_bytes": 500,
    "missed": 0.1,
    "model_windows_s": 1000,
    "control_bytes": 100,
    "commit_s": 0.5,
    "windows_a_partition": 1e6,
    "use": 0.5,
    "replicas": 3,
    "broker_mb_s": 100,
}


def test_the_arithmetic_on_numbers_that_can_be_checked_in_the_head() -> None:
    plan = Plan(EASY, 100_000, keyed=False, close_after_h=1)
    assert (plan.closed, plan.open, plan.workers, plan.partitions) == (5_000, 36e6, 4, 36)
    assert (plan.memory_gib, plan.restore_s) == (pytest.approx(36), 90)
    assert (plan.model_cores(0.1), plan.model_cores(1)) == (pytest.approx(5), 50)
    assert (plan.control, plan.transactions) == (2 * 36 * 36, 16)
    assert plan.written_mb == pytest.approx(0.1 * (2 * 100 + 20 + 50 + 50) + 2592 * 100 / 1e6)
    assert plan.brokers == 1
    assert plan.day_tb == pytest.approx(100_000 * 220 * 3 * 86_400 / 1e12)


def test_keyed_input_has_no_route_stage() -> None:
    plan = Plan(EASY, 100_000, keyed=True, close_after_h=1)
    assert (plan.workers, plan.control, plan.transactions, plan.line_bytes) == (2, 0, 4, 100)


def test_what_the_page_says_of_its_order_holds() -> None:
    by_rate = [Plan(INPUTS, lines, keyed=False, close_after_h=INPUTS["close_after_h"]) for lines in RATES.values()]
    assert all(plan.partitions > plan.workers for plan in by_rate)  # memory of windows, before processors
    assert [plan.control > plan.lines for plan in by_rate] == [False, True, True]
    cell = by_rate[0]
    assert cell.lines / INPUTS["cluster_lines_s"] > 100
    assert all(plan.model_cores(INPUTS["missed"]) < plan.workers for plan in by_rate)
