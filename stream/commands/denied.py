"""The one line where Kafka does not allow what a command does: which rights are missing, and what grants them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from stream.errors import BrokerError, Denied
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.kafka.rights import Right

_WIDER = {
    "tail": ("everything", "tail --all"),
    "replay": ("publish", "replay --publish"),
    "topics create": ("update", "topics create --update"),
}


@contextmanager
def rights_named(settings: Settings, command: str | None = None) -> Iterator[None]:
    """While a command runs with these settings: what it is denied is raised with the rights that are missing.

    Without ``command`` click's context says which one it is.
    """
    try:
        yield
    except Denied as error:
        if error.named:
            raise
        if command is None:
            context = click.get_current_context()
            asked = asked_for(context.command_path, context.params)
        else:
            asked = command, None, None
        raise Denied(_line(error, settings, *asked), named=True) from error


def asked_for(path: str, params: dict[str, Any]) -> tuple[str, str | None, str | None]:
    """A command as ``stream.kafka.rights`` calls it, and its topics: for ``tinylogbert tail --all``, ``tail --all``."""
    name = " ".join(path.split()[1:])
    flag, whole = _WIDER.get(name, ("", name))
    return whole if params.get(flag) else name, params.get("topic") or params.get("to"), params.get("labels_topic")


def _line(error: Denied, settings: Settings, command: str, topic: str | None, labels_topic: str | None) -> str:
    from stream.kafka.allowed import lacking
    from stream.kafka.clients import new_admin
    from stream.kafka.rights import COMMANDS, rights_of

    if command not in COMMANDS:
        return str(error)
    how = f"tinylogbert topics acls {command} prints what grants them"
    try:
        missing = lacking(settings, new_admin(settings), rights_of(command, settings, topic, labels_topic))
    except BrokerError:
        missing = []
    if not missing:
        return f"{error}; a right that it needs is missing: {how}"
    return f"this user lacks {', '.join(_said(*one) for one in missing)} ({error}); {how}"


def _said(right: "Right", operations: Sequence[str]) -> str:
    return f"{' and '.join(operations)} on {right.kind.replace('-', ' ')} {right.name}{'…' if right.prefix else ''}"
