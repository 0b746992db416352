"""The test for drift: it keeps its false-alarm rate, sees new versions of lines, and is deaf to the usual."""

import io
import json
import random
from collections.abc import Iterator
from datetime import datetime

import pytest
from driver import FakeMessage, Fingerprint, raw_line
from pipeline import line, new_settings, running, send, wait_until

from model.baselines import BaselineScorer, load_baseline
from stream.drift import Drift
from stream.kafka.figures import Figures
from stream.kafka.messages import Record
from stream.kafka.score import ScoreStage
from stream.kafka.worker import Worker
from stream.lines import LineReader
from stream.logs import new_log
from stream.settings import load_settings
from stream.simulator import simulate
from stream.windows.settings import WindowSettings
from training.baselines import BaselineRecipe, train_baseline
from training.replay import Replay

HEALTHY = (1.0, 0.5, 0.5, 0.2, 0.03, 0.008)  # p-values repeat, and need not be uniform


def stream(chance: random.Random, unusual: float) -> Iterator[float]:
    """p-values of windows, a share of which are far out."""
    while True:
        yield chance.choice((1e-5, 3e-4, 1e-3)) if chance.random() < unusual else chance.choice(HEALTHY)


def windows_until_found(drift: Drift, p_values: Iterator[float]) -> int:
    return next(number for number, p_value in enumerate(p_values, 1) if drift.see(p_value))


def test_false_alarms_are_no_more_frequent_than_stated() -> None:
    """300 times until the first one. The mean is twice the stated number or so; its standard error is below a tenth."""
    chance = random.Random(1)
    waits = [windows_until_found(Drift(200, seed), stream(chance, 0.03)) for seed in range(300)]
    assert 200 <= sum(waits) / len(waits) < 1_000


def test_the_rate_holds_whatever_the_p_values_are() -> None:
    chance = random.Random(2)
    for p_values in ((lambda: 1.0), (lambda: 1e-9), chance.random, lambda: chance.random() ** 8):
        waits = [windows_until_found(Drift(200, seed), iter(p_values, None)) for seed in range(100)]
        assert sum(waits) / len(waits) >= 180


def test_windows_that_become_stranger_are_found_soon() -> None:
    chance = random.Random(3)
    drift = Drift()
    before, after = stream(chance, 0.03), stream(chance, 0.2)
    assert not any(drift.see(next(before)) for _ in range(5_000))
    assert windows_until_found(drift, after) < 200
    assert drift.found == 1


def test_what_was_found_is_usual_from_then_on() -> None:
    drift = Drift()
    before, after = stream(random.Random(4), 0.03), stream(random.Random(5), 0.3)
    for _ in range(3_000):
        drift.see(next(before))
    windows_until_found(drift, after)
    assert not any(drift.see(next(after)) for _ in range(20_000))


def test_how_usual_windows_come_and_go_is_no_drift() -> None:
    drift = Drift()
    assert not any(drift.see(p_value) for p_value in ([1.0] * 500 + [0.2] * 500 + [0.06] * 500) * 10)


def test_another_checkpoint_begins_anew() -> None:
    drift = Drift()
    for _ in range(1_000):
        drift.see(0.5)
    drift.restart()
    assert not any(drift.see(1e-6) for _ in range(10_000))


@pytest.mark.parametrize("p_value", [5e-324, 1e-12, 0.01, 1.0])
def test_any_p_value_is_taken(p_value: float) -> None:
    assert Drift().see(p_value) is False


def test_the_same_windows_give_the_same_answer() -> None:
    answers = []
    for _ in range(2):
        drift, p_values = Drift(100), stream(random.Random(6), 0.1)
        answers.append([drift.see(next(p_values)) for _ in range(3_000)])
    assert answers[0] == answers[1]
    assert any(answers[0])


# ── in a replay ──


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> BaselineScorer:
    out = tmp_path_factory.mktemp("drift") / "pca"
    train_baseline(simulate(1_500, seed=1).lines(), out, BaselineRecipe("pca"), WindowSettings(), lambda *_: None)
    return BaselineScorer(load_baseline(out))


def drift_of(lines: list[bytes], scorer: BaselineScorer) -> list[str]:
    replay = Replay(scorer, WindowSettings(), LineReader())
    for number, raw in enumerate(lines):
        replay.line(raw, number)
    replay.finish()
    times: list[str] = replay.figures()["drift"]["times"]
    return times


def test_other_versions_of_lines_in_the_second_half_are_found_there(detector: BaselineScorer) -> None:
    lines = list(simulate(2_000, seed=2).lines())
    assert drift_of(lines, detector) == []
    half = len(lines) // 2
    newer = [raw.replace(b" terminating", b" closing, downstreams=0") for raw in lines[half:]]
    assert newer != lines[half:]
    first, *_ = drift_of([*lines[:half], *newer], detector)
    assert datetime.fromisoformat(first).timestamp() * 1000 > LineReader().read(lines[half]).time


# ── in the daemon ──


def test_the_daemon_counts_a_window_once_it_is_committed_and_begins_anew_with_a_checkpoint() -> None:
    settings = load_settings(keyed_input=True, max_lines=2, lateness="1s")
    stage = ScoreStage(settings, Fingerprint(), LineReader())

    def work() -> int:
        sent: list[Record] = []
        stage.assign(0, stage.new_task(0))
        for number in range(600):
            block = f"blk_{number // 2}"
            record = Record("hdfs.raw", block.encode(), raw_line(number, block))
            stage.lines_of(0, [FakeMessage(("hdfs.raw", 0), number, record)])
        stage.publish(0, sent.append)
        return sum(b'"status":"closed"' in (record.value or b"") for record in sent)

    assert work() > 200
    assert stage.drift.windows == 0
    closed = work()  # the commit was aborted: the same lines once more
    stage.committed()
    assert stage.drift.windows == closed
    stage.look_again()
    assert stage.drift.windows == 0


def test_the_daemon_says_once_that_the_logs_have_changed(broker: str) -> None:
    settings = new_settings(broker, partitions=1, max_lines=2, lateness="1s")
    log = io.StringIO()
    made: list[Figures] = []

    def every(worker: Worker) -> None:
        made[:] = made or [Figures(worker, new_log(log))]
        made[0]()

    with running(settings, Fingerprint(), every) as worker:
        assert worker.score is not None
        send(settings, [line(i, f"Receiving block blk_{i // 2}") for i in range(3_000)])
        wait_until(lambda: worker.score.drift.windows > 1_400, "windows are judged")
        assert log.getvalue() == ""
        send(settings, [line(3_000 + i, f"exception in blk_{3_000 + i // 2}") for i in range(80)])
        wait_until(lambda: "drift" in log.getvalue(), "the drift is told")
        wait_until(lambda: worker.score.drift.windows > 0, "more windows are judged")
    (told,) = [json.loads(text) for text in log.getvalue().splitlines()]
    assert told["level"] == "warning"
    assert told["event"].startswith("drift: more windows are unusual than before; look at them, and train anew if ")
    assert (told["found"], told["windows_per_false_alarm"]) == (1, 1_000_000)
    assert made[0].totals()["drift"] == 1
