"""The rights of each command as the table of docs/security.md: ``python -m bench.rights``.

``tests/test_kafka_rights.py`` holds the page against it.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from stream.kafka.rights import COMMANDS, Right, rights_of
from stream.settings import Settings

_HEAD = "| command | what | may be done with it | what for |\n|---|---|---|---|\n"


def table() -> str:
    """The table, with the default names."""
    return _HEAD + "".join(_rows())


def _rows() -> Iterator[str]:
    for command in COMMANDS:
        plain = rights_of(command, Settings())
        yield from _lines(f"`{command}`", plain)
        if command == "consume":
            named = rights_of(command, Settings(worker_id="node-1"))
            yield from _lines("… with `--worker-id node-1`: instead of transactions of any name", _more(named, plain))
        if command == "replay":
            labelled = rights_of(command, Settings(), labels_topic="hdfs.labels")
            yield from _lines("… with `--labels-topic hdfs.labels`: also", _more(labelled, plain))


def _more(rights: Sequence[Right], than: Sequence[Right]) -> list[Right]:
    return [right for right in rights if right not in than]


def _lines(name: str, rights: Sequence[Right]) -> Iterator[str]:
    """A line for what is alike and stands together."""
    for (kind, operations, why), alike in groupby(rights, lambda right: (right.kind, right.operations, right.why)):
        names = ", ".join(f"`{one.name}{'*' if one.prefix else ''}`" for one in alike)
        yield f"| {name} | {kind.replace('-', ' ')} {names} | {', '.join(operations)} | {why} |\n"
        name = ""


if __name__ == "__main__":
    print(table(), end="")
