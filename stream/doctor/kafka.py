"""Broker, topics and rights: from what Kafka has answered to findings."""

from collections.abc import Iterable, Mapping, Sequence

from stream.doctor.finding import Finding
from stream.kafka.rights import Right
from stream.kafka.topics import TopicState
from stream.settings import Settings

BROKER, TOPICS, RIGHTS = "broker", "topics", "rights"

_RELEASES = (
    *(("4.1", "Produce", 13), ("4.0", "Produce", 12), ("3.9", "Fetch", 17), ("3.8", "Produce", 11)),
    *(("3.7", "Produce", 10), ("3.5", "Fetch", 15), ("3.1", "Fetch", 13), ("2.8", "Produce", 9), ("2.7", "Fetch", 12)),
    ("2.5", "TxnOffsetCommit", 3),
)
"""What a release was the first to understand: Kafka's protocol tells versions of requests, not its own."""
_OLDEST = "2.5"  # KIP-447: offsets of a transaction go with the group's metadata


def broker(settings: Settings, requests: Mapping[str, int], brokers: int) -> list[Finding]:
    """``requests``: the highest version of each request that a broker understands; empty if that is not known."""
    where = f"{brokers} broker{'s' * (brokers != 1)} at {settings.bootstrap_servers}"
    if not requests:
        return [Finding(BROKER, "kafka", "ok", f"{where}, of which version does not show")]
    release = next((name for name, request, first in _RELEASES if requests.get(request, -1) >= first), None)
    if release is None:
        mend = f"upgrade Kafka to {_OLDEST} or later"
        return [Finding(BROKER, "kafka", "wrong", f"{where}, older than {_OLDEST}: no exactly-once for us", mend)]
    return [Finding(BROKER, "kafka", "ok", f"{where}; understands what Kafka {release} does")]


def topics(settings: Settings, states: Sequence[TopicState], brokers: int) -> list[Finding]:
    """By the rule of ``stream.kafka.topicrules``, and against the number of brokers and workers."""
    return [_topic(settings, state, brokers) for state in states]


def _topic(settings: Settings, state: TopicState, brokers: int) -> Finding:
    if not state.partitions:
        return Finding(TOPICS, state.name, "wrong", "does not exist", "create it: tinylogbert topics create")
    said = [*state.problems, *state.advice]
    mends = ["tinylogbert topics create --update"] if state.mend else []
    if state.problems and not state.mend:
        mends.append("see docs/operate.md, Topics")
    if state.name == settings.input_topic and settings.workers > state.partitions:
        said.append(f"has {state.partitions} partitions for {settings.workers} workers: the others are idle")
        mends.append(f"--workers {state.partitions}, or begin anew with more partitions (docs/operate.md, Sizing)")
    if state.replication < 2 and brokers > 1:
        said.append(f"one replica on {brokers} brokers: one that goes takes it along")
        mends.append("add replicas with kafka-reassign-partitions; new topics get them by --replication")
    if said:
        return Finding(TOPICS, state.name, "wrong", "; ".join(said), "; ".join(mends))
    plural = "s" * (state.partitions != 1)
    return Finding(TOPICS, state.name, "ok", f"{state.partitions} partition{plural}, {state.cleanup}, by the rule")


def state(settings: Settings, lost: int) -> list[Finding]:
    """``lost``: messages that were read though there is no state of them; nothing to say where there are none."""
    if not lost:
        return []
    read = f"{lost} messages of {settings.input_topic}"
    said = f"is empty, though group {settings.group_id} has read {read}: windows are lost"
    mend = "if the changelog was deleted by mistake, begin anew: docs/operate.md, Resetting"
    return [Finding(TOPICS, settings.windows_topic, "wrong", said, mend)]


def rights(wanted: Sequence[Right], lacking: Iterable[tuple[Right, Sequence[str]]]) -> list[Finding]:
    """``lacking``: what of the wanted rights is not there."""
    wrong = [_lack(right, operations) for right, operations in lacking]
    kinds = {kind: sum(right.kind == kind for right in wanted) for kind in ("topic", "group", "transactional-id")}
    said = ", ".join(f"{number} {kind}{'s' * (number != 1)}" for kind, number in kinds.items() if number)
    return wrong or [Finding(RIGHTS, "consume", "ok", f"it may do what it needs with {said}")]


def _lack(right: Right, operations: Sequence[str]) -> Finding:
    name = f"{right.kind} {right.name}{'…' * right.prefix}"
    flags = " ".join(f"--operation {operation}" for operation in operations)
    pattern = " --resource-pattern-type prefixed" * right.prefix
    mend = f"kafka-acls --add --allow-principal User:… {flags} --{right.kind} {right.name}{pattern}"
    mend += "; tinylogbert topics acls consume prints all of them"
    return Finding(RIGHTS, name, "wrong", f"no right to {', '.join(operations)} ({right.why})", mend)
