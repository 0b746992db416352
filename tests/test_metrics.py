"""What Prometheus is told: of a real daemon, number by number, and that the page about it is true."""

import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from driver import Driver, FakeMessage, Fingerprint, raw_line
from hypothesis import given
from hypothesis import strategies as st
from pipeline import (
    CONSUME,
    all_read,
    daemon,
    entries,
    far_later,
    line,
    new_settings,
    read_events,
    read_topic,
    running,
    send,
    until_closed,
    wait_until,
)
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from tiny_checkpoint import write_tiny_checkpoint

from model.scorer import BertScorer
from stream.commands.workers import _settings_of
from stream.distribution import Distribution
from stream.kafka.figures import Figures
from stream.kafka.messages import Record
from stream.kafka.score import ScoreStage
from stream.kafka.tally import Tally
from stream.kafka.worker import Worker
from stream.lines import LineReader
from stream.logs import new_log
from stream.metrics.daemon import WorkerMetrics, figures_of
from stream.metrics.families import Described, Exporter, exposition, new_registry
from stream.metrics.server import ServerMetrics
from stream.settings import Settings, load_settings
from stream.simulator import simulate

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
_ROW = re.compile(r"\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) \| .+ \|")

Scraped = dict[str, Metric]


def documented(*sections: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of each metric in these sections of the page."""
    texts = {text.partition("\n")[0]: text for text in PAGE.read_text().split("\n## ")}
    rows = [row for section in sections for row in _ROW.findall(texts[section])]
    return {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def scraped(text: str) -> Scraped:
    """Metrics by the names that Prometheus stores, without its suffixes for parts of a histogram."""
    families = text_string_to_metric_families(text)
    return {f"{f.name}_total" if f.type == "counter" else f.name: f for f in families}


def described(metrics: Scraped) -> dict[str, tuple[str, frozenset[str]]]:
    """The same of what was scraped; a metric without a sample has no labels to tell."""
    return {
        name: (metric.type, frozenset(key for sample in metric.samples for key in sample.labels) - {"le"})
        for name, metric in metrics.items()
    }


def scrape(url: str) -> Scraped:
    with urlopen(url, timeout=30) as answer:
        return scraped(answer.read().decode())


def values(metrics: Scraped, name: str, suffix: str = "") -> dict[tuple[str, ...], float]:
    """The samples of a metric by the values of their labels, in the order of the labels' names."""
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for sample in metrics[name].samples
        if sample.name == name + suffix
    }


# ── a real daemon ──


@contextmanager
def told(settings: Settings, log: Path, *arguments: str) -> Iterator[str]:
    """A daemon with TinyLogBERT, and the address of its metrics."""
    with daemon(settings, log, "--metrics-address", "0", *arguments, program=CONSUME):
        wait_until(lambda: log.exists() and entries(log, "metrics"), "it tells where its metrics are")
        yield entries(log, "metrics")[0]["url"]


def test_a_daemon_tells_what_has_happened_and_the_page_names_all_of_it(broker: str, tmp_path: Path) -> None:
    settings = new_settings(broker)
    checkpoint = write_tiny_checkpoint(tmp_path / "model")
    good = [*simulate(80, seed=5, anomaly_rate=0.1).lines(), far_later()]
    bad = [b"no time at all blk_1", b"\xff\xfe blk_2", b"x" * 70_000 + b" blk_3", line(0, "nothing to see")]
    send(settings, [*good, *bad])
    with told(settings, tmp_path / "log", "--checkpoint", str(checkpoint)) as url:
        until_closed(settings, good, BertScorer.load(checkpoint))
        wait_until(lambda: all_read(settings), "all is committed")
        metrics: Scraped = {}
        events: list[dict[str, Any]] = []

        def agreed() -> bool:
            nonlocal metrics, events
            metrics, events = scrape(url), read_events(settings)
            return sum(values(metrics, "tinylogbert_windows_total").values()) == len(events)

        wait_until(agreed, "the figures are those of the topic")

    assert described(metrics) == documented("Daemon", "Both")
    assert values(metrics, "tinylogbert_lines_total")["route",] == len(good) + len(bad)
    assert values(metrics, "tinylogbert_lines_total")["score",] == len(
        [message for message in read_topic(settings, settings.lines_topic) if message.value()]
    )
    assert values(metrics, "tinylogbert_bytes_total")["route",] == sum(map(len, [*good, *bad]))
    assert values(metrics, "tinylogbert_lines_without_block_total")["route",] == 1
    dead = {key: number for key, number in values(metrics, "tinylogbert_dead_letters_total").items() if number}
    assert dead == {("timestamp", "route"): 1, ("encoding", "route"): 1, ("too_long", "route"): 1}
    kinds = Counter((event["reason"], event["status"]) for event in events)
    assert {k: n for k, n in values(metrics, "tinylogbert_windows_total").items() if n} == kinds
    alarms = Counter((event["severity"], event["status"]) for event in events if event["anomalous"])
    assert alarms
    assert {k: n for k, n in values(metrics, "tinylogbert_anomalies_total").items() if n} == alarms
    notices = Counter((event["status"],) for event in events if event["severity"] == "notice")
    assert {k: n for k, n in values(metrics, "tinylogbert_notices_total").items() if n} == notices
    for status in ("open", "closed"):
        scores = [event["score"] for event in events if event["status"] == status]
        buckets = values(metrics, "tinylogbert_window_score", "_bucket")
        assert buckets["+Inf", status] == len(scores)
        assert buckets["0.0", status] == sum(score <= 0 for score in scores)
    assert sum(values(metrics, "tinylogbert_open_windows").values()) == 1  # that of the last line
    assert sum(values(metrics, "tinylogbert_state_bytes").values()) > 50
    lag = values(metrics, "tinylogbert_lag_messages")
    assert {topic for _, topic in lag} == {settings.raw_topic, settings.lines_topic}
    assert len(lag) == 2 * settings.partitions
    assert values(metrics, "tinylogbert_checkpoint_info") == {(BertScorer.load(checkpoint).checkpoint,): 1}
    lookups = values(metrics, "tinylogbert_memo_lookups_total")
    assert lookups["miss",] == values(metrics, "tinylogbert_model_batch_windows", "_sum")[()]
    assert values(metrics, "tinylogbert_model_batch_seconds", "_count")[()] > 0
    assert sum(lookups.values()) >= len(events)
    assert values(metrics, "tinylogbert_commit_seconds", "_count").keys() == {("route",), ("score",)}
    assert sum(values(metrics, "tinylogbert_aborted_transactions_total").values()) == 0
    assert values(metrics, "tinylogbert_restore_seconds", "_count")[()] >= 1


