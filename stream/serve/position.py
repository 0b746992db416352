"""How far somebody has read the scores topic, as a short text: what goes out as the id of a server-sent event.

Next offset of each partition, joined by points, empty where none is known: ``120.118..7``. Since it says nothing but
Kafka's own offsets, it means the same to every server and after every restart.
"""

from collections.abc import Mapping

_MOST = 10_000
_LARGEST = 2**63 - 1


def encode(position: Mapping[int, int]) -> str:
    """The text of a position.

    >>> encode({0: 120, 1: 118, 3: 7})
    '120.118..7'
    """
    return ".".join(str(position.get(partition, "")) for partition in range(max(position, default=-1) + 1))


def decode(text: str) -> dict[int, int]:
    """The position of a text; raise ValueError for what ``encode`` cannot have written.

    >>> decode("120.118..7")
    {0: 120, 1: 118, 3: 7}
    """
    fields = text.split(".") if text else []
    if len(fields) > _MOST or not all(field == "" or (field.isascii() and field.isdigit()) for field in fields):
        raise ValueError("it must be offsets of the partitions joined by points, such as 120.118..7")
    if any(len(field) > 19 or int(field or 0) > _LARGEST for field in fields):
        raise ValueError("an offset is too large")
    return {partition: int(field) for partition, field in enumerate(fields) if field}
