"""``tinylogbert topics create|show`` against a real broker."""

import pytest
from command import Command
from confluent_kafka.admin import AdminClient, NewTopic
from pipeline import flags, new_settings, wait_until

from stream.kafka.clients import new_admin
from stream.kafka.topics import show_topics
from stream.settings import Settings


@pytest.fixture
def command(capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    return Command(capfdbinary)


def topic_flags(settings: Settings, *more: str) -> list[str]:
    """The flags that ``topics`` knows."""
    known = flags(settings)
    pairs = zip(known[::2], known[1::2], strict=True)
    wanted = [
        pair for pair in pairs if pair[0].endswith("-topic") or pair[0] in ("--bootstrap-servers", "--partitions")
    ]
    return [text for pair in wanted for text in pair] + list(more)


def test_create_makes_what_is_missing_and_a_second_time_nothing(broker: str, command: Command) -> None:
    settings = new_settings(broker, create=False)
    first = command("topics", "create", *topic_flags(settings))
    names = [getattr(settings, name) for name in type(settings).model_fields if name.endswith("_topic")]
    assert (first.code, first.out.decode().split(), first.err) == (0, names, "6 topics created\n")
    second = command("topics", "create", *topic_flags(settings))
    assert (second.code, second.out, second.err) == (0, b"", "every topic is there already\n")
    assert [state.partitions for state in show_topics(new_admin(settings), settings)] == [3, 3, 3, 1, 1, 3]


def test_show_lists_them_and_says_that_they_fit(broker: str, command: Command) -> None:
    settings = new_settings(broker)
    ran = command("topics", "show", *topic_flags(settings))
    rows = [row.split() for row in ran.out.decode().splitlines()]
    assert ran.code == 0
    assert rows[0] == ["topic", "partitions", "replicas", "cleanup", "check"]
    assert rows[1] == [settings.raw_topic, "3", "1", "delete", "fits"]
    assert rows[-1] == [settings.windows_topic, "3", "1", "compact", "fits"]
    assert len(rows) == 7


def test_show_exits_with_1_and_names_what_does_not_fit(broker: str, command: Command) -> None:
    settings = new_settings(broker, create=False)
    admin = new_admin(settings)
    create(admin, settings.raw_topic, 2)
    create(admin, settings.lines_topic, 2)
    create(admin, settings.windows_topic, 5)
    create(admin, settings.dead_letter_topic, 1, {"max.message.bytes": "1000"})
    ran = command("topics", "show", *topic_flags(settings))
    checks = {row.split()[0]: " ".join(row.split()[4:]) for row in ran.out.decode().splitlines()}
    assert ran.code == 1
    assert checks[settings.raw_topic] == "fits"
    assert checks[settings.scores_topic] == "does not exist"
    assert checks[settings.dead_letter_topic].startswith("max.message.bytes is 1000, raw-")
    assert checks[settings.windows_topic].startswith("cleanup.policy is delete, not compact; has 5 partitions, lines-")


def create(admin: AdminClient, name: str, partitions: int, config: dict[str, str] | None = None) -> None:
    admin.create_topics([NewTopic(name, partitions, 1, config=config or {})])[name].result(30)
    wait_until(lambda: name in admin.list_topics(timeout=30).topics, "the topic is known")


def test_the_changelog_gets_as_many_partitions_as_the_topic_whose_state_it_holds(broker: str, command: Command) -> None:
    settings = new_settings(broker, create=False, keyed_input=True)
    create(new_admin(settings), settings.raw_topic, 5)
    assert command("topics", "create", *topic_flags(settings, "--keyed-input")).code == 0
    states = {state.name: state for state in show_topics(new_admin(settings), settings)}
    assert states[settings.windows_topic].partitions == 5
    assert settings.lines_topic not in states
    assert all(state.problems == [] for state in states.values())


def test_no_broker_is_one_line(command: Command) -> None:
    ran = command("topics", "show", "--bootstrap-servers", "localhost:1")
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err.startswith("error: no Kafka answers at localhost:1 (")


def test_a_topic_that_the_broker_refuses_is_one_line(broker: str, command: Command) -> None:
    ran = command("topics", "create", "--bootstrap-servers", broker, "--replication", "3", "--raw-topic", "raw-refused")
    assert ran.code == 1
    assert ran.err.startswith("error: topic raw-refused cannot be created: ")
