"""A simulated log with its labels, as files, as lines and as messages of a topic."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from confluent_kafka import Producer
from tiny_checkpoint import write_tiny_checkpoint

from stream.lines import block_ids
from stream.scoring import Score, Surprise
from stream.simulator import simulate

CreateTopic = Callable[..., str]
TOLD = re.compile(
    r"[\d,]+ lines( \(\d+%\))?, [\d,]+ lines/s, [\d,]+ windows closed, [\d,]+ blocks with a label, "
    r"[\d,]+ anomalous, ROC-AUC (nan|[01]\.\d{4}), AP (nan|[01]\.\d{4})(, \d+ s left)?\n"
)


class Log:
    """A simulated log with its labels, as files and as lines."""

    def __init__(self, folder: Path) -> None:
        chunks = list(simulate(150, 0.2, seed=11).chunks())
        self.lines = [line for chunk in chunks for line in chunk.lines]
        self.labels = {label.block_id: label.anomalous for chunk in chunks for label in chunk.labels}
        self.file, self.csv = folder / "hdfs.log", folder / "labels.csv"
        self.file.write_bytes(b"".join(line + b"\n" for line in self.lines))
        rows = [f"{block},{'Anomaly' if anomalous else 'Normal'}\n" for block, anomalous in self.labels.items()]
        self.csv.write_text("BlockId,Label\n" + "".join(rows))
        self.checkpoint = write_tiny_checkpoint(folder / "tiny")

    def header(self, line: bytes) -> list[tuple[str, bytes]]:
        blocks = block_ids(line)
        return [("label", b"%d" % self.labels[blocks[0].decode()])] if len(blocks) == 1 else []


Sent = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Partition, key, value and headers."""


def send(broker: str, topic: str, messages: Iterable[Sent]) -> None:
    # Without idempotence, a batch that is sent again (a new topic has no leader yet) comes behind later ones.
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 5, "enable.idempotence": True})
    for partition, key, value, headers in messages:
        producer.produce(topic, value, key, partition, headers=headers)
        producer.poll(0)
    assert producer.flush(60) == 0


def line(second: int, block: int = 1) -> bytes:
    return b"081109 2035%02d 143 INFO dfs.DataNode: Receiving block blk_%d" % (second, block)


class Alarmed:
    """A scorer to which everything is anomalous, and which notes what it was asked to explain."""

    checkpoint, material = "alarmed", 1.0

    def __init__(self) -> None:
        self.explained: list[bool] = []

    def score(self, windows: Sequence[Sequence[str]], complete: Sequence[bool]) -> list[Score]:
        return [Score(float(len(window)), 0.001, True, "critical") for window in windows]

    def explain(self, window: Sequence[str], complete: bool) -> list[Surprise]:
        self.explained.append(complete)
        return []
