"""What goes wrong while a block is written: each function changes one life, line by line.

The sequences are those of HDFS_v1's anomalous blocks. Does not know lines' text, nor what happens to other blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stream.simulator.events import Event, Kind

Triple = tuple[int, int, int]

_READS = (Kind.SERVED, Kind.SERVE_EXCEPTION, Kind.VERIFIED)
_DELETION = (Kind.INVALIDATED, Kind.DELETING)


@dataclass(slots=True)
class Life:
    """One block's lines, and what a failure must know to change them; times in seconds."""

    events: list[Event]
    nodes: Triple  # of the pipeline
    threads: Triple  # that receive
    size: int
    start: int
    written: int  # the first data node has the whole block
    complete: int  # the name node knows of all replicas
    node_count: int
    rng: np.random.Generator

    def draw(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return int(self.rng.integers(low, high + 1))

    def others(self, count: int) -> list[int]:
        """As many data nodes that hold no replica, all different (fewer on a cluster that has no more)."""
        free = [n for n in self.rng.permutation(self.node_count).tolist() if n not in self.nodes]
        return free[:count]

    def keep(self, wanted: Callable[[Event], bool]) -> None:
        """Drops every line that is not wanted."""
        self.events = [event for event in self.events if wanted(event)]

    def add(self, kind: Kind, time: int, pid: int, *numbers: int) -> None:
        """Adds a line; the numbers are the form's ``a``, ``b`` and ``c``."""
        self.events.append(Event(kind, time, pid, *numbers))

    def hear(self, kind: Kind, time: int, node: int) -> None:
        """The name node hears from a data node that it holds the block (ADDED and what it answers)."""
        self.add(kind, time, self.draw(26, 35), node, self.size)

    def last(self) -> int:
        """Time of the last line."""
        return max(event.time for event in self.events)

    def delay(self, not_before: int) -> None:
        """Drops reads before this time, and postpones a deletion that would come earlier."""
        self.keep(lambda e: e.kind not in _READS or e.time >= not_before)
        self.postpone_deletion(not_before)

    def postpone_deletion(self, not_before: int) -> None:
        """Moves the deletion, if there is one, behind this time."""
        ordered = [event.time for event in self.events if event.kind == Kind.INVALIDATED]
        shift = max(0, not_before + 30 - min(ordered)) if ordered else 0
        self.events = [e._replace(time=e.time + shift) if e.kind in _DELETION else e for e in self.events]

    def delete(self) -> None:
        """Makes sure that the block is deleted, some minutes after its last line if nobody else does."""
        if any(event.kind == Kind.INVALIDATED for event in self.events):
            return
        ordered, handler = self.last() + self.draw(60, 900), self.draw(26, 35)
        for node in self.nodes:
            self.add(Kind.INVALIDATED, ordered, handler, node)
            self.add(Kind.DELETING, ordered + self.draw(5, 400), 19, self.draw(0, 63))

    def receivings(self) -> list[Event]:
        """The first three ``Receiving block`` lines, in the order of the pipeline."""
        return [event for event in self.events if event.kind == Kind.RECEIVING][:3]


def lost_write(life: Life) -> None:
    """The writer dies with its node: one data node begins to receive, and nothing is ever heard again."""
    first = life.receivings()[0]
    life.keep(lambda e: e.kind == Kind.ALLOCATE or e == first)


def write_cut_short(life: Life) -> None:
    """The writer goes away in the middle: the second data node cannot read from the stream."""
    begun = life.receivings()[:2]
    life.keep(lambda e: e.kind == Kind.ALLOCATE or e in begun)
    life.add(Kind.WRITE_STREAM_LOST, begun[-1].time + life.draw(2, 5), begun[-1].pid)


def responder_exception(life: Life) -> None:
    """A data node does not answer for a minute; the responder before it meets the end of its stream."""
    begun = life.receivings()[:2]
    life.keep(lambda e: e.kind == Kind.ALLOCATE or e in begun)
    gave_up = begun[-1].time + 60
    life.add(Kind.WRITE_TIMEOUT, gave_up, begun[-1].pid)
    responder = begun[0].pid + life.draw(1, 40)
    life.add(Kind.TERMINATING, gave_up + 1, responder, 2)
    life.add(Kind.RESPONDER_EOF, gave_up + 1, responder, 2)


def empty_packets(life: Life) -> None:
    """The writer closes the file with an empty packet, which each data node reports."""
    for event in life.receivings():
        life.add(Kind.EMPTY_PACKET, life.written, event.pid)


def missing_replica(life: Life) -> None:
    """The last data node of the pipeline falls silent: two replicas of three are acknowledged, known and deleted."""
    kept, mirror, lost = life.nodes
    gone = {
        Kind.TERMINATING: 0,  # the number of the last responder
        Kind.RECEIVED: mirror,  # from which the last node received
        Kind.ADDED: lost,
        Kind.INVALIDATED: lost,
    }
    deletions = [e for e in life.events if e.kind == Kind.DELETING]
    life.keep(lambda e: gone.get(Kind(e.kind)) != e.a and e not in deletions[-1:])
    reads = (Kind.SERVED, Kind.SERVE_EXCEPTION)
    life.events = [e._replace(a=kept) if e.kind in reads and e.a == lost else e for e in life.events]


def mirror_failure(life: Life) -> None:
    """The second data node hangs: time-outs run up the pipeline, two nodes start again, two copies are ordered."""
    begun, deleted = life.receivings(), any(e.kind == Kind.INVALIDATED for e in life.events)
    stays = (Kind.ALLOCATE, *_READS, *(_DELETION if deleted else ()))
    life.keep(lambda e: e in begun or e.kind in stays)
    hung = life.start + life.draw(130, 570)
    _collapse(life, hung)
    done = hung + life.draw(60, 500)
    _finish_on_two(life, done)
    asked = done + life.draw(30, 300)
    life.delay(asked + 60)
    _copy_to_two(life, asked)


def _collapse(life: Life, hung: int) -> None:
    """Every receiver and responder of the pipeline ends with the exception that its neighbour's end causes."""
    first, second, _ = life.nodes
    one, two, three = life.threads
    port, broken = life.draw(32_768, 60_999), hung + life.draw(4, 8)
    life.add(Kind.TERMINATING, hung, one + 3, 2)
    life.add(Kind.RESPONDER_TIMEOUT, hung, one + 3, first, second, port)
    life.add(Kind.RECEIVE_INTERRUPTED, broken, two, second, first, port)
    life.add(Kind.WRITE_INTERRUPTED, broken, two)
    life.add(Kind.TERMINATING, broken, two + 1, 1)
    life.add(Kind.RESPONDER_CLOSED, broken, two + 1, 1, life.draw(50_000, 59_999))
    life.add(Kind.RECEIVE_EOF, broken, three)
    life.add(Kind.WRITE_EOF, broken, three)
    life.add(Kind.RESPONDER_INTERRUPTED, broken, three + 1, 0)
    life.add(Kind.TERMINATING, broken, three + 1, 0)
    life.add(Kind.MIRROR_EXCEPTION, broken + 1, one, first, second)
    life.add(Kind.RECEIVE_RESET, broken + 1, one)
    life.add(Kind.WRITE_RESET, broken + 1, one)
    offset = life.draw(1, 1000) * 65_536
    for source, thread in ((first, two + 99), (second, three + 183)):
        life.add(Kind.RECEIVING, broken, thread, source, life.draw(32_768, 60_999))
        life.add(Kind.CHANGED_OFFSET, broken + 1, thread, offset, offset // 128 + 7)


def _finish_on_two(life: Life, done: int) -> None:
    first, second, third = life.nodes
    for number, source, thread in ((1, first, life.threads[1] + 100), (0, second, life.threads[2] + 184)):
        life.add(Kind.TERMINATING, done, thread, number)
        life.add(Kind.RECEIVED, done, thread, source, life.size)
    life.hear(Kind.ADDED, done, third)
    life.hear(Kind.ADDED, done + life.draw(300, 400), second)


def _copy_to_two(life: Life, asked: int) -> None:
    source = life.nodes[2]
    targets = life.others(2)
    one, two = targets[0], targets[-1]
    life.add(Kind.ASK_REPLICATE_TWO, asked, 19, source, one, two)
    life.add(Kind.TRANSFER_TWO, asked + 1, 19, source, one, two)
    done = asked + life.draw(20, 50)
    for node, thread in ((source, life.threads[0] + 400), (one, life.threads[1] + 400)):
        port = life.draw(32_768, 60_999)
        life.add(Kind.RECEIVING, asked + 2, thread, node, port)
        life.add(Kind.RECEIVED_COPY, done, thread, node, port, life.size)
    life.add(Kind.TRANSMITTED, done, life.threads[0] + 500, source, one)
    for node in (one, two):
        life.hear(Kind.ADDED, done, node)
