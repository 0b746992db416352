"""What tests of the server share: it as a process, and a client."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
from pipeline import new_producer, wait_until
from test_show import event

from stream.settings import Settings

SERVER = (sys.executable, str(Path(__file__).with_name("content_server.py")))
_NAMES = ("bootstrap_servers", "group_id")


@contextmanager
def process(
    settings: Settings, log: Path, *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The command as a process on a free port, its stderr in a file; killed at the end of the block if it is alive."""
    names = [*_NAMES, *(name for name in type(settings).model_fields if name.endswith("_topic"))]
    flags = [text for name in names for text in (f"--{name.replace('_', '-')}", str(getattr(settings, name)))]
    command = [*SERVER, *flags, *(() if "--listen-address" in arguments else ("--listen-address", "0")), *arguments]
    environ = {**os.environ, **(environment or {})}
    with log.open("ab") as stderr, subprocess.Popen(command, stderr=stderr, env=environ) as running:
        try:
            yield running
        finally:
            running.kill()


def logged(log: Path) -> list[dict[str, Any]]:
    """The lines of the log, each an object."""
    return [json.loads(line) for line in log.read_text().splitlines()]


def url_of(log: Path) -> str:
    """Where the server of this log listens, once it does."""
    wait_until(lambda: any(line["event"] == "serving" for line in logged(log)), "the server listens")
    return str(next(line["url"] for line in logged(log) if line["event"] == "serving"))


@contextmanager
def client(url: str, token: str | None = None) -> Iterator[httpx.Client]:
    """A client of the server; it follows nothing and waits ten seconds."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=url, headers=headers, timeout=20, trust_env=False) as opened:
        yield opened


@contextmanager
def serving(settings: Settings, folder: Path, *arguments: str, token: str | None = None) -> Iterator[httpx.Client]:
    """A server that is ready, and a client of it."""
    log = folder / "server.log"
    environment = {"TINYLOGBERT_API_TOKEN": token} if token else {}
    with process(settings, log, *arguments, environment=environment), client(url_of(log), token) as opened:
        wait_until(lambda: opened.get("/health/ready").status_code == 200, "the server is ready")
        yield opened


def publish(settings: Settings, *events: dict[str, Any], partition: int = 0) -> None:
    """Write events as the daemon does, and wait until they are there."""
    producer = new_producer(settings)
    for one in events:
        producer.produce(settings.scores_topic, orjson.dumps(one), one["block_id"], partition=partition)
        if one["anomalous"]:
            producer.produce(settings.anomalies_topic, orjson.dumps(one), one["block_id"], partition=0)
    assert producer.flush(60) == 0


def alarm(block: str, **changed: Any) -> dict[str, Any]:
    """An event of an anomalous window."""
    return event(**{"block_id": block, **changed})


def healthy(block: str, **changed: Any) -> dict[str, Any]:
    """An event of a window that is not anomalous."""
    return event(
        **{"block_id": block, "anomalous": False, "severity": "normal", "evidence": [], "score": 0.1, **changed}
    )