def test_lines_of_a_stack_trace_are_told_by_metrics_and_by_the_log(broker: str) -> None:
    settings = new_settings(broker)
    trace = [b"java.io.IOException: Connection reset by peer", b"\tat sun.nio.ch.Net.read(Net.java:1)"]
    send(settings, [line(0, "writeBlock blk_1 received exception"), *trace, *trace], partition=0)
    told: dict[str, object] = {}

    def every(worker: Worker) -> None:
        told.update(figures_of(worker, 0.0))
        told["log"] = Figures(worker, new_log(io.StringIO())).totals()["continued"]

    with running(settings, Fingerprint(), every):
        wait_until(lambda: all_read(settings), "all is read")
        wait_until(lambda: told["lines_total"] == {("route",): 5, ("score",): 5}, "all is counted")
    assert (told["continued_lines_total"], told["log"]) == ({("route",): 4}, 4)


def test_a_route_stage_alone_tells_of_its_own_work_only(broker: str, tmp_path: Path) -> None:
    settings = new_settings(broker)
    send(settings, [line(0, "Receiving block blk_1")])
    with told(settings, tmp_path / "log", "--stage", "route") as url:
        wait_until(lambda: values(scrape(url), "tinylogbert_lines_total") == {("route",): 1}, "the line is counted")
        metrics = scrape(url)
    assert values(metrics, "tinylogbert_windows_total") == {}
    assert metrics["tinylogbert_checkpoint_info"].samples == []


def test_each_worker_listens_at_a_port_of_its_own() -> None:
    def addresses(address: str | None) -> list[str | None]:
        settings = load_settings(metrics_address=address)
        return [_settings_of(settings, number).metrics_address for number in (1, 2, 3)]

    assert addresses("9464") == ["127.0.0.1:9464", "127.0.0.1:9465", "127.0.0.1:9466"]
    assert addresses("[::]:80") == ["[::]:80", "[::]:81", "[::]:82"]
    assert addresses("0") == ["0"] * 3
    assert addresses(None) == [None] * 3


# ── what counters promise ──


def test_a_worker_copies_its_figures_once_a_second_and_its_thread_does_it(broker: str) -> None:
    settings = new_settings(broker)
    now = 100.0
    found: list[float] = []

    def every(worker: object) -> None:
        metrics()
        found.append(stamp())

    def stamp() -> float:
        body, _ = exposition(registry)
        return values(scraped(body.decode()), "tinylogbert_figures_timestamp_seconds")[()]

    with running(settings, None, lambda worker: ready and every(worker)) as worker:
        ready: list[object] = []
        metrics = WorkerMetrics(worker, lambda: now)
        registry = new_registry(metrics.exporter)
        ready.append(worker)
        wait_until(lambda: found and found[-1] == 100.0, "the first copy")
        now = 100.9
        seen = len(found)
        wait_until(lambda: len(found) > seen + 3, "the loop goes on")
        assert found[-1] == 100.0
        now = 101.0
        wait_until(lambda: found[-1] == 101.0, "the next copy")
        now = 50.0  # the clock was set back
        wait_until(lambda: found[-1] == 50.0, "it goes on from there")


def stage_of(settings: Settings, *lines: bytes) -> tuple[ScoreStage, list[FakeMessage]]:
    """A stage with one partition, and lines for it keyed by the block that they name last."""
    stage = ScoreStage(settings, Fingerprint(), LineReader())
    stage.assign(0, stage.new_task(0))
    topic = settings.input_topic
    records = [Record(topic, raw.split()[-1], raw) for raw in lines]
    return stage, [FakeMessage((topic, 0), number, record) for number, record in enumerate(records)]


