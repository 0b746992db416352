"""Room on the disks that can be seen from here: where reports and checkpoints go, and an embedded broker's data."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stream.doctor.finding import Finding

CHECK = "disk"
LEAST = 1024**3
"""Bytes: less than this is worth a word, whatever it is for."""


class Room(NamedTuple):
    """A folder, what goes there, and its disk: bytes that are free and in all; None where it cannot be looked at."""

    path: Path
    purpose: str
    free: int | None
    total: int = 0


def disk(rooms: Sequence[Room], broker_is_here: bool) -> list[Finding]:
    """One finding a folder; and of a broker elsewhere, that its disk cannot be seen."""
    found = [_room(room) for room in rooms]
    if not broker_is_here:
        said = "Kafka does not say how much room its brokers have; look at its metric kafka.log:type=Log,name=Size"
        found.append(Finding(CHECK, "brokers", "skipped", said))
    return found


def _room(room: Room) -> Finding:
    what = f"{room.purpose} ({room.path})"
    if room.free is None:
        return Finding(CHECK, what, "wrong", "cannot be looked at", "let this user read it, or name another folder")
    said = f"{room.free / LEAST:,.1f} GiB of {room.total / LEAST:,.1f} are free"
    if room.free < LEAST:
        return Finding(CHECK, what, "wrong", said, "make room there, or choose another folder")
    return Finding(CHECK, what, "ok", said)
