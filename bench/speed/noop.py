"""The loop that does nothing but read and write: what Kafka's client can move at all, and what ours is held against.

``python -m bench.speed.noop ADDRESS GROUP FROM TO LINES SECONDS KIND``. Consumes batches, produces each value, and
commits each so many seconds and at the end of the lines; then it waits to be ended. ``KIND`` is ``default``, with the
client's settings as they come, as a person would write the loop; ``tuned``, with those of our daemon; or
``transactions``, the same exactly once.
"""

import sys
import time
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

_BATCH = 5_000
_TIMEOUT_S = 30.0

_ANY = {"auto.offset.reset": "earliest", "enable.auto.commit": False}
# What both of ours have, too: see ``stream.kafka.clients``. Less is read ahead than the client would by itself, which
# costs the loop nothing, so that what was fetched before the time begins is little beside what is timed.
_READING = {
    "queued.min.messages": 20_000,
    "isolation.level": "read_committed",
    "queued.max.messages.kbytes": 64 * 1024,
    "fetch.queue.backoff.ms": 20,
    "fetch.message.max.bytes": 4 * 1024 * 1024,
}
_WRITING = {
    "enable.idempotence": True,
    "compression.type": "lz4",
    "linger.ms": 20,
    "batch.size": 512 * 1024,
    "queue.buffering.max.messages": 500_000,
    "queue.buffering.max.kbytes": 256 * 1024,
    "delivery.report.only.error": True,
}


def main(address: str, group: str, source: str, sink: str, lines: str, every: str, kind: str) -> None:
    """Move lines until the process is ended."""
    common: dict[str, Any] = {"bootstrap.servers": address}
    reading, writing = ({}, {}) if kind == "default" else (_READING, _WRITING)
    unique = {"transactional.id": group} if kind == "transactions" else {}
    consumer = Consumer({**common, **_ANY, **reading, "group.id": group})
    producer = Producer({**common, **writing, **unique})
    if unique:
        producer.init_transactions(_TIMEOUT_S)
        producer.begin_transaction()
    consumer.subscribe([source])
    left, due, dirty = int(lines), time.monotonic() + float(every), False
    while True:
        batch = [message for message in consumer.consume(_BATCH, timeout=0.1) if message.error() is None]
        for message in batch:
            _produce(producer, sink, message.value())
        producer.poll(0)
        left -= len(batch)
        dirty = dirty or bool(batch)
        if dirty and (time.monotonic() >= due or left <= 0):
            _commit(consumer, producer, bool(unique))
            due, dirty = time.monotonic() + float(every), False


def _produce(producer: Producer, sink: str, value: bytes | None) -> None:
    while True:
        try:
            producer.produce(sink, value)
            return
        except BufferError:
            producer.poll(0.05)


def _commit(consumer: Consumer, producer: Producer, transactional: bool) -> None:
    places: list[TopicPartition] = [p for p in consumer.position(consumer.assignment()) if p.offset >= 0]
    if not transactional:
        producer.flush()
        consumer.commit(offsets=places, asynchronous=False)
        return
    producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata(), _TIMEOUT_S)
    producer.commit_transaction(_TIMEOUT_S)
    producer.begin_transaction()


if __name__ == "__main__":
    main(*sys.argv[1:])