def test_what_an_aborted_commit_published_is_counted_once() -> None:
    text = "exception in block"
    lines = [raw_line(second, "blk_1", text) for second in range(300)]
    stage, messages = stage_of(load_settings(keyed_input=True, quiet_after=3_000, max_lines=150), *lines)
    for attempt in range(2):
        stage.assign(0, stage.new_task(0))  # as what is aborted is read again
        stage.lines_of(0, messages)
        events: list[Record] = []
        stage.publish(attempt, events.append)
    assert stage.published.events.total() == 0
    stage.committed()
    stage.committed()
    assert stage.published.by_reason["closed", "max_lines"] == 1
    assert stage.published.by_severity["critical", "closed"] == 1
    assert stage.published.scores["closed"].number == 1


def test_counters_do_not_fall_when_partitions_go() -> None:
    stage, messages = stage_of(
        load_settings(keyed_input=True), *(raw_line(0, "blk_1"),) * 300, raw_line(-3600, "blk_2")
    )
    stage.lines_of(0, messages)
    assert stage.late == 1
    stage.assign(0, stage.new_task(0))  # as after an aborted transaction
    assert stage.late == 1
    stage.revoke(0)
    stage.revoke(0)
    assert stage.late == 1


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 200_000)), max_size=60), st.booleans())
def test_the_bytes_of_the_state_are_those_that_lie_in_the_changelog(lines: list[tuple[int, int]], crash: bool) -> None:
    driver = Driver(load_settings(keyed_input=True, close_after="1h", max_open_windows=7), since=0)
    for half in (lines[::2], lines[1::2]):
        driver.run(*(raw_line(second, f"blk_{block}") for block, second in half))
        if crash:
            driver.crash()
    kept = [value for key, value in driver.changelog(0).items() if key.startswith(b"w")]
    assert driver.task().store.size == sum(map(len, kept)) + 16 * len(kept)  # and the alarms


@given(st.lists(st.floats(-5, 5)), st.lists(st.floats(-5, 5)))
def test_a_distribution_counts_what_is_at_most_a_bound_and_above_the_one_before(
    first: list[float], second: list[float]
) -> None:
    bounds = [-1.0, 0.0, 2.5]
    distribution, other = Distribution(bounds), Distribution(bounds)
    for value in first:
        distribution.see(value)
    before = distribution.copy()
    for value in second:
        other.see(value)
    distribution.add(other)
    both = [*first, *second]
    at_most = [sum(value <= bound for value in both) for bound in bounds]
    assert distribution.counts == [b - a for a, b in zip([0, *at_most], [*at_most, len(both)], strict=True)]
    assert distribution.total == pytest.approx(sum(both))
    assert before.number == len(first)


def test_a_histogram_counts_upwards_as_prometheus_wants_it() -> None:
    seconds = Distribution([0.1, 1.0])
    for value in (0.1, 0.5, 0.7, 3.0):
        seconds.see(value)
    table = [Described("some_seconds", "histogram", "Some.")]
    body, kind = exposition(new_registry(Exporter(table, lambda: {"some_seconds": {(): seconds}})))
    metrics = scraped(body.decode())
    assert values(metrics, "some_seconds", "_bucket") == {("0.1",): 1, ("1.0",): 3, ("+Inf",): 4}
    assert values(metrics, "some_seconds", "_count") == {(): 4}
    assert kind.startswith("text/plain")


# ── the server ──


def test_the_servers_metrics_are_those_on_the_page() -> None:
    metrics = ServerMetrics()
    metrics.request("POST", "/score", 200, 0.02)
    metrics.request("POST", "/score", 422, 0.001)
    metrics.request("GET", "/events", 200)
    metrics.stream(1)
    metrics.stream(1)
    metrics.stream(-1)
    metrics.events("hdfs.scores", 3)
    metrics.windows("critical")
    found = scraped(metrics.exposition()[0].decode())
    assert described(found) == documented("Server", "Both")
    assert values(found, "tinylogbert_http_requests_total") == {
        ("POST", "/score", "200"): 1,
        ("POST", "/score", "422"): 1,
        ("GET", "/events", "200"): 1,
    }
    assert values(found, "tinylogbert_http_request_seconds", "_count") == {("/score",): 2}
    assert values(found, "tinylogbert_http_streams") == {(): 1}
    assert values(found, "tinylogbert_served_events_total") == {("hdfs.scores",): 3}


def test_a_tally_takes_over_what_another_has_counted() -> None:
    first, second = Tally(), Tally()
    second.see({"status": "open", "reason": "quiet", "severity": "notice", "score": -1.0})
    second.see({"status": "closed", "reason": "silence", "severity": "notice", "score": -1.0})
    first.add(second)
    first.add(second)
    assert first.by_severity == {("notice", "open"): 2, ("notice", "closed"): 2}
    assert first.by_reason == {("open", "quiet"): 2, ("closed", "silence"): 2}
    assert second.events.total() == 2
