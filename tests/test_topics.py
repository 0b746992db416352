"""``tinylogbert topics create|show`` against a real broker, and the rule that they follow."""

import pytest
from command import Command
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from pipeline import flags, new_settings, wait_until

from stream.errors import BrokerError
from stream.kafka.clients import new_admin
from stream.kafka.topicrules import TopicSpec, misfits, open_for, topic_specs
from stream.kafka.topics import create_topics, require_fitting, show_topics
from stream.settings import Settings, load_settings


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
    create(admin, settings.raw_topic, 2, {"retention.ms": "-1"})
    create(admin, settings.lines_topic, 2, {"retention.ms": "3600000"})
    create(admin, settings.windows_topic, 5)
    create(admin, settings.dead_letter_topic, 1, {"max.message.bytes": "1000"})
    ran = command("topics", "show", *topic_flags(settings))
    checks = {row.split()[0]: " ".join(row.split()[4:]) for row in ran.out.decode().splitlines()}
    assert ran.code == 1
    assert checks[settings.raw_topic] == "fits"
    assert checks[settings.lines_topic] == (
        "retention.ms is 3600000 (1h), a window may be open for 7d and 10m; mend it: tinylogbert topics create --update"
    )
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


def test_a_changelog_that_is_there_already_gives_its_number_to_what_is_windowed(broker: str) -> None:
    settings = new_settings(broker, create=False)
    admin = new_admin(settings)
    create(admin, settings.windows_topic, 5, {"cleanup.policy": "compact"})
    create_topics(admin, settings)
    states = {state.name: state for state in show_topics(admin, settings)}
    assert (states[settings.lines_topic].partitions, states[settings.raw_topic].partitions) == (5, 3)


def config_of(admin: AdminClient, topic: str) -> dict[str, str]:
    [answer] = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    return {name: entry.value for name, entry in answer.result(30).items()}


def test_topics_are_created_by_the_rule(broker: str) -> None:
    settings = new_settings(broker, max_age="1d")
    admin = new_admin(settings)
    for spec in topic_specs(settings):
        assert spec.config.items() <= config_of(admin, spec.name).items()


def test_a_daemon_works_with_topics_that_keep_too_little_and_update_mends_them(broker: str, command: Command) -> None:
    settings = new_settings(broker, create=False)
    admin = new_admin(settings)
    create(admin, settings.raw_topic, 2, {"retention.ms": "3600000", "retention.bytes": "1000000"})
    create(admin, settings.dead_letter_topic, 1, {"max.message.bytes": "1000", "retention.ms": str(400 * DAY)})
    create_topics(admin, settings)
    with pytest.raises(BrokerError, match=r"max\.message\.bytes is 1000"):
        require_fitting(admin, settings)
    kept = str(14 * DAY + 600_000)
    ran = command("topics", "create", "--update", *topic_flags(settings))
    changed = f"{settings.raw_topic}: retention.ms={kept}, retention.bytes=-1"
    assert (ran.code, ran.out.decode().splitlines()[0], ran.err) == (0, changed, "2 updated\n")
    require_fitting(admin, settings)
    assert command("topics", "show", *topic_flags(settings)).code == 0
    assert config_of(admin, settings.raw_topic)["retention.ms"] == kept
    assert config_of(admin, settings.dead_letter_topic)["retention.ms"] == str(400 * DAY)
    assert command("topics", "create", "--update", *topic_flags(settings)).err == "every topic is there already\n"


# ── the rule, with no broker ──

DAY = 86_400_000
FITTING = {"max.message.bytes": "1048588", "retention.ms": "604800000", "retention.bytes": "-1"}
FITTING |= {"cleanup.policy": "delete", "delete.retention.ms": "86400000"}
"""What Kafka gives a topic of which nothing is said."""


def specs(**overrides: object) -> dict[str, TopicSpec]:
    return {spec.name: spec for spec in topic_specs(load_settings(**overrides))}


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        ({"max_age": "7d", "lateness": "1d"}, (15, 15, 30, 90, 90)),
        ({"max_age": "1d", "lateness": "1d"}, (9, 9, 30, 90, 90)),
        ({"max_age": "100d", "lateness": "1d"}, (108, 108, 108, 108, 108)),
    ],
)
def test_lines_outlive_their_windows_by_a_week_and_findings_are_kept_for_people(
    settings: dict[str, str], days: tuple[int, ...]
) -> None:
    kept = [int(spec.config["retention.ms"]) / DAY for spec in specs(**settings).values() if "hdfs" in spec.name]
    assert tuple(kept) == days


