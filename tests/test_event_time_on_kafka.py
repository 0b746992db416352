"""Event time with a real broker: what is believed goes with the offsets, and nobody runs ahead of a worker that stands
still.
"""

import json
import threading
from contextlib import ExitStack

from confluent_kafka import TopicPartition
from pipeline import (
    ContentScorer,
    all_read,
    assert_same_windows,
    closed_windows,
    far_later,
    line,
    new_producer,
    new_settings,
    read_topic,
    running,
    send,
    until_closed,
    wait_until,
)

from stream.kafka.clients import committed_offsets, new_consumer
from stream.kafka.ends import RawEnds
from stream.kafka.messages import SourceReport, Witness, read_control
from stream.kafka.worker import Worker
from stream.lines import LineReader
from stream.settings import Settings

SCORER = ContentScorer()
HOUR = 3600


def receiving(second: float, block: int) -> bytes:
    return line(second, f"Receiving block blk_{block} src: /10.0.0.1:1 dest: /10.0.0.2:2")


def time_of(raw: bytes) -> int:
    return LineReader().read(raw).time


def told(settings: Settings, source: int) -> list[SourceReport]:
    """What the owners of a raw partition have told, to the first lines partition."""
    controls = [read_control(m) for m in read_topic(settings, settings.lines_topic) if m.partition() == 0]
    return [report for report in controls if isinstance(report, SourceReport) and report.source == source]


def all_rest(settings: Settings) -> bool:
    """Whether the owner of each raw partition has said that it is at its end."""
    return all([report.at_end for report in told(settings, n)][-1:] == [True] for n in range(settings.partitions))


def notes(settings: Settings) -> list[dict[str, object]]:
    """What is committed of the clocks with the offsets of the raw partitions."""
    consumer = new_consumer(settings, **{"group.id": settings.group_id})
    places = [TopicPartition(settings.raw_topic, n) for n in range(settings.partitions)]
    found = [json.loads(place.metadata) for place in committed_offsets(consumer, places)]
    consumer.close()
    return [{name: note[name] for name in ("progress", "run")} for note in found]


def test_the_time_that_is_believed_comes_back_with_the_committed_offset(broker: str) -> None:
    settings = new_settings(broker, partitions=1, max_jump="1d", stage="route")
    lines = [receiving(n, 1) for n in range(20)]
    send(settings, lines)
    with running(settings, SCORER):
        wait_until(lambda: all_rest(settings), "the raw partition is at its end")
    wrong = receiving(400 * 24 * HOUR, 2)
    assert notes(settings) == [{"progress": time_of(lines[-1]), "run": []}]
    send(settings, [wrong])
    before = len(told(settings, 0))
    with running(settings, SCORER) as worker:
        wait_until(lambda: any(report.at_end for report in told(settings, 0)[before:]), "it is at its end again")
        assert worker.route is not None
        assert worker.route.jumps == 0  # it waits for others like it
    assert {report.time for report in told(settings, 0)[before:]} == {time_of(lines[-1])}
    assert notes(settings) == [{"progress": time_of(lines[-1]), "run": [[time_of(wrong), time_of(wrong), 1]]}]


def test_what_ends_a_raw_partition_is_what_its_owner_reads_up_to_whatever_transactions_left_there(broker: str) -> None:
    settings = new_settings(broker, partitions=2, stage="route")
    producer = new_producer(settings, **{"transactional.id": settings.group_id})
    producer.init_transactions()
    ends = RawEnds(settings)

    def written(commit: bool) -> None:
        producer.begin_transaction()
        producer.produce(settings.raw_topic, receiving(1, 1), partition=0)
        producer.flush()
        producer.commit_transaction() if commit else producer.abort_transaction()

    def at_end() -> list[tuple[bool, int]]:
        return [(report.at_end, report.offset) for report in told(settings, 0)[-1:]]

    with running(settings, SCORER):
        for commit, end in ((True, 2), (False, 4), (True, 6), (False, 8)):
            written(commit)
            assert ends([0, 1]) == {0: end, 1: 0}
            wait_until(lambda end=end: at_end() == [(True, end)], f"the end at {end} is told")  # type: ignore[misc]


def test_an_unreachable_broker_gives_no_ends() -> None:
    assert RawEnds(Settings(bootstrap_servers="127.0.0.1:1"))([0]) is None


def test_a_worker_that_reads_does_not_run_ahead_of_one_that_stands_still(broker: str) -> None:
    settings = new_settings(broker, partitions=2)
    route, score = (settings.model_copy(update={"stage": stage}) for stage in ("route", "score"))
    go_on, standing = threading.Event(), threading.Event()
    go_on.set()

    def every(_: Worker) -> None:
        if not go_on.is_set():
            standing.set()
            go_on.wait()

    first = [receiving(n % 10, n % 4) for n in range(40)]
    with ExitStack() as stack:
        stack.enter_context(running(score, SCORER))
        awake, asleep = stack.enter_context(running(route, SCORER)), stack.enter_context(running(route, SCORER, every))
        stack.callback(go_on.set)  # before they are to end
        wait_until(lambda: sorted((partitions(awake), partitions(asleep))) == [[0], [1]], "each has a raw partition")
        for number in (0, 1):
            send(settings, first[number::2], partition=number)
        wait_until(lambda: all_read(settings) and all_rest(settings), "all is read and at its end")
        go_on.clear()
        assert standing.wait(30)
        unread = [receiving(HOUR + n, n % 4) for n in range(8)]
        send(settings, unread, partition=partitions(asleep)[0])
        seen = [receiving(hour * HOUR, 100 + hour) for hour in range(1, 21)]
        [number] = partitions(awake)
        send(settings, seen, partition=number)
        wait_until(lambda: told(settings, number)[-1].time == time_of(seen[-1]), "the other lines are read and told")
        wait_until(lambda: scored(settings), "and what they told has been looked at")
        assert closed_windows(settings) == {}
        assert any(isinstance(read_control(m), Witness) for m in read_topic(settings, settings.lines_topic))
        go_on.set()
        for number in (0, 1):
            send(settings, [far_later()], partition=number)
        lines = [*first, *unread, *seen, far_later()]
        until_closed(settings, lines, SCORER)
    found = assert_same_windows(settings, lines, SCORER)
    assert [found[f"blk_{n}", 1]["lines"] for n in range(4)] == [12] * 4


def partitions(worker: Worker) -> list[int]:
    assert worker.route is not None
    return worker.route.partitions


def scored(settings: Settings) -> bool:
    """Whether the score stage has committed all of the lines topic that there is."""
    consumer = new_consumer(settings, **{"group.id": settings.group_id})
    places = [TopicPartition(settings.lines_topic, n) for n in range(settings.partitions)]
    done = {place.partition: place.offset for place in committed_offsets(consumer, places)}
    consumer.close()
    last = {m.partition(): m.offset() for m in read_topic(settings, settings.lines_topic)}
    return all(done[number] > offset for number, offset in last.items())
