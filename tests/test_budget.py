"""A budget of false alarms: a share of the windows, or a rate in event time."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from logs import simulated

from model.baselines import load_baseline
from stream.commands.train import train_command
from stream.errors import InputError
from stream.windows.settings import WindowSettings
from training.bags import collect
from training.budget import parse_budget

DAY = 86_400_000


@pytest.mark.parametrize(
    ("text", "share"),
    [("1e-3", 1e-3), ("0.01", 0.01), ("5/hour", 5 / 1000), ("20/day", 20 / 24_000), (" .5/hour ", 5e-4)],
)
def test_a_share_stands_for_itself_and_a_rate_is_of_the_windows_an_hour_of_the_log(text: str, share: float) -> None:
    assert parse_budget(text).share(windows=24_000, span=DAY) == pytest.approx(share)


@pytest.mark.parametrize(
    "text", ["", "x", "0", "-1", "0.06", "nan", "5/week", "5/", "/hour", "0/day", "inf/day", "1/2/day"]
)
def test_what_is_no_budget_is_said_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"no share of windows between 1e-06 and 0\.05, and no rate like 5/hour"):
        parse_budget(text)


def test_a_rate_that_no_threshold_could_keep_is_said_with_the_rate_of_the_log() -> None:
    with pytest.raises(
        InputError, match=r"5/hour is 0\.12 of the 41\.7 windows an hour of these lines; it must be between"
    ):
        parse_budget("5/hour").share(windows=1000, span=DAY)
    with pytest.raises(InputError, match="5/hour needs lines of more than one moment"):
        parse_budget("5/hour").share(windows=1000, span=0)


def test_the_command_takes_no_other() -> None:
    result = CliRunner().invoke(train_command, ["x.log", "--out", "out", "--false-alarms", "5/week"])
    assert result.exit_code == 2
    assert "5/week" in result.stderr


def test_a_rate_is_turned_into_a_share_by_the_log_and_both_are_kept_with_what_was_trained(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"\n".join(simulated(300)))
    arguments = [str(tmp_path / "a.log"), "--out", str(tmp_path / "out"), "--detector", "rarity"]
    result = CliRunner().invoke(train_command, [*arguments, "--false-alarms", "24/day"], catch_exceptions=False)
    assert result.exit_code == 0
    calibration = load_baseline(tmp_path / "out").calibration
    assert calibration.asked == "24/day"
    assert 1e-3 < calibration.false_alarms < 0.05  # one an hour, of 300 blocks in some hours


@pytest.mark.parametrize("stamp", [b"380101", b"700101"], ids=["ahead", "behind"])
def test_one_line_with_a_broken_clock_makes_no_log_of_decades(stamp: bytes) -> None:
    lines = simulated(300)
    broken = stamp + lines[1000][6:]
    corpus = collect([*lines[:1000], broken, *lines[1001:]], WindowSettings(), 0.2)
    sound = collect(lines, WindowSettings(), 0.2)
    assert corpus.windows > sound.windows - 2
    assert corpus.last - corpus.first == pytest.approx(sound.last - sound.first, rel=0.01)
