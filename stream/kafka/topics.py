"""The topics at the broker: created, looked at, mended. What they should be is said in ``topicrules``.

The lines topic and the changelog of windows must have equally many partitions, for partition n of one is the state of
partition n of the other.
"""

import time
from concurrent.futures import Future
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from stream.errors import BrokerError, Denied
from stream.kafka.changelog import partitions_written, way_out
from stream.kafka.refusals import DENIED, kafka_errors
from stream.kafka.topicrules import TopicSpec, misfits, topic_specs
from stream.settings import Settings

_TIMEOUT_S = 30.0
_POLL_S = 0.05


class TopicState(NamedTuple):
    """A topic as it is; ``partitions`` 0 if it does not exist. With ``problems`` no daemon works; ``advice`` is what
    else is not by the rule; both are empty if it fits. ``mend``: settings that would mend what settings can.
    """

    name: str
    partitions: int
    replication: int
    cleanup: str
    problems: list[str]
    advice: list[str]
    mend: dict[str, str]


def create_topics(admin: AdminClient, settings: Settings) -> list[str]:
    """Create the topics that are missing and return their names; raise BrokerError if the broker refuses one.

    The changelog takes the number of partitions of the topic whose state it holds, where that exists already, and the
    other way round.
    """
    states = {state.name: state for state in show_topics(admin, settings)}
    missing = [spec for spec in topic_specs(settings) if not states[spec.name].partitions]
    if not missing:
        return []
    alike = (settings.input_topic, settings.windows_topic)
    many = max(states[name].partitions for name in alike) or settings.partitions
    new = [
        NewTopic(
            spec.name,
            num_partitions=many if spec.name in alike else spec.partitions,
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


def update_topics(admin: AdminClient, settings: Settings) -> list[tuple[str, dict[str, str]]]:
    """Give existing topics what ``misfits`` says would mend them; return name and settings of those that were changed.

    It only ever keeps more, or takes larger messages in; partitions and cleanup.policy stay. Raises BrokerError.
    """
    changed = []
    for state in show_topics(admin, settings):
        if state.mend:
            entries = [ConfigEntry(n, v, incremental_operation=AlterConfigOpType.SET) for n, v in state.mend.items()]
            resource = ConfigResource(ResourceType.TOPIC, state.name, incremental_configs=entries)
            with kafka_errors(settings):
                for future in admin.incremental_alter_configs([resource]).values():
                    future.result(_TIMEOUT_S)
            changed.append((state.name, state.mend))
    return changed


def show_topics(admin: AdminClient, settings: Settings) -> list[TopicState]:
    """Look at every topic, and say what does not fit."""
    specs = topic_specs(settings)
    with kafka_errors(settings):
        known = admin.list_topics(timeout=_TIMEOUT_S).topics
        there = [spec.name for spec in specs if spec.name in known]
        asked = [ConfigResource(ResourceType.TOPIC, name) for name in there]
        found = {r.name: f.result(_TIMEOUT_S) for r, f in (admin.describe_configs(asked) if asked else {}).items()}
    configs = {name: {key: entry.value or "" for key, entry in found[name].items()} for name in there}
    counts = {name: (len(known[name].partitions), len(known[name].partitions[0].replicas)) for name in there}
    return [_state(spec, counts, configs, settings) for spec in specs]


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


def _state(
    spec: TopicSpec, counts: dict[str, tuple[int, int]], configs: dict[str, dict[str, str]], settings: Settings
) -> TopicState:
    """``counts`` are partitions and replicas of the topics that exist, ``configs`` their settings."""
    if spec.name not in counts:
        return TopicState(spec.name, 0, 0, "", ["does not exist"], [], {})
    (partitions, replicas), config = counts[spec.name], configs[spec.name]
    found = misfits(spec, config, settings, configs.get(settings.raw_topic, {}))
    problems = [misfit.said for misfit in found if misfit.grave]
    wanted, _ = counts.get(settings.input_topic, (0, 0))
    if spec.name == settings.windows_topic and partitions != wanted:
        problems.append(f"has {partitions} partitions, {settings.input_topic} has {wanted or 'none'}")
    advice = [misfit.said for misfit in found if not misfit.grave]
    mend = {name: value for misfit in found for name, value in misfit.config.items()}
    return TopicState(spec.name, partitions, replicas, config["cleanup.policy"], problems, advice, mend)


def _wait_until_known(admin: AdminClient, names: set[str]) -> None:
    """A topic is created before every broker knows its leaders. Raises KafkaException for one that may not be seen."""
    deadline = time.monotonic() + _TIMEOUT_S
    while time.monotonic() < deadline:
        known = admin.list_topics(timeout=_TIMEOUT_S).topics
        if all(name in known and known[name].error is None and known[name].partitions for name in names):
            return
        for name in names - known.keys():
            error = admin.list_topics(name, timeout=_TIMEOUT_S).topics[name].error
            if error is not None and error.code() in DENIED:
                raise KafkaException(error)
        time.sleep(_POLL_S)


def _created(name: str, future: Future[None]) -> None:
    try:
        future.result(_TIMEOUT_S)
    except KafkaException as error:
        cause = error.args[0]
        if cause.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return  # somebody was faster: that is what was wanted
        if cause.code() in DENIED:
            raise Denied(
                f"topic {name} does not exist, or this user may not see it, and may not create it: {cause.str()}"
            ) from error
        raise BrokerError(f"topic {name} cannot be created: {cause.str()}") from error
