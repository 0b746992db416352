"""The rights that each command needs of Kafka, and no more: data, for the docs, ``kafka-acls`` and whoever checks them.

Names are those of the settings. As Kafka's authorizer has it, Read and Write include Describe, and AlterConfigs
includes DescribeConfigs. Pure: asks nobody.
"""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from stream.settings import Settings

Kind = Literal["topic", "group", "transactional-id"]
Operation = Literal["AlterConfigs", "Create", "Describe", "DescribeConfigs", "Read", "Write"]


class Right(NamedTuple):
    """What may be done with a resource; with ``prefix``, with all whose names begin so. ``why`` is for a person."""

    kind: Kind
    name: str
    operations: tuple[Operation, ...]
    why: str
    prefix: bool = False


class Asked(NamedTuple):
    """The settings, and what a command's own flags say: ``--topic`` (without, the raw topic) and ``--labels-topic``."""

    settings: Settings
    topic: str
    labels_topic: str


def rights_of(
    command: str, settings: Settings, topic: str | None = None, labels_topic: str | None = None
) -> list[Right]:
    """The rights that a command of ``COMMANDS`` needs, one for each resource, in the order in which they are named.

    ``topic`` is its ``--topic`` (``--to`` for dead-letters), ``labels_topic`` its ``--labels-topic``, if it is given
    them. Raises KeyError for another command; those that are not there use no Kafka, or a broker of their own.
    """
    return _merged(_RIGHTS[command](Asked(settings, topic or settings.raw_topic, labels_topic or "")))


def _consume(asked: Asked) -> Iterable[Right]:
    settings = asked.settings
    routes, scores = settings.stage != "score" and not settings.keyed_input, settings.stage != "route"
    if routes:
        yield _topic(settings.raw_topic, "raw lines", "Read")
        yield _topic(settings.lines_topic, "lines by block", "Write")
    if scores:
        yield _topic(settings.input_topic, "lines by block", "Read")
        yield _topic(settings.scores_topic, "scored windows", "Write")
        yield _topic(settings.anomalies_topic, "anomalies", "Write")
        yield _topic(settings.windows_topic, "the state of open windows", "Read", "Write")
        yield _group(f"{settings.group_id}-restore", "reading that state; never joined", "Describe")
    yield _topic(settings.dead_letter_topic, "lines that cannot be read", "Write")
    yield from _fitting(settings)
    yield _group(settings.group_id, "membership, offsets", "Read")
    yield from _named(settings)


def _named(settings: Settings) -> Iterable[Right]:
    """What goes by a worker's name, or by a random one."""
    exactly_once = settings.guarantee == "exactly-once"
    if settings.worker_id is None:
        if exactly_once:
            yield _transactions(f"{settings.group_id}-", "transactions under a random name", prefix=True)
        return
    many = settings.workers > 1
    for number in range(1, settings.workers + 1):
        name = f"{settings.group_id}-{settings.worker_id}" + (f"-{number}" if many else "")
        yield _group(name, "the register of whose the worker's name is", "Read")
        if exactly_once:
            yield _transactions(name, "transactions under the worker's name")


def _serve(asked: Asked) -> Iterable[Right]:
    settings = asked.settings
    yield _topic(settings.scores_topic, "scored windows", "Read")
    yield _topic(settings.anomalies_topic, "alarms before those", "Read")
    yield _topic(settings.input_topic, "raw lines of a window, and their labels", "Read")
    yield from _fitting(settings)
    yield _group(settings.group_id, "how far the daemon has come", "Describe")
    yield _group(f"{settings.group_id}-follow", "following the scores; never joined", "Describe")
    yield _group(f"{settings.group_id}-look", "looking for raw lines; never joined", "Describe")


def _follow(settings: Settings, topic: str, why: str) -> Iterable[Right]:
    yield _topic(topic, why, "Read")
    yield _group(f"{settings.group_id}-follow", "following; never joined", "Describe")


def _replay(asked: Asked) -> Iterable[Right]:
    yield _topic(asked.topic, "the lines", "Read")
    if asked.labels_topic:
        yield _topic(asked.labels_topic, "the labels", "Read")
    yield _group(f"{asked.settings.group_id}-replay", "reading them; never joined", "Describe")


