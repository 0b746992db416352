"""What a worker sends through, whichever guarantee it gives: records and consumed offsets, one commit after another.

``Transactions`` (``exactly-once``) makes both happen together or not at all; ``Confirmed`` (``at-least-once``) commits
the offsets once the records are confirmed, so that a crash in between sends them again.
"""

from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import Consumer, TopicPartition

from stream.kafka.messages import Keyed, Record


class Aborted(Exception):
    """The commit did not happen: what was read has to be read again."""


class Sending(Protocol):
    """One worker's way out. All methods raise BrokerError where there is no way on."""

    @property
    def open(self) -> bool:
        """Whether records were sent since the last commit."""
        ...

    def start(self) -> None:
        """Make ready, before anything is read, and again before it is read again: what is left open is ended here."""
        ...

    def emit(self, record: Record) -> None:
        """Send a record as part of the next commit; raise Aborted as ``commit`` does."""
        ...

    def emit_lines(self, topic: str, lines: Sequence[Keyed]) -> None:
        """Send lines as ``emit`` sends records."""
        ...

    def commit(self, consumer: Consumer, offsets: list[TopicPartition]) -> None:
        """Commit what was sent and these offsets; raise Aborted if that did not happen, and KafkaException if the group
        knows this worker's name by another member: nothing of it happened, and its consumer is of no more use.

        Give the offsets of all partitions that are held: they are what fences a worker that has lost them.
        """
        ...

    def abort(self) -> None:
        """Undo what was sent since the last commit, as far as the guarantee reaches."""
        ...

    def leave(self) -> None:
        """The end, in a few seconds: ``abort``, or leave that to the broker and raise BrokerError."""
        ...
