"""What the daemon tells about itself: a table of metrics, and what reads them from a worker.

The work loop calls ``WorkerMetrics`` often; once a second it copies its counts, and a scrape, in another thread, sees
the last copy. So a line costs nothing for metrics, and what is scraped was true at one moment.
"""

import time
from collections.abc import Callable, Iterator, Mapping

from stream.kafka.route import RouteStage
from stream.kafka.score import ScoreStage
from stream.kafka.worker import Worker
from stream.metrics.families import Described, Exporter, Figures, Value
from stream.windows.window import Reason

EVERY_S = 1.0
_P = "tinylogbert_"
# Told as 0 before the first, so that its rate is known; any other reason is told once it occurs.
_REASONS = ("too_long", "encoding", "timestamp", "blocks", "key", "control")

DAEMON = (
    Described(f"{_P}lines_total", "counter", "Lines read; again those that are read again after an abort.", ("stage",)),
    Described(f"{_P}bytes_total", "counter", "Bytes of these lines.", ("stage",)),
    Described(f"{_P}lines_without_block_total", "counter", "Lines that name no block and are not scored.", ("stage",)),
    Described(f"{_P}continued_lines_total", "counter", "Lines that belong to the line before them.", ("stage",)),
    Described(f"{_P}late_lines_total", "counter", "Lines later than the lateness; they are scored all the same."),
    Described(f"{_P}time_jumps_total", "counter", "Lines too far ahead in time to move event time.", ("stage",)),
    Described(f"{_P}dead_letters_total", "counter", "Lines that could not be read.", ("stage", "reason")),
    Described(f"{_P}windows_total", "counter", "Events published about windows.", ("status", "reason")),
    Described(f"{_P}anomalies_total", "counter", "Published events that call an alarm.", ("severity", "status")),
    Described(f"{_P}notices_total", "counter", "Published events of severity notice: unusual, no alarm.", ("status",)),
    Described(f"{_P}window_score", "histogram", "Scores of published events.", ("status",)),
    Described(f"{_P}evicted_windows_total", "counter", "Windows that closed because too many were open."),
    Described(f"{_P}open_windows", "gauge", "Open windows.", ("partition",)),
    Described(f"{_P}state_bytes", "gauge", "Bytes of the open windows, packed.", ("partition",)),
    Described(f"{_P}restore_seconds", "histogram", "Time to restore windows from the changelog."),
    Described(f"{_P}restored_records_total", "counter", "Records of the changelog that were read for that."),
    Described(f"{_P}lag_messages", "gauge", "Messages that wait to be read.", ("topic", "partition")),
    Described(f"{_P}event_time_delay_seconds", "gauge", "How far event time is behind the clock.", ("partition",)),
    Described(f"{_P}memo_lookups_total", "counter", "Windows to be scored, by whether the memo knew.", ("result",)),
    Described(f"{_P}model_batch_windows", "histogram", "Windows that the model computed in one batch."),
    Described(f"{_P}model_batch_seconds", "histogram", "Time of the model for one batch."),
    Described(f"{_P}judge_seconds", "histogram", "Time to judge what is due and hand it to Kafka's client, a commit."),
    Described(f"{_P}commit_seconds", "histogram", "Time of a transaction's end.", ("stage",)),
    Described(
        f"{_P}aborted_transactions_total", "counter", "Transactions aborted, their input read again.", ("stage",)
    ),
    Described(f"{_P}drift_total", "counter", "How often windows became stranger than before."),
    Described(f"{_P}checkpoint_info", "gauge", "1; the name of what scores now.", ("checkpoint",)),
    Described(f"{_P}figures_timestamp_seconds", "gauge", "When the work loop last told these figures, in Unix time."),
)


class WorkerMetrics:
    """The metrics of one worker. Reads the clock that it is given, in s of Unix time."""

    def __init__(self, worker: Worker, clock: Callable[[], float] = time.time) -> None:
        self._worker = worker
        self._clock = clock
        self._next = 0.0
        self._figures: Figures = {}
        self.exporter = Exporter(DAEMON, lambda: self._figures)

    def __call__(self) -> None:
        """Copy the figures if it is time; to be called by the thread that works."""
        now = self._clock()
        if not self._next - EVERY_S <= now < self._next:  # or the clock was set back
            self._next = now + EVERY_S
            self._figures = {_P + name: values for name, values in figures_of(self._worker, now)}


