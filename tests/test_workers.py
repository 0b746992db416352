"""``consume --workers N``: several processes share the work, and begin and end together."""

import json
import os
import signal
from pathlib import Path

import psutil
import pytest
from pipeline import (
    CONSUME,
    assert_same_windows,
    daemon,
    far_later,
    new_settings,
    send,
    until_closed,
    wait_until,
)
from tiny_checkpoint import write_tiny_checkpoint

from model.scorer import BertScorer
from stream.commands.workers import _said
from stream.simulator import simulate


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny")


def entries(log: Path) -> list[dict[str, object]]:
    """What the log says; an error, which is a line of its own, as an event."""
    return [json.loads(text) if text.startswith("{") else {"event": text} for text in log.read_text().splitlines()]


def started(log: Path) -> list[int]:
    """The pids of the workers, once each has partitions."""

    def assigned() -> bool:
        return sum(entry["event"] == "assigned" for entry in entries(log)) >= 2

    wait_until(assigned, "each has partitions", 60)
    (pids,) = (entry["pids"] for entry in entries(log) if entry["event"] == "workers started")
    assert isinstance(pids, list)
    return pids


def test_two_workers_share_the_work_and_end_well_together(broker: str, checkpoint: Path, tmp_path: Path) -> None:
    settings = new_settings(broker)
    lines = [*simulate(60, seed=10).lines(), far_later()]
    send(settings, lines)
    scorer = BertScorer.load(checkpoint)
    with daemon(settings, tmp_path / "log", "--checkpoint", str(checkpoint), "--workers", "2", program=CONSUME) as both:
        pids = started(tmp_path / "log")
        until_closed(settings, lines, scorer)
        both.send_signal(signal.SIGTERM)
        assert both.wait(60) == 0
    assert_same_windows(settings, lines, scorer)
    ended = [entry for entry in entries(tmp_path / "log") if entry["event"] == "ended"]
    assert len(ended) == len(pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_worker_that_dies_is_reported_and_ends_all_with_exit_code_1(
    broker: str, checkpoint: Path, tmp_path: Path
) -> None:
    settings = new_settings(broker)
    log = tmp_path / "log"
    with daemon(settings, log, "--checkpoint", str(checkpoint), "--workers", "2", program=CONSUME) as both:
        _, second = started(log)
        os.kill(second, signal.SIGKILL)
        assert both.wait(60) == 1
    events = [entry["event"] for entry in entries(log)]
    assert events[-1] == "error: worker 2 of 2 ended with signal SIGKILL; so all have ended"
    assert events.count("ended") == 1


def test_workers_end_when_the_process_that_started_them_is_killed(
    broker: str, checkpoint: Path, tmp_path: Path
) -> None:
    settings = new_settings(broker)
    log = tmp_path / "log"
    with daemon(settings, log, "--checkpoint", str(checkpoint), "--workers", "2", program=CONSUME) as both:
        pids = started(log)
        both.kill()
        wait_until(lambda: not any(psutil.pid_exists(pid) and _runs(pid) for pid in pids), "all have ended", 60)


def test_an_end_is_said_by_its_signal_or_its_exit_code() -> None:
    assert (_said(-9), _said(2)) == ("signal SIGKILL", "exit code 2")


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
