"""The topics: which there are, with which settings, and whether existing ones fit.

The lines topic and the changelog of windows must have equally many partitions, for partition n of one is the state of
partition n of the other.
"""

import time
from concurrent.futures import Future
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from stream.errors import BrokerError
from stream.kafka.changelog import partitions_written, way_out
from stream.kafka.clients import MAX_MESSAGE_BYTES
from stream.kafka.refusals import kafka_errors
from stream.settings import Settings

_TIMEOUT_S = 30.0
_POLL_S = 0.05
_LARGE = {"max.message.bytes": str(MAX_MESSAGE_BYTES)}
_LARGEST = {"max.message.bytes": str(MAX_MESSAGE_BYTES + 1024 * 1024)}  # the largest raw message, and why it is here
_COMPACTED = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.3", "segment.ms": "3600000"}


class TopicSpec(NamedTuple):
    """A topic as it should be; ``config`` holds what must be so, the rest is the broker's."""

    name: str
    partitions: int
    config: dict[str, str]


class TopicState(NamedTuple):
    """A topic as it is; ``partitions`` 0 if it does not exist, ``problems`` empty if it fits."""

    name: str
    partitions: int
    replication: int
    cleanup: str
    problems: list[str]


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """The topics that these settings need; with keyed input there is no lines topic."""
    many = settings.partitions
    specs = [TopicSpec(settings.raw_topic, many, _LARGE)]
    if not settings.keyed_input:
        specs.append(TopicSpec(settings.lines_topic, many, _LARGE))
    return [
        *specs,
        TopicSpec(settings.scores_topic, many, _LARGE),
        TopicSpec(settings.anomalies_topic, 1, _LARGE),
        TopicSpec(settings.dead_letter_topic, 1, _LARGEST),
        TopicSpec(settings.windows_topic, many, {**_LARGE, **_COMPACTED}),
    ]


def create_topics(admin: AdminClient, settings: Settings) -> list[str]:
    """Create the topics that are missing and return their names; raise BrokerError if the broker refuses one.

    The changelog takes the number of partitions of the topic whose state it holds, where that exists already.
    """
    states = {state.name: state for state in show_topics(admin, settings)}
    inputs = states[settings.input_topic].partitions or settings.partitions
    missing = [spec for spec in topic_specs(settings) if not states[spec.name].partitions]
    if not missing:
        return []
    new = [
        NewTopic(
            spec.name,
            num_partitions=inputs if spec.name == settings.windows_topic else spec.partitions,
            replication_factor=settings.replication,
            config=spec.config,
        )
        for spec in missing
    ]
    with kafka_errors(settings):
        for name, future in admin.create_topics(new, operation_timeout=_TIMEOUT_S).items():
            _created(name, future)
        _wait_until_known(admin, {spec.name for spec in missing})
    return [spec.name for spec in missing]


def show_topics(admin: AdminClient, settings: Settings) -> list[TopicState]:
    """Look at every topic, and say what does not fit."""
    specs = topic_specs(settings)
    with kafka_errors(settings):
        known = admin.list_topics(timeout=_TIMEOUT_S).topics
        there = [spec.name for spec in specs if spec.name in known]
        asked = [ConfigResource(ResourceType.TOPIC, name) for name in there]
        found = {r.name: f.result(_TIMEOUT_S) for r, f in (admin.describe_configs(asked) if asked else {}).items()}
    counts = {name: len(known[name].partitions) for name in there}
    configs = {name: {key: entry.value or "" for key, entry in found[name].items()} for name in there}
    states = []
    for spec in specs:
        if spec.name not in counts:
            states.append(TopicState(spec.name, 0, 0, "", ["does not exist"]))
            continue
        config = configs[spec.name]
        problems = _problems(spec, config, configs.get(settings.raw_topic, {}), settings)
        if spec.name == settings.windows_topic and counts[spec.name] != (wanted := counts.get(settings.input_topic)):
            problems.append(f"has {counts[spec.name]} partitions, {settings.input_topic} has {wanted or 'none'}")
        replication = len(known[spec.name].partitions[0].replicas)
        states.append(TopicState(spec.name, counts[spec.name], replication, config["cleanup.policy"], problems))
    return states


def with_state(settings: Settings, states: list[TopicState]) -> list[TopicState]:
    """The same, and whether the input had another number of partitions when the changelog was begun."""
    now = {state.name: state.partitions for state in states}
    written = partitions_written(settings, range(now[settings.windows_topic]))
    misfits = [n for n, then in sorted(written.items()) if then != now[settings.input_topic]]
    if not misfits:
        return states
    problem = (
        f"holds windows of {written[misfits[0]]} partitions of {settings.input_topic}, which has "
        f"{now[settings.input_topic]} now; {way_out(settings)}"
    )
    return [s._replace(problems=[*s.problems, problem]) if s.name == settings.windows_topic else s for s in states]


def require_fitting(admin: AdminClient, settings: Settings) -> None:
    """Raise BrokerError with the first topic that does not fit."""
    for state in show_topics(admin, settings):
        if state.problems:
            what = "; ".join(state.problems)
            raise BrokerError(f"topic {state.name} does not fit: {what}; see tinylogbert topics show")


def _problems(spec: TopicSpec, config: dict[str, str], raw: dict[str, str], settings: Settings) -> list[str]:
    problems = []
    wanted = spec.config.get("cleanup.policy", "delete")
    if config["cleanup.policy"] != wanted:
        problems.append(f"cleanup.policy is {config['cleanup.policy']}, not {wanted}")
    most = int(config["max.message.bytes"])
    if spec.name == settings.dead_letter_topic and most < (least := int(raw.get("max.message.bytes", 0))):
        problems.append(f"max.message.bytes is {most}, {settings.raw_topic} lets {least} in")
    return problems


def _wait_until_known(admin: AdminClient, names: set[str]) -> None:
    """A topic is created before every broker knows its leaders."""
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        known = admin.list_topics(timeout=_TIMEOUT_S).topics
        if all(name in known and known[name].error is None and known[name].partitions for name in names):
            return
        time.sleep(_POLL_S)


def _created(name: str, future: Future[None]) -> None:
    try:
        future.result(_TIMEOUT_S)
    except KafkaException as error:
        cause = error.args[0]
        if cause.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return  # somebody was faster: that is what was wanted
        raise BrokerError(f"topic {name} cannot be created: {cause.str()}") from error
