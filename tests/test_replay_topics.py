"""``tinylogbert replay`` of topics: what is read of them, in which order, and what is published."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from command import Command
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from labelled import TOLD, CreateTopic, Log, line, send
from pipeline import read_topic, wait_until

from stream.errors import BrokerError, InputError
from stream.kafka.replay import TopicLine, TopicLines
from stream.lines import LineReader, block_ids
from stream.settings import Settings
from stream.windows.judge import time_text


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return Log(tmp_path_factory.mktemp("replay"))


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


def read(broker: str, topic: str, **options: int) -> list[TopicLine]:
    return list(TopicLines(Settings(bootstrap_servers=broker), topic, LineReader(), **options))


# ── topics: what is read ──


def test_partitions_are_merged_by_event_time_and_each_stays_in_order(broker: str, create_topic: CreateTopic) -> None:
    topic = create_topic(partitions=3)
    times = {0: [5, 1, 9], 1: [2, 6, 7], 2: [5, 0, 30]}
    send(broker, topic, [(p, None, line(t), []) for p, ts in times.items() for t in ts])
    found = read(broker, topic)
    # 1 of partition 0 came after 5, and 0 of partition 2 likewise: they stand right behind it.
    order = [(1, 2), (0, 5), (0, 1), (2, 5), (2, 0), (1, 6), (1, 7), (0, 9), (2, 30)]
    assert [(one.partition, one.raw) for one in found] == [(p, line(t)) for p, t in order]


def test_lines_without_a_time_stand_behind_the_line_before_them(broker: str, create_topic: CreateTopic) -> None:
    topic = create_topic(partitions=2)
    texts = [(0, line(1)), (0, b"\xff no time"), (0, line(3)), (1, line(2))]
    send(broker, topic, [(partition, None, text, []) for partition, text in texts])
    assert [one.raw for one in read(broker, topic)] == [line(1), b"\xff no time", line(2), line(3)]


@pytest.mark.parametrize("before", [0, 1, 400])
def test_a_line_a_year_ahead_does_not_put_its_partition_behind_the_others(
    broker: str, create_topic: CreateTopic, before: int
) -> None:
    topic = create_topic(partitions=2)
    ahead = line(0).replace(b"0811", b"0911", 1)
    good = [(n % 2, None, line(n // 20), []) for n in range(1000)]
    send(broker, topic, [*good[: 2 * before], (0, None, ahead, []), *good[2 * before :]])
    found = [one.raw for one in read(broker, topic)]
    assert len(found) == 1001
    assert [raw for raw in found if raw != ahead] == sorted(raw for _, _, raw, _ in good)


def test_a_partition_far_ahead_waits_for_the_others_and_nothing_is_lost(broker: str, create_topic: CreateTopic) -> None:
    topic = create_topic(partitions=3)
    early = [(0, None, line(i // 500, i), []) for i in range(5_000)]
    late = [(1 + i % 2, None, line(20 + i // 500, i), []) for i in range(20_000)]
    send(broker, topic, [*late, *early])
    found = read(broker, topic, queue_bytes=100_000)
    blocks = [block_ids(one.raw)[0] for one in found]
    assert blocks[:5_000] == [b"blk_%d" % i for i in range(5_000)]
    assert sorted(blocks[5_000:]) == sorted(b"blk_%d" % i for i in range(20_000))
    assert [one.raw[:13] for one in found] == sorted(one.raw[:13] for one in found)


def test_labels_keys_and_offsets_come_with_the_lines_and_what_is_no_line_is_left_out(
    broker: str, create_topic: CreateTopic
) -> None:
    topic = create_topic()
    control = (0, None, None, [("watermark", b"[0,1,5,true]")])
    labelled = [("trace", b"1"), ("label", b"1")]
    send(
        broker,
        topic,
        [(0, b"k", line(1), labelled), control, (0, None, line(2), [("label", b"0")]), (0, None, b"", [])],
    )
    assert read(broker, topic) == [
        TopicLine(0, 0, b"k", line(1), True),
        TopicLine(0, 2, None, line(2), False),
        TopicLine(0, 3, None, b"", None),
    ]


def test_what_was_never_committed_is_not_read_and_the_end_is_found(broker: str, create_topic: CreateTopic) -> None:
    topic = create_topic()
    producer = Producer({"bootstrap.servers": broker, "transactional.id": topic})
    producer.init_transactions(30)
    for number, end in enumerate(
        (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction)
    ):
        producer.begin_transaction()
        producer.produce(topic, line(number))
        producer.flush(30)
        end(30)
    lines = TopicLines(Settings(bootstrap_servers=broker), topic, LineReader())
    assert [one.raw for one in lines] == [line(0), line(2)]
    assert lines.done == lines.of == 6  # three lines and three ends of transactions


def test_lines_that_come_meanwhile_are_not_read(broker: str, create_topic: CreateTopic) -> None:
    topic = create_topic(partitions=2)
    send(broker, topic, [(i % 2, None, line(i), []) for i in range(4)])
    lines = TopicLines(Settings(bootstrap_servers=broker), topic, LineReader())
    send(broker, topic, [(i % 2, None, line(i), []) for i in range(10, 20)])
    assert [one.raw for one in lines] == [line(i) for i in range(4)]
    assert lines.done == lines.of == 4


def test_an_empty_and_an_absent_topic_are_one_line(broker: str, create_topic: CreateTopic) -> None:
    topic = create_topic()
    with pytest.raises(InputError, match=f"the topic {topic} is empty; send lines to it: tinylogbert produce FILE"):
        read(broker, topic)
    with pytest.raises(BrokerError, match=f"there is no topic {topic}-2"):
        read(broker, f"{topic}-2")


# ── topics: the command ──


def test_a_labelled_topic_gives_the_same_as_its_file_whatever_its_partitions(
    command: Command, log: Log, broker: str, create_topic: CreateTopic, tmp_path: Path
) -> None:
    expected = command("replay", log.file, "--labels", log.csv, "--checkpoint", log.checkpoint)
    rows = sorted(command("score", log.file, "--checkpoint", log.checkpoint).out.splitlines())
    half = len(log.lines) // 2
    for name, place in {"interleaved": lambda i: i % 3, "one after the other": lambda i: 0 if i < half else 1}.items():
        topic = create_topic(partitions=3)
        send(broker, topic, [(place(i), None, raw, log.header(raw)) for i, raw in enumerate(log.lines)])
        scores = tmp_path / f"{name}.csv"
        arguments = ("replay", "--topic", topic, "--bootstrap-servers", broker, "--checkpoint", log.checkpoint)
        ran = command(*arguments, "--scores", scores)
        assert ran.code == 0, ran.err
        assert ran.out == expected.out
        assert sorted(scores.read_bytes().splitlines()) == rows
        assert command(*arguments).out == ran.out
    groups = AdminClient({"bootstrap.servers": broker, "log_level": 0}).list_consumer_groups().result().valid
    assert not [group.group_id for group in groups if "replay" in group.group_id]


def test_a_topic_of_lines_keyed_by_block_counts_none_twice(
    command: Command, log: Log, broker: str, create_topic: CreateTopic
) -> None:
    topic = create_topic()
    both = b"081109 203600 13 INFO dfs.FSNamesystem: BLOCK* ask 10.0.0.1:50010 to delete  blk_1 blk_2"
    sent = [(b"blk_1", line(1, 1)), (b"blk_2", line(2, 2)), (b"blk_1", both), (b"blk_2", both)]
    labels = {b"blk_1": b"1", b"blk_2": b"0"}
    send(broker, topic, [(0, key, raw, [("label", labels[key])]) for key, raw in sent])
    arguments = ("replay", "--topic", topic, "--bootstrap-servers", broker, "--checkpoint", log.checkpoint)
    for flags, lines in {("--keyed-input",): "2,2", (): "3,3"}.items():
        scores = log.file.parent / "keyed.csv"
        ran = command(*arguments, "--scores", scores, *flags)
        assert ran.code == 0, ran.err
        assert json.loads(ran.out)["normal"] == json.loads(ran.out)["anomalous"] == 1
        assert ",".join(row.split(",")[6] for row in scores.read_text().splitlines()[1:]) == lines


def test_a_label_file_stands_above_the_headers(
    command: Command, log: Log, broker: str, create_topic: CreateTopic, tmp_path: Path
) -> None:
    topic, labels = create_topic(), tmp_path / "labels.csv"
    send(broker, topic, [(0, None, line(i, i), [("label", b"1")]) for i in range(4)])
    labels.write_text("BlockId,Label\nblk_0,0\nblk_1,1\nblk_2,0\n")
    arguments = ("replay", "--topic", topic, "--bootstrap-servers", broker, "--checkpoint", log.checkpoint)
    found = json.loads(command(*arguments, "--labels", labels).out)
    assert (found["normal"], found["anomalous"], found["unlabelled_blocks"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([None, None], "the topic {topic} carries no labels; send it with: tinylogbert produce FILE --labels CSV"),
        ([b"0", b"1"], "the lines of blk_1 carry label 0 and label 1; a block has one label"),
        ([b"0", b"yes"], "{topic}, partition 0, offset 1: the header label is b'yes'; it must be 0 or 1"),
    ],
)
def test_a_topic_whose_labels_are_no_use_is_one_line(
    command: Command, log: Log, broker: str, create_topic: CreateTopic, labels: Sequence[bytes | None], complaint: str
) -> None:
    topic = create_topic()
    send(broker, topic, [(0, None, line(1), [("label", label)] if label else []) for label in labels])
    ran = command("replay", "--topic", topic, "--bootstrap-servers", broker, "--checkpoint", log.checkpoint)
    assert (ran.code, ran.out) == (1, b"")
    assert TOLD.sub("", ran.err).startswith("error: " + complaint.format(topic=topic))
    assert TOLD.sub("", ran.err).count("\n") == 1


# ── between two times ──


def test_between_two_times_only_blocks_that_begin_there_are_judged(
    command: Command, log: Log, broker: str, create_topic: CreateTopic
) -> None:
    topic = create_topic(partitions=2)
    spans: dict[bytes, list[int]] = {}
    times = [LineReader().read(raw).time for raw in log.lines]
    for raw, moment in zip(log.lines, times, strict=True):
        for block in block_ids(raw):
            spans.setdefault(block, []).append(moment)
    begin, end = (sorted(times)[len(times) * part // 4] for part in (1, 3))
    chosen = [block for block, seen in spans.items() if begin <= min(seen) < end]
    assert 10 < len(chosen) < 140
    send(broker, topic, [(i % 2, None, raw, log.header(raw)) for i, raw in enumerate(log.lines)])
    arguments = ("replay", "--topic", topic, "--bootstrap-servers", broker, "--checkpoint", log.checkpoint)
    bounds = ("--from", time_text(begin), "--to", time_text(end))
    ran = command(*arguments, *bounds)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["blocks"] == len(chosen)
    assert found["lines"] == sum(begin <= moment < end for moment in times)
    assert found["blocks_begun_before"] == sum(min(seen) < begin for seen in spans.values())
    assert command(*arguments, *bounds).out == ran.out
    local = ("--from", time_text(begin).rstrip("Z"), "--to", time_text(end).rstrip("Z"), "--timezone", "UTC")
    assert command(*arguments, *local).out == ran.out


# ── publishing ──


def test_nothing_is_published_unless_it_is_asked_for_and_then_it_is_what_was_scored(
    command: Command, log: Log, broker: str, create_topic: CreateTopic, tmp_path: Path
) -> None:
    lines, scores, anomalies = (create_topic(partitions=2) for _ in range(3))
    send(broker, lines, [(i % 2, None, raw, log.header(raw)) for i, raw in enumerate(log.lines)])
    arguments = (
        *("replay", "--topic", lines, "--bootstrap-servers", broker, "--checkpoint", log.checkpoint),
        *("--scores-topic", scores, "--anomalies-topic", anomalies, "--scores", tmp_path / "rows.csv"),
    )
    settings = Settings(bootstrap_servers=broker)
    silent = command(*arguments)
    assert read_topic(settings, scores) == read_topic(settings, anomalies) == []
    loud = command(*arguments, "--publish")
    assert (loud.code, loud.out) == (0, silent.out)
    told = json.loads(loud.out)
    published = told["windows"] + told["provisional_scores"]
    # A transaction is committed before each partition shows it.
    wait_until(lambda: len(read_topic(settings, scores)) >= published, "what is published can be read")
    found = read_topic(settings, scores)
    events = [json.loads(message.value() or b"") for message in found]
    assert sum(event["status"] == "closed" for event in events) == told["windows"]
    assert sum(event["status"] == "open" for event in events) == told["provisional_scores"]
    assert all(message.headers() == [("replay", lines.encode())] for message in found)
    assert all(message.key() == event["block_id"].encode() for message, event in zip(found, events, strict=True))
    wanted = sorted(str(event) for event in events if event["anomalous"])
    wait_until(lambda: len(read_topic(settings, anomalies)) >= len(wanted), "alarms can be read")
    alarms = [json.loads(message.value() or b"") for message in read_topic(settings, anomalies)]
    assert sorted(map(str, alarms)) == wanted
    sent = [[raw for i, raw in enumerate(log.lines) if i % 2 == partition] for partition in range(2)]
    evidence = [one for event in alarms for one in event["evidence"]]
    assert evidence
    for one in evidence:  # it says where the raw line is
        topic, partition, offset = one["source"]
        assert topic == lines
        assert LineReader().read(sent[partition][offset]).text == one["text"]


def test_to_publish_where_there_is_no_topic_is_one_line(command: Command, log: Log, broker: str) -> None:
    arguments = ("--labels", log.csv, "--checkpoint", log.checkpoint, "--bootstrap-servers", broker)
    ran = command("replay", log.file, *arguments, "--publish", "--scores-topic", "no-such")
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err == "error: there is no topic no-such; create the topics: tinylogbert topics create\n"
