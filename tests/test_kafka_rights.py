"""Rights and secrets without a broker: what is listed and printed, what the page says, where secrets may be."""

import shlex
from pathlib import Path

import pytest
from command import Command

from bench.rights import table
from stream.__main__ import cli
from stream.kafka.rights import COMMANDS, Right, rights_of
from stream.settings import load_settings

SECURITY = Path(__file__).parents[1] / "docs" / "security.md"


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


# ── rights ──


def test_the_page_lists_the_rights_of_each_command_as_they_are() -> None:
    assert table() in SECURITY.read_text(), "put what `python -m bench.rights` prints into docs/security.md"


def test_every_command_that_is_named_is_one() -> None:
    for name in COMMANDS:
        found = cli
        for word in (word for word in name.split() if not word.startswith("-")):
            found = found.get_command(found.context_class(found), word)  # type: ignore[assignment,attr-defined]
        assert found is not None


def test_rights_go_by_the_settings() -> None:
    def names(**given: object) -> set[str]:
        return {right.name for right in rights_of("consume", load_settings(group_id="g", **given))}

    assert "hdfs.lines" not in names(keyed_input=True)
    assert not {"hdfs.scores", "g-restore"} - names(stage="score")
    assert {"g-a-1", "g-a-2"} <= names(worker_id="a", workers=2)
    assert "g-" not in names(guarantee="at-least-once")
    assert Right("topic", "mine", ("Write",), "the lines") in rights_of("produce", load_settings(), "mine")


def test_acls_are_lines_that_a_shell_runs(command: Command) -> None:
    ran = command(
        "topics", "acls", "replay", "--publish", "--principal", "User:CN=ada, O=it", "--command-config", "a b"
    )
    first, *lines = ran.out.decode().splitlines()
    assert (ran.code, first) == (0, "# replay --publish")
    assert shlex.split(lines[-1]) == [
        *("kafka-acls", "--bootstrap-server", "localhost:9092", "--command-config", "a b", "--add"),
        *("--allow-principal", "User:CN=ada, O=it", "--transactional-id", "tinylogbert-replay-"),
        *("--resource-pattern-type", "prefixed", "--operation", "Write"),
    ]


def test_without_a_command_acls_are_those_of_all(command: Command) -> None:
    printed = command("topics", "acls").out.decode().splitlines()
    assert [line[2:] for line in printed if line.startswith("# ")] == list(COMMANDS)


def test_acls_of_a_command_that_there_is_not_are_wrong_usage(command: Command) -> None:
    ran = command("topics", "acls", "tail", "--al")
    assert ran.code == 2
    assert "'tail --al' needs no rights or is no command" in ran.err


# ── secrets ──


@pytest.mark.parametrize("name", ["sasl.password", "ssl.key.password", "sasl.oauthbearer.client.secret", "ssl.key.pem"])
def test_a_secret_as_a_flag_is_refused_for_it_would_stand_in_the_list_of_processes(command: Command, name: str) -> None:
    ran = command("tail", "--kafka", f"{name}=geheim")
    assert ran.code == 2
    assert f"say --kafka {name}.file=FILE" in ran.err
    assert "geheim" not in ran.err


def test_a_secret_is_read_from_its_file_and_hidden_as_any(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("geheim mit Leerzeichen \r\n")
    settings = load_settings(kafka=[f"sasl.password.file={tmp_path / 'password'}"])
    assert settings.kafka == {"sasl.password": "geheim mit Leerzeichen "}
    assert "geheim" not in repr(settings) + settings.hidden("it is geheim mit Leerzeichen ")


def test_a_file_that_kafka_s_client_reads_itself_is_left_to_it() -> None:
    names = ["sasl.oauthbearer.assertion.private.key.file=a.pem", "ssl.key.location=b.pem"]
    assert load_settings(kafka=names).kafka == dict(name.split("=") for name in names)


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot read"), (b"\n", "is empty"), (b"\xff", "holds no text")],
)
def test_a_file_without_a_secret_is_one_clear_line(
    command: Command, tmp_path: Path, content: bytes | None, says: str
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    ran = command("tail", "--kafka", f"sasl.password.file={file}")
    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("Error: kafka: sasl.password.file: ")
    assert says in ran.err


def test_a_secret_that_is_given_twice_is_one_clear_line(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLOGBERT_KAFKA", '{"sasl.password": "geheim"}')
    ran = command("tail", "--kafka", "sasl.password.file=f")
    assert "sasl.password and sasl.password.file are both given; leave one out" in ran.err


def test_properties_of_flags_environment_and_file_are_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[kafka]\nsecurity.protocol = "SSL"\nsession.timeout.ms = 2000\nenable.x = true\n"a" = "file"\n')
    monkeypatch.setenv("TINYLOGBERT_KAFKA", '{"sasl.password": "geheim", "a": "environment", "b": "environment"}')
    kafka = load_settings(file, kafka=["b=flag"]).kafka
    assert kafka == {
        "security.protocol": "SSL",
        "session.timeout.ms": "2000",
        "enable.x": "true",
        "sasl.password": "geheim",
        "a": "environment",
        "b": "flag",
    }


def test_no_secret_of_the_environment_stands_in_help(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYLOGBERT_KAFKA", '{"sasl.password": "geheim"}')
    assert b"geheim" not in command("consume", "--help").out