def test_the_changelog_is_never_deleted_by_age() -> None:
    config = specs()["tinylogbert.windows"].config
    assert config["cleanup.policy"] == "compact"
    assert "retention.ms" not in config
    assert int(config["min.compaction.lag.ms"]) < int(config["max.compaction.lag.ms"])


def test_what_is_windowed_and_its_changelog_have_equally_many_partitions_keyed_or_not() -> None:
    for keyed, topic in ((False, "hdfs.lines"), (True, "hdfs.raw")):
        found = specs(keyed_input=keyed, partitions=7)
        assert found[topic].partitions == found["tinylogbert.windows"].partitions == 7


@pytest.mark.parametrize(
    ("topic", "config", "said"),
    [
        ("hdfs.raw", {"retention.ms": str(7 * DAY + 600_000)}, []),
        ("hdfs.raw", {"retention.ms": "-1"}, []),
        ("hdfs.raw", {}, ["retention.ms is 604800000 (7d), a window may be open for 7d and 10m"]),
        ("hdfs.scores", {}, ["retention.ms is 604800000 (7d), a window may be open for 7d and 10m"]),
        ("hdfs.raw", {"retention.ms": "-1", "retention.bytes": "5"},
         ["retention.bytes is 5: Kafka may delete what an open window needs"]),
        ("hdfs.raw", {"retention.ms": "-1", "cleanup.policy": "compact"}, ["cleanup.policy is compact, not delete"]),
        ("tinylogbert.windows", {"cleanup.policy": "compact"}, []),
        ("tinylogbert.windows", {"cleanup.policy": "compact,delete"},
         ["cleanup.policy is compact,delete, not compact"]),
        ("tinylogbert.windows", {"cleanup.policy": "compact", "delete.retention.ms": "1000"},
         ["delete.retention.ms is 1000: a restoring may miss that a window was closed"]),
    ],
)  # fmt: skip
def test_what_is_not_by_the_rule_is_said(topic: str, config: dict[str, str], said: list[str]) -> None:
    found = misfits(specs()[topic], {**FITTING, **config}, load_settings(), FITTING)
    assert [misfit.said for misfit in found] == said


@pytest.mark.parametrize("topic", list(specs()))
@pytest.mark.parametrize("worst", [{"retention.ms": "1", "retention.bytes": "1", "delete.retention.ms": "1"}])
def test_what_would_mend_a_topic_mends_it(topic: str, worst: dict[str, str]) -> None:
    spec, settings = specs()[topic], load_settings()
    config = {**FITTING, **worst, "cleanup.policy": spec.config.get("cleanup.policy", "delete")}
    found = misfits(spec, config, settings, {"max.message.bytes": "99999999"})
    assert found
    mended = {**config, **{name: value for misfit in found for name, value in misfit.config.items()}}
    assert misfits(spec, mended, settings, {"max.message.bytes": "99999999"}) == []


def test_a_new_topic_is_by_the_rule_for_any_ages() -> None:
    for max_age in ("1s", "7d", "400d"):
        settings = load_settings(max_age=max_age)
        for spec in topic_specs(settings):
            assert misfits(spec, {**FITTING, **spec.config}, settings, spec.config) == []
            assert int(spec.config.get("retention.ms", 10**15)) > open_for(settings)


def test_no_broker_is_one_line(command: Command) -> None:
    ran = command("topics", "show", "--bootstrap-servers", "localhost:1")
    assert (ran.code, ran.out) == (1, b"")
    assert ran.err.startswith("error: no Kafka answers at localhost:1 (")


def test_a_topic_that_the_broker_refuses_is_one_line(broker: str, command: Command) -> None:
    ran = command("topics", "create", "--bootstrap-servers", broker, "--replication", "3", "--raw-topic", "raw-refused")
    assert ran.code == 1
    assert ran.err.startswith("error: topic raw-refused cannot be created: ")
