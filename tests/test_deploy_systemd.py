"""The units: right by systemd, as closed as can be measured without starting them, and their commands are ours."""

import configparser
import re
import shlex
import shutil
from pathlib import Path

import pytest
from deployed import DEPLOY, require_command, run

UNITS = sorted(DEPLOY.glob("*.service"))
PROGRAM = "/opt/tinylogbert/.venv/bin/tinylogbert"
MOST_EXPOSED = 2.0  # of 10, where 10 is a service that may do all that root may

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed (Debian: systemd)"
)
each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


def service(unit: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(unit.read_text())
    return dict(parser["Service"])


def test_there_is_one_for_the_daemon_and_one_for_the_server() -> None:
    assert {unit.stem for unit in UNITS} == {"tinylogbert", "tinylogbert-serve"}


@needs_systemd
@each_unit
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    there = tmp_path / unit.name  # with a program that there is on this machine
    there.write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    ran = run("systemd-analyze", "verify", there)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@needs_systemd
@each_unit
def test_systemd_calls_it_hardly_exposed(unit: Path) -> None:
    ran = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    assert ran.returncode == 0, ran.stderr
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", ran.stdout)
    assert found
    assert float(found[1]) <= MOST_EXPOSED


@each_unit
def test_its_command_is_ours_and_holds_no_secret(unit: Path) -> None:
    program, *arguments = shlex.split(service(unit)["ExecStart"])
    assert program == PROGRAM
    require_command(arguments)
    assert "%d/" in " ".join(arguments) or "token" not in " ".join(arguments)


def test_a_reload_of_the_daemon_loads_the_checkpoint_again_and_is_no_end_of_it() -> None:
    said = service(DEPLOY / "tinylogbert.service")
    assert said["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert said["RestartForceExitStatus"] == "SIGHUP"


def test_the_server_gets_its_token_as_a_credential() -> None:
    said = service(DEPLOY / "tinylogbert-serve.service")
    assert said["LoadCredential"] == "token:/etc/tinylogbert.token"
    assert "--api-token-file %d/token" in said["ExecStart"]
