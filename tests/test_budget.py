"""A budget of false alarms: a share of the windows, or a rate in event time."""

import pytest
from click.testing import CliRunner

from stream.commands.train import train_command
from stream.errors import InputError
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