Named = Iterator[tuple[str, Mapping[tuple[str, ...], Value]]]


def figures_of(worker: Worker, now: float) -> Named:
    """The figures of a worker at time ``now``, Unix time in s, as copies; names without their prefix."""
    yield "figures_timestamp_seconds", {(): now}
    yield "lag_messages", {(topic, str(number)): lag for (topic, number), lag in worker.lags().items()}
    yield from _of_stages(worker)
    yield from _of_commits(worker)
    if worker.score:
        yield from _of_windows(worker.score, now)
        yield from _of_scorer(worker.score)


def _of_stages(worker: Worker) -> Named:
    stages = _stages(worker)
    yield "lines_total", {(name,): stage.lines for name, stage in stages.items()}
    yield "bytes_total", {(name,): stage.bytes for name, stage in stages.items()}
    yield "lines_without_block_total", {(name,): stage.no_block for name, stage in stages.items()}
    yield "continued_lines_total", {("route",): worker.route.continued} if worker.route else {}
    yield "time_jumps_total", {(name,): stage.jumps for name, stage in stages.items()}
    dead = {name: dict.fromkeys(_REASONS, 0) | stage.dead_by for name, stage in stages.items()}
    yield "dead_letters_total", {(name, why): count for name, by in dead.items() for why, count in by.items()}


def _of_commits(worker: Worker) -> Named:
    commits, restores = worker.commits, worker.restores
    stages = {name: _input(worker, name) for name in _stages(worker)}
    yield "aborted_transactions_total", {(name,): commits.aborted[topic] for name, topic in stages.items()}
    seconds = {name: commits.seconds.get(topic) for name, topic in stages.items()}
    yield "commit_seconds", {(name,): took.copy() for name, took in seconds.items() if took}
    if worker.score:
        yield "judge_seconds", {(): commits.judging.copy()}
        yield "restore_seconds", {(): restores.seconds.copy()}
        yield "restored_records_total", {(): restores.records}


def _of_windows(score: ScoreStage, now: float) -> Named:
    published = score.published
    by_reason, by_severity = published.by_reason, published.by_severity
    kinds = [("closed" if reason is not Reason.QUIET else "open", str(reason)) for reason in Reason]
    yield "windows_total", {kind: by_reason[kind] for kind in kinds}
    graded = [(severity, status) for severity in ("warning", "critical") for status in ("open", "closed")]
    yield "anomalies_total", {key: by_severity[key] for key in graded}
    yield "notices_total", {(status,): by_severity["notice", status] for status in ("open", "closed")}
    yield "window_score", {(status,): scores.copy() for status, scores in published.scores.items()}
    yield "late_lines_total", {(): score.late}
    yield "evicted_windows_total", {(): score.evicted}
    yield "drift_total", {(): score.drift.found}
    tasks = {(str(number),): score.task(number) for number in score.partitions}
    yield "open_windows", {of: len(task.store) for of, task in tasks.items()}
    yield "state_bytes", {of: task.store.size for of, task in tasks.items()}
    times = {of: task.clock.progress for of, task in tasks.items()}
    yield "event_time_delay_seconds", {of: now - time / 1000 for of, time in times.items() if time}


def _of_scorer(score: ScoreStage) -> Named:
    yield "checkpoint_info", {(score.checkpoint,): 1}
    if work := score.work:
        yield "memo_lookups_total", {("hit",): work.asked - work.computed, ("miss",): work.computed}
        yield "model_batch_windows", {(): work.windows.copy()}
        yield "model_batch_seconds", {(): work.seconds.copy()}


def _stages(worker: Worker) -> dict[str, RouteStage | ScoreStage]:
    named = {"route": worker.route, "score": worker.score}
    return {name: stage for name, stage in named.items() if stage}


def _input(worker: Worker, stage: str) -> str:
    return worker.settings.raw_topic if stage == "route" else worker.settings.input_topic