def _publish(asked: Asked) -> Iterable[Right]:
    settings = asked.settings
    yield from _replay(asked)
    yield _topic(settings.scores_topic, "scored windows", "Write")
    yield _topic(settings.anomalies_topic, "anomalies", "Write")
    yield _transactions(f"{settings.group_id}-replay-", "transactions under a random name", prefix=True)


def _letters(asked: Asked) -> Iterable[Right]:
    settings = asked.settings
    yield _topic(settings.dead_letter_topic, "dead letters", "Read")
    yield _group(f"{settings.group_id}-letters", "reading them; never joined", "Describe")


def _put_back(asked: Asked) -> Iterable[Right]:
    settings = asked.settings
    yield from _letters(asked)
    yield _topic(settings.dead_letter_topic, "dead letters and their receipts", "Write")
    if asked.topic != settings.raw_topic:
        yield _topic(asked.topic, "where they go, with --to", "Write")
    else:
        yield _topic(settings.raw_topic, "where they came from", "Write")
        if not settings.keyed_input:
            yield _topic(settings.lines_topic, "where they came from", "Write")
    yield _transactions(f"{settings.dead_letter_topic}-replay", "one that puts back at a time")


def _create(asked: Asked) -> Iterable[Right]:
    for right in _fitting(asked.settings):
        yield right._replace(operations=("Create", *right.operations), why="making it, where it is missing")


def _update(asked: Asked) -> Iterable[Right]:
    for right in _create(asked):
        yield right._replace(operations=("AlterConfigs", *right.operations), why="making it, or mending its settings")


def _show(asked: Asked) -> Iterable[Right]:
    settings = asked.settings
    yield _topic(settings.windows_topic, "for how many partitions its state is", "Read")
    yield from _fitting(settings)
    yield _group(f"{settings.group_id}-look", "reading that; never joined", "Describe")


def _fitting(settings: Settings) -> Iterable[Right]:
    """Whoever works on topics looks first whether they fit."""
    names = [settings.raw_topic, *([] if settings.keyed_input else [settings.lines_topic])]
    names += [settings.scores_topic, settings.anomalies_topic, settings.dead_letter_topic, settings.windows_topic]
    for name in names:
        yield _topic(name, "whether it fits", "Describe", "DescribeConfigs")


_RIGHTS: dict[str, Callable[[Asked], Iterable[Right]]] = {
    "consume": _consume,
    "produce": lambda asked: [_topic(asked.topic, "the lines", "Write")],
    "tail": lambda asked: _follow(asked.settings, asked.settings.anomalies_topic, "anomalies"),
    "tail --all": lambda asked: _follow(asked.settings, asked.settings.scores_topic, "scored windows"),
    "serve": _serve,
    "replay": _replay,
    "replay --publish": _publish,
    "train": _replay,
    "dead-letters show": _letters,
    "dead-letters replay": _put_back,
    "topics create": _create,
    "topics create --update": _update,
    "topics show": _show,
}
COMMANDS = tuple(_RIGHTS)
"""The commands that need rights."""


def _topic(name: str, why: str, *operations: Operation) -> Right:
    return Right("topic", name, operations, why)


def _group(name: str, why: str, *operations: Operation) -> Right:
    return Right("group", name, operations, why)


def _transactions(name: str, why: str, prefix: bool = False) -> Right:
    return Right("transactional-id", name, ("Write",), why, prefix)


def _merged(rights: Iterable[Right]) -> list[Right]:
    """One right a resource: all that is done with it, for the first reason; without Describe where it is included."""
    merged: dict[tuple[Kind, str, bool], Right] = {}
    for right in rights:
        key = (right.kind, right.name, right.prefix)
        first = merged.get(key, right)
        merged[key] = first._replace(operations=_least((*first.operations, *right.operations)))
    return list(merged.values())


def _least(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    found = set(operations)
    if found & {"Read", "Write"}:
        found.discard("Describe")
    if "AlterConfigs" in found:
        found.discard("DescribeConfigs")
    return tuple(sorted(found))
