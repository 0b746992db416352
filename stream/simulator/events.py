"""One log line as one numpy record: what kind of line, when, about which block, with which numbers.

Text is made from it only when the line is written (``forms``), so that a million open lives stay small.
Does not know what a line looks like, nor why it happens.
"""

from collections.abc import Sequence
from enum import IntEnum, auto
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Rows: TypeAlias = npt.NDArray[np.void]

EVENT = np.dtype(
    [
        ("block", "<i8"),  # block id
        ("time", "<i4"),  # seconds since the simulation's start
        ("pid", "<i4"),  # thread id as HDFS stamps it
        ("a", "<i4"),  # up to three numbers whose meaning depends on the kind: nodes, ports, sizes, …
        ("b", "<i4"),
        ("c", "<i4"),
        ("owner", "<i4"),  # index of the block in its job
        ("kind", "u1"),
        ("label", "u1"),  # 0, or on a block's first line 1 = normal, 2 + i = failure i of the simulation's list
    ],
    align=True,
)


class Kind(IntEnum):
    """The line forms, by what happens."""

    ALLOCATE = auto()
    RECEIVING = auto()
    TERMINATING = auto()
    RECEIVED = auto()
    ADDED = auto()
    SERVED = auto()
    SERVE_EXCEPTION = auto()
    VERIFIED = auto()
    INVALIDATED = auto()
    DELETING = auto()
    ASK_REPLICATE = auto()
    ASK_REPLICATE_TWO = auto()
    TRANSFER = auto()
    TRANSFER_TWO = auto()
    TRANSMITTED = auto()
    RECEIVED_COPY = auto()
    ASK_DELETE = auto()
    REDUNDANT_ADD = auto()
    ORPHAN_ADD = auto()
    UNKNOWN_DELETE = auto()
    EMPTY_PACKET = auto()
    CHANGED_OFFSET = auto()
    MIRROR_EXCEPTION = auto()
    WRITE_STREAM_LOST = auto()
    WRITE_RESET = auto()
    WRITE_INTERRUPTED = auto()
    WRITE_EOF = auto()
    WRITE_TIMEOUT = auto()
    RECEIVE_EOF = auto()
    RECEIVE_RESET = auto()
    RECEIVE_INTERRUPTED = auto()
    RESPONDER_EOF = auto()
    RESPONDER_TIMEOUT = auto()
    RESPONDER_CLOSED = auto()
    RESPONDER_INTERRUPTED = auto()


class Event(NamedTuple):
    """One line of one life, for the code that changes lives one by one."""

    kind: int
    time: int
    pid: int
    a: int = 0
    b: int = 0
    c: int = 0


Column: TypeAlias = Ints | int


def make_rows(kind: Kind, owner: Ints, time: Ints, pid: Column, *numbers: Column) -> Rows:
    """Records of one kind; every argument is an array as long as ``owner`` or one number for all."""
    rows = np.zeros(len(owner), EVENT)
    rows["kind"], rows["owner"], rows["time"], rows["pid"] = kind, owner, time, pid
    for name, value in zip("abc", numbers, strict=False):
        rows[name] = value
    return rows


def rows_of_life(events: Sequence[Event], owner: int, block: int) -> Rows:
    """Records of the lines of one block."""
    table: list[tuple[Any, ...]] = [(block, e.time, e.pid, e.a, e.b, e.c, owner, e.kind, 0) for e in events]
    return np.array(table, EVENT)


def life_of_rows(rows: Rows) -> list[Event]:
    """Lines of one block from their records; the inverse of ``rows_of_life``."""
    return [Event(*row) for row in rows[["kind", "time", "pid", "a", "b", "c"]].tolist()]


def order_key(rows: Rows) -> Ints:
    """Sort key of a merged HDFS log: by second, then by thread id *as text* (``1007 < 143``), as HDFS_v1 was merged.

    Rows of equal keys keep the order in which they were made.
    """
    pid = rows["pid"].astype(np.int64)
    for limit in (10, 100, 1_000, 10_000, 100_000, 1_000_000):
        pid = np.where(pid < limit, pid * 10, pid) if limit > 10 else np.where(pid < 10, pid * 10, pid)
    return rows["time"].astype(np.int64) * 10_000_000 + pid
