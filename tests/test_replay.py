"""``tinylogbert replay``: labelled files and topics through the daemon's pipeline, the same figures every time."""

import io
import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from command import Command
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from pipeline import read_topic
from rich.console import Console
from tiny_checkpoint import write_tiny_checkpoint

from stream.commands.replayshow import ReplayShow
from stream.errors import BrokerError, InputError
from stream.kafka.labeltopic import read_label_topic
from stream.kafka.replay import TopicLine, TopicLines
from stream.lines import LineReader, block_ids
from stream.scoring import Score, Surprise
from stream.settings import Settings
from stream.simulator import simulate
from stream.windows.judge import time_text
from stream.windows.settings import WindowSettings
from training.replay import Replay

CreateTopic = Callable[..., str]
TOLD = re.compile(
    r"[\d,]+ lines( \(\d+%\))?, [\d,]+ lines/s, [\d,]+ windows closed, [\d,]+ blocks with a label, "
    r"[\d,]+ anomalous, ROC-AUC (nan|[01]\.\d{4}), AP (nan|[01]\.\d{4})(, \d+ s left)?\n"
)


class Log:
    """A simulated log with its labels, as files and as lines."""

    def __init__(self, folder: Path) -> None:
        chunks = list(simulate(150, 0.2, seed=11).chunks())
        self.lines = [line for chunk in chunks for line in chunk.lines]
        self.labels = {label.block_id: label.anomalous for chunk in chunks for label in chunk.labels}
        self.file, self.csv = folder / "hdfs.log", folder / "labels.csv"
        self.file.write_bytes(b"".join(line + b"\n" for line in self.lines))
        rows = [f"{block},{'Anomaly' if anomalous else 'Normal'}\n" for block, anomalous in self.labels.items()]
        self.csv.write_text("BlockId,Label\n" + "".join(rows))
        self.checkpoint = write_tiny_checkpoint(folder / "tiny")

    def header(self, line: bytes) -> list[tuple[str, bytes]]:
        blocks = block_ids(line)
        return [("label", b"%d" % self.labels[blocks[0].decode()])] if len(blocks) == 1 else []


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return Log(tmp_path_factory.mktemp("replay"))


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


