"""``tinylogbert replay --labels-topic``: labels from a topic of their own."""

import json
from collections.abc import Iterable

import pytest
from command import Command
from labelled import TOLD, Alarmed, CreateTopic, Log, send

from stream.commands.replayinput import Asked, GivenLabels
from stream.kafka.labeltopic import LabelTopic
from stream.lines import LineReader
from stream.settings import Settings
from stream.windows.settings import WindowSettings
from training.replay import Replay


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    return Log(tmp_path_factory.mktemp("replay"))


@pytest.fixture
def command(capsysbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capsysbinary)


def send_labels(broker: str, topic: str, labels: Iterable[tuple[str | None, str | None]]) -> None:
    messages = [(block and block.encode(), label and label.encode()) for block, label in labels]
    send(broker, topic, [(0, block, label, []) for block, label in messages])


def label_topic(broker: str, topic: str) -> dict[str, bool]:
    return LabelTopic(Settings(bootstrap_servers=broker), topic).read()


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


def test_labels_that_come_later_are_read_on_from_where_it_was(broker: str, create_topic: CreateTopic) -> None:
    topic, told = create_topic(partitions=2), list[tuple[int, int]]()
    send_labels(broker, topic, [("blk_1", "Normal"), ("blk_2", "Anomaly")])
    labels = LabelTopic(Settings(bootstrap_servers=broker), topic)
    first = dict(labels.read())
    assert dict(labels.read()) == first == {"blk_1": False, "blk_2": True}
    send(broker, topic, [(0, b"blk_2", None, []), (1, b"blk_3", b"Normal", [])])
    assert labels.read(lambda done, of: told.append((done, of))) == {"blk_1": False, "blk_3": False}
    assert told[-1] == (2, 2)


def test_what_comes_while_the_lines_are_read_counts(log: Log, broker: str, create_topic: CreateTopic) -> None:
    topic = create_topic()
    every = [(block, "1" if label else "0") for block, label in log.labels.items()]
    send_labels(broker, topic, every[:50])
    asked = Asked((str(log.file),), None, None, topic, None, None, None, False, False, (), ())
    labels = GivenLabels(asked, Settings(bootstrap_servers=broker))
    replay = Replay(Alarmed(), WindowSettings(), LineReader(), labels.known)
    for offset, raw in enumerate(log.lines):
        replay.line(raw, offset)
    replay.finish()
    assert replay.figures()["unlabelled_blocks"] == len(log.labels) - 50
    send_labels(broker, topic, every[50:])
    now = labels.come_since()
    assert now == log.labels
    replay.blocks.relabel(now)
    whole = Replay(Alarmed(), WindowSettings(), LineReader(), log.labels)
    for offset, raw in enumerate(log.lines):
        whole.line(raw, offset)
    whole.finish()
    found, expected = replay.figures(), whole.figures()
    assert found == expected
    assert replay.prequential.curve == whole.prequential.curve
    assert replay.blocks.auc.roc_auc() == whole.blocks.auc.roc_auc() == found["roc_auc"]


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
