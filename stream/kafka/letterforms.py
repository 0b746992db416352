"""A dead letter as a row for a person and as JSON for a program, and repaired ones read back. Knows no topic."""

import base64
from collections.abc import Iterable
from typing import Any

import orjson

from stream.errors import InputError
from stream.kafka.letters import Letter, Place
from stream.show import visible
from stream.windows.judge import time_text

_WIDEST = 4_096  # no terminal shows more of a line


def row_of(letter: Letter, *, cut: bool) -> tuple[str, str, str, str, str]:
    """Time, reason, source, error and text, with nothing in them that a terminal would obey; ``cut`` for a terminal."""
    value = (letter.value or b"")[: _WIDEST if cut else None]
    text = value.decode(errors="backslashreplace")
    time = time_text(letter.time)[:19].replace("T", " ")
    row = (time, letter.header("reason"), "/".join(letter.source), letter.header("error"), text)
    return tuple(map(visible, row))  # type: ignore[return-value]


def json_of(topic: str, letter: Letter) -> dict[str, Any]:
    """Everything about a letter. What is not UTF-8 stands in base64 under another name, and the name's own is null."""
    return {
        "topic": topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "time": time_text(letter.time),
        "put_back": letter.put_back,
        "headers": {name: letter.header(name) for name, _ in letter.headers},
        **_bytes("key", letter.key),
        **_bytes("value", letter.value),
    }


def read_repaired(name: str, topic: str, lines: Iterable[bytes]) -> dict[Place, bytes | None]:
    """The values of the letters in a file of what ``json_of`` returns; a text goes before base64.

    Raises InputError, with the line's number, for what is no letter of this topic, or there twice.
    """
    found: dict[Place, bytes | None] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            place, value = _repaired(topic, orjson.loads(line))
            if place in found:
                raise ValueError(f"letter {place[0]}/{place[1]} is there twice")
        except ValueError as error:
            why = f"no JSON: {error}" if isinstance(error, orjson.JSONDecodeError) else str(error)
            raise InputError(f"{name}, line {number}: {why}") from error
        found[place] = value
    return found


def _repaired(topic: str, letter: object) -> tuple[Place, bytes | None]:
    match letter:
        case {"topic": str(named)} if named != topic:
            raise ValueError(f"a letter of {named}, not of {topic}")
        case {"partition": int(partition), "offset": int(offset), "value": str(value)}:
            return (partition, offset), value.encode()
        case {"partition": int(partition), "offset": int(offset), "value": None, "value_base64": str(packed)}:
            return (partition, offset), base64.b64decode(packed, validate=True)
        case {"partition": int(partition), "offset": int(offset), "value": None}:
            return (partition, offset), None
    raise ValueError("no letter as tinylogbert dead-letters show --json writes it")


def _bytes(name: str, value: bytes | None) -> dict[str, str | None]:
    try:
        return {name: value if value is None else value.decode()}
    except UnicodeDecodeError:
        return {name: None, f"{name}_base64": base64.b64encode(value or b"").decode()}