Sent = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Partition, key, value and headers."""


def send(broker: str, topic: str, messages: Iterable[Sent]) -> None:
    # Without idempotence, a batch that is sent again (a new topic has no leader yet) comes behind later ones.
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 5, "enable.idempotence": True})
    for partition, key, value, headers in messages:
        producer.produce(topic, value, key, partition, headers=headers)
        producer.poll(0)
    assert producer.flush(60) == 0


def read(broker: str, topic: str, **options: int) -> list[TopicLine]:
    return list(TopicLines(Settings(bootstrap_servers=broker), topic, LineReader(), **options))


def line(second: int, block: int = 1) -> bytes:
    return b"081109 2035%02d 143 INFO dfs.DataNode: Receiving block blk_%d" % (second, block)


# ── files ──


def test_a_replayed_file_has_the_rows_of_score_and_the_figures_of_evaluate(
    command: Command, log: Log, tmp_path: Path
) -> None:
    tiny = ("--checkpoint", log.checkpoint)
    rows = tmp_path / "rows.csv"
    ran = command("replay", log.file, "--labels", log.csv, "--scores", rows, *tiny)
    assert ran.code == 0
    assert rows.read_bytes() == command("score", log.file, *tiny).out
    expected = json.loads(command("evaluate", "--scores", rows, "--labels", log.csv).out)
    found = json.loads(ran.out)
    expected["prequential"].pop("curve")  # of blocks whose windows have closed: no provisional score is in a row
    found["prequential"].pop("curve")
    assert {name: found[name] for name in expected} == expected
    assert (found["lines"], found["blocks"], found["unlabelled_blocks"]) == (len(log.lines), 150, 0)
    assert found["provisional_scores"] >= 150
    assert found["checkpoint"].startswith("tiny-")


def test_two_replays_print_the_same_bytes_and_progress_goes_to_stderr(command: Command, log: Log) -> None:
    first, second = (command("replay", log.file, "--labels", log.csv, "--checkpoint", log.checkpoint) for _ in range(2))
    assert first.out == second.out
    assert first.out.count(b"\n") == 1
    last, figures = first.err.splitlines(keepends=True)[-2:]
    assert figures == "working out the figures\n"
    assert TOLD.fullmatch(last), last
    auc = json.loads(first.out)["roc_auc"]
    assert f"{len(log.lines):,} lines (100%)" in last
    assert f"150 blocks with a label, 30 anomalous, ROC-AUC {auc:.4f}" in last


def test_blocks_without_labels_are_counted(command: Command, log: Log, tmp_path: Path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join([*log.csv.read_text().splitlines()[:101], "blk_77,Normal"]))
    found = json.loads(command("replay", log.file, "--labels", labels, "--checkpoint", log.checkpoint).out)
    assert (found["blocks"], found["unlabelled_blocks"], found["unscored_labels"]) == (150, 50, 1)
    assert found["anomalous"] + found["normal"] == 100


def test_a_report_shows_the_figures_over_time(command: Command, log: Log, tmp_path: Path) -> None:
    report = tmp_path / "report"
    ran = command("replay", log.file, "--labels", log.csv, "--checkpoint", log.checkpoint, "--report", report)
    assert ran.code == 0
    pictures = "scores.png, roc.png, pr.png, p_values.png, p_histogram.png, tsne.png, running.png, delay.png"
    assert f"{report}: {pictures}, report.json, report.html" in ran.err
    assert (report / "running.png").read_bytes().startswith(b"\x89PNG")


class Alarmed:
    """A scorer to which everything is anomalous, and which notes what it was asked to explain."""

    checkpoint, material = "alarmed", 1.0

    def __init__(self) -> None:
        self.explained: list[bool] = []

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        return [Score(float(len(window)), 0.001, True, "critical") for window in windows]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        self.explained.append(complete)
        return []


@pytest.mark.parametrize("rows_are_wanted", [False, True])
def test_only_what_somebody_will_see_is_explained(log: Log, rows_are_wanted: bool) -> None:
    scorer, seen = Alarmed(), []
    replay = Replay(scorer, WindowSettings(), LineReader(), log.labels, seen.extend if rows_are_wanted else None)
    for offset, raw in enumerate(log.lines):
        replay.line(raw, offset)
    replay.finish()
    assert replay.provisional > 0
    assert scorer.explained == ([True] * replay.windows if rows_are_wanted else [])
    assert len(seen) == len(scorer.explained)


def test_what_is_provisional_depends_on_the_log_alone_and_ends_with_the_window(log: Log) -> None:
    replay = Replay(Alarmed(), WindowSettings(quiet_after=60_000), LineReader(), {"blk_1": True, "blk_2": False})
    for second, block in enumerate([1, 1, 2, 1]):
        replay.line(line(second, block), second)
    assert replay.blocks.scores == {}
    replay.line(line(50, 3).replace(b" 2035", b" 2037"), 4)
    found = replay.figures()
    assert (found["windows"], found["provisional_scores"]) == (0, 0)  # they wait for the next batch
    replay.finish()
    found = replay.figures()
    assert (found["windows"], found["provisional_scores"], found["roc_auc"]) == (3, 2, 1.0)
    assert {block: score.score for block, score in replay.blocks.scores.items()} == {"blk_1": 3, "blk_2": 1, "blk_3": 1}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "give --topic or log files, and not both"),
        (("log", "--topic", "t"), "give --topic or log files, and not both"),
        (("log",), "log files need --labels or --labels-topic"),
        (("log", "--labels", "l", "--labels-topic", "t"), "give --labels or --labels-topic, and not both"),
        (("--topic", "t", "--from", "yesterday"), "'yesterday' is no time such as 2008-11-09T20:36:15"),
    ],
)
def test_wrong_usage_exits_with_2(command: Command, arguments: Sequence[str], complaint: str) -> None:
    ran = command("replay", *arguments)
    assert (ran.code, ran.out) == (2, b"")
    assert complaint in ran.err


def test_files_without_a_figure_are_one_line(command: Command, log: Log, tmp_path: Path) -> None:
    labels, other = tmp_path / "labels.csv", tmp_path / "other.log"
    labels.write_text("BlockId,Label\nblk_77,1\n")
    other.write_text("no block\n")
    tiny = ("--labels", labels, "--checkpoint", log.checkpoint)
    for file, complaint in {
        log.file: f"error: no block of {log.file} has a label in {labels}\n",
        other: f"error: no line of {other} can be read and names a block (1 lines)\n",
    }.items():
        ran = command("replay", file, *tiny)
        assert (ran.code, ran.out) == (1, b"")
        assert TOLD.sub("", ran.err) == complaint


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


# ── labels of their own topic ──


def send_labels(broker: str, topic: str, labels: Iterable[tuple[str | None, str | None]]) -> None:
    messages = [(block and block.encode(), label and label.encode()) for block, label in labels]
    send(broker, topic, [(0, block, label, []) for block, label in messages])


def label_topic(broker: str, topic: str) -> dict[str, bool]:
    return read_label_topic(Settings(bootstrap_servers=broker), topic)


def test_labels_of_a_topic_give_the_figures_of_the_headers_and_stand_above_them(
    command: Command, log: Log, broker: str, create_topic: CreateTopic
) -> None:
    lines, labels, few = create_topic(partitions=2), create_topic("labels", partitions=2), create_topic("few")
    send(broker, lines, [(i % 2, None, raw, log.header(raw)) for i, raw in enumerate(log.lines)])
    words = {True: b"Anomaly", False: b"Normal"}
    every = list(log.labels.items())
    send(broker, labels, [(i % 2, b.encode(), words[label], []) for i, (b, label) in enumerate(every)])
    send_labels(broker, few, [(block, "0" if label else "1") for block, label in every[:20]])
    arguments = ("replay", "--topic", lines, "--bootstrap-servers", broker, "--checkpoint", log.checkpoint)
    by_header, by_topic, by_few = (
        command(*arguments, *flags) for flags in ((), ("--labels-topic", labels), ("--labels-topic", few))
    )
    assert (by_topic.code, by_topic.out) == (0, by_header.out)
    found = json.loads(by_few.out)
    assert (found["anomalous"] + found["normal"], found["unlabelled_blocks"]) == (20, 130)
    assert found["normal"] == sum(label for _, label in every[:20])


def test_a_label_may_be_repeated_and_taken_back(broker: str, create_topic: CreateTopic) -> None:
    topic = create_topic()
    send_labels(broker, topic, [("blk_1", "Normal"), ("blk_1", "0"), ("blk_2", "Anomaly"), ("blk_3", " 1 ")])
    send_labels(broker, topic, [("blk_2", None), ("blk_3", None), ("blk_3", "Normal")])
    assert label_topic(broker, topic) == {"blk_1": False, "blk_3": False}


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([], "the topic {topic} is empty; it must hold labels, key = block id, value = Normal or Anomaly"),
        ([("blk_1", "0"), ("blk_1", None)], "the topic {topic} has no labels: each one was taken back"),
        ([("blk_1", "bad")], "{topic}, partition 0, offset 0: label b'bad' is unknown; it must be Normal, Anomaly, 0"),
        ([("blk_1", "0"), ("blk_1", "1")], "{topic}, partition 0, offset 1: blk_1 has another label here than before"),
        ([(None, "0")], "{topic}, partition 0, offset 0: a label without a key; it must be the block id"),
        ([("blk_77", "0")], "no block of {file} has a label in {topic}"),
    ],
)
def test_a_topic_of_labels_that_are_no_use_is_one_line(
    command: Command,
    log: Log,
    broker: str,
    create_topic: CreateTopic,
    labels: list[tuple[str | None, str | None]],
    complaint: str,
) -> None:
    topic = create_topic()
    send_labels(broker, topic, labels)
    arguments = ("--labels-topic", topic, "--bootstrap-servers", broker, "--checkpoint", log.checkpoint)
    ran = command("replay", log.file, *arguments)
    assert (ran.code, ran.out) == (1, b"")
    assert TOLD.sub("", ran.err).startswith("error: " + complaint.format(topic=topic, file=log.file))
    assert TOLD.sub("", ran.err).count("\n") == 1


def test_an_absent_topic_of_labels_is_one_line(command: Command, log: Log, broker: str) -> None:
    ran = command("replay", log.file, "--labels-topic", "no-such", "--bootstrap-servers", broker)
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err == "error: there is no topic no-such of labels\n"


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


def test_nothing_between_the_times_is_one_line(command: Command, log: Log) -> None:
    tiny = ("--labels", log.csv, "--checkpoint", log.checkpoint)
    ran = command("replay", log.file, *tiny, "--from", "2030-01-01")
    assert (ran.code, ran.out) == (1, b"")
    assert TOLD.sub("", ran.err) == (
        f"error: no block of {log.file} begins between --from and --to (0 lines lie there)\n"
    )


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
    found = read_topic(settings, scores)
    events = [json.loads(message.value() or b"") for message in found]
    told = json.loads(loud.out)
    assert sum(event["status"] == "closed" for event in events) == told["windows"]
    assert sum(event["status"] == "open" for event in events) == told["provisional_scores"]
    assert all(message.headers() == [("replay", lines.encode())] for message in found)
    assert all(message.key() == event["block_id"].encode() for message, event in zip(found, events, strict=True))
    alarms = [json.loads(message.value() or b"") for message in read_topic(settings, anomalies)]
    assert sorted(map(str, alarms)) == sorted(str(event) for event in events if event["anomalous"])
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


# ── what a person sees ──


def test_on_a_terminal_the_figures_and_their_curves_are_drawn_while_it_runs(log: Log) -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=80, legacy_windows=False)
    replay = Replay(Alarmed(), WindowSettings(), LineReader(), log.labels)
    with ReplayShow(replay, console) as shown:
        shown.share(1, 2)
        deadline = time.monotonic() + 30
        while "ROC-AUC 1 " not in written.getvalue():
            assert time.monotonic() < deadline
            for offset, raw in enumerate(log.lines):
                replay.line(raw, offset)
                shown.look()
    assert " left" in written.getvalue()
    assert "(50%)" in written.getvalue()
    assert "⠉" in written.getvalue()


def test_help_shows_an_example(command: Command) -> None:
    assert "tinylogbert replay --topic hdfs.raw" in command("replay", "--help").out.decode()
