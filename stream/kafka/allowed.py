"""Whether this user has rights in Kafka, asked so that nothing is left behind.

The description of a topic or of a group says what may be done with it, also of a group that is not there. For a
transactional id there is none. So a producer begins under it with a timeout that no broker allows: the broker looks at
the right first and then at the timeout, before it does anything, and who works under that name is not fenced.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from stream.kafka.clients import new_producer, repeated
from stream.kafka.refusals import DENIED, GONE, cause_of, kafka_errors
from stream.kafka.rights import Right
from stream.settings import Settings

_ANSWER_S = 10.0
_NEVER_MS = 2**31 - 1  # transaction.max.timeout.ms is 15 minutes unless somebody says otherwise
_ABSENT = (*GONE, KafkaError.GROUP_ID_NOT_FOUND)
Lacking = list[tuple[Right, Sequence[str]]]


def lacking(settings: Settings, admin: AdminClient, wanted: Iterable[Right]) -> Lacking:
    """The wanted rights that are not there, each with the operations that are not allowed. A topic that does not exist
    lacks nothing: that is said elsewhere. Raises BrokerError where Kafka does not answer.
    """
    rights = list(wanted)
    topics = [right for right in rights if right.kind == "topic"]
    groups = [right for right in rights if right.kind == "group"]
    names = [right for right in rights if right.kind == "transactional-id"]
    with kafka_errors(settings):
        found = _described(topics, partial(_topic, admin)) + _described(groups, partial(_group, admin))
        found += [(right, right.operations) for right in names if not _may_begin(settings, right)]
    return found


def _topic(admin: AdminClient, name: str) -> Any:
    asked = TopicCollection([name])
    described = admin.describe_topics(asked, include_authorized_operations=True, request_timeout=_ANSWER_S)
    return described[name].result(_ANSWER_S)


def _group(admin: AdminClient, name: str) -> Any:
    described = admin.describe_consumer_groups([name], include_authorized_operations=True, request_timeout=_ANSWER_S)
    return described[name].result(_ANSWER_S)


def _described(rights: Sequence[Right], describe: Callable[[str], Any]) -> Lacking:
    found: Lacking = []
    for right in rights:
        try:
            operations = repeated(partial(describe, right.name), _ANSWER_S).authorized_operations
        except KafkaException as error:
            code = error.args[0].code()
            if code in DENIED:
                found.append((right, right.operations))
            elif code not in _ABSENT:
                raise
            continue
        allowed = {operation.name for operation in operations}
        if missing := [name for name in right.operations if _constant(name) not in allowed]:
            found.append((right, missing))
    return found


def _constant(operation: str) -> str:
    """``DescribeConfigs`` as Kafka's client calls it: ``DESCRIBE_CONFIGS``."""
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in operation).lstrip("_")


def _may_begin(settings: Settings, right: Right) -> bool:
    name = f"{right.name}{uuid.uuid4().hex}" if right.prefix else right.name
    producer = new_producer(settings, **{"transactional.id": name, "transaction.timeout.ms": _NEVER_MS})
    try:
        repeated(lambda: producer.init_transactions(_ANSWER_S), _ANSWER_S)
    except KafkaException as error:
        cause = cause_of(error)
        if cause is not None and cause.code() in DENIED:
            return False
        if cause is None or cause.code() != KafkaError.INVALID_TRANSACTION_TIMEOUT:
            raise
    return True
