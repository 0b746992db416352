"""Settings that cannot be: one clear line each, exit code 2, and no secret in it."""

from pathlib import Path

import pytest
from command import Command

from stream.errors import BrokerError
from stream.kafka.clients import new_admin
from stream.settings import load_settings

NINES = "9" * 5000


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (b"\xff\xfe", "settings.toml is not TOML: 'utf-8' codec can't decode"),
        (b"group_id = ", "settings.toml is not TOML: "),
        (f"partitions = {NINES}".encode(), "settings.toml is not TOML: "),
        (b"quiet_after = [1]", "quiet_after: Input should be a valid integer"),
        (f'quiet_after = "{NINES}s"'.encode(), "is longer than ten thousand years"),
        (b'timezone = "Europe"', "timezone: 'Europe' is no time zone"),
        (f'timezone = "{NINES}"'.encode(), "is no time zone"),
        (b"nope = 1", "nope: Extra inputs are not permitted"),
        (b"[kafka]\nsasl.password = ['hunter22']", "kafka.sasl.password: Input should be a valid string"),
        (b'kafka = "sasl.password=hunter22"', "kafka: Input should be a valid dictionary"),
    ],
)
def test_a_file_that_cannot_be_is_one_line(command: Command, tmp_path: Path, toml: bytes, says: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(toml)
    ran = command("tail", "--config", str(file))
    assert ran.code == 2
    [*usage, line] = ran.err.splitlines()
    assert len(usage) == 3
    assert says in line
    assert "hunter22" not in ran.err


def test_what_a_misspelt_property_was_given_is_not_shown() -> None:
    with pytest.raises(BrokerError, match=r"cannot use sasl\.pasword: No such configuration property") as raised:
        new_admin(load_settings(kafka={"sasl.pasword": "hunter22"}))
    assert "hunter22" not in str(raised.value)
