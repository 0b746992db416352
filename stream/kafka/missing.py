"""Which rights this client's user lacks, asked of Kafka: it tells what one may do with a topic and with a group.

It does not tell that of transactional ids. Of a group that nobody has joined yet it tells no more than whether one may
see it.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient

from stream.kafka.refusals import DENIED, UNREACHABLE, kafka_errors
from stream.kafka.rights import Kind, Operation, Right
from stream.settings import Settings

_TIMEOUT_S = 10.0
_OPERATIONS: dict[AclOperation, Operation] = {
    AclOperation.DESCRIBE: "Describe",
    AclOperation.DESCRIBE_CONFIGS: "DescribeConfigs",
    AclOperation.READ: "Read",
    AclOperation.WRITE: "Write",
}
_WHERE_IT_IS_NOT: tuple[Operation, ...] = ("Create",)  # of no use for a topic that is there


def missing_rights(settings: Settings, admin: AdminClient, rights: Iterable[Right]) -> list[Right]:
    """Those of ``rights`` that Kafka says are missing, with the operations that are.

    What Kafka does not tell counts as allowed, as for a topic that is not there. Raises BrokerError if Kafka does not
    answer.
    """
    wanted = list(rights)
    allowed = {
        **_allowed("topic", wanted, lambda names: admin.describe_topics(TopicCollection(names), **_asking())),
        **_allowed("group", wanted, lambda names: admin.describe_consumer_groups(names, **_asking())),
    }
    missing = []
    with kafka_errors(settings):
        for right in wanted:
            if (future := allowed.get((right.kind, right.name))) is None:
                continue
            may = _operations(future)
            if may is not None and (lacks := _lacking(right, may)):
                missing.append(right._replace(operations=lacks))
    return missing


def _allowed(
    kind: Kind, rights: list[Right], ask: Callable[[list[str]], dict[str, Future[Any]]]
) -> dict[tuple[Kind, str], Future[Any]]:
    names = [right.name for right in rights if right.kind == kind]
    return {(kind, name): future for name, future in ask(names).items()} if names else {}


def _asking() -> dict[str, Any]:
    return {"include_authorized_operations": True, "request_timeout": _TIMEOUT_S}


def _operations(future: Future[Any]) -> set[Operation] | None:
    """What is allowed; None if Kafka does not say."""
    try:
        answer = future.result(_TIMEOUT_S)
    except KafkaException as error:
        if (code := error.args[0].code()) in UNREACHABLE:
            raise
        return set() if code in DENIED else None
    if answer.authorized_operations is None:
        return None
    return {_OPERATIONS[one] for one in answer.authorized_operations if one in _OPERATIONS}


def _lacking(right: Right, may: set[Operation]) -> tuple[Operation, ...]:
    return tuple(one for one in right.operations if one not in may and one not in _WHERE_IT_IS_NOT)
