"""What a raw line costs the daemon, both stages and Kafka's client with them, while so many windows are open."""

import random
import sys
import time

from bench.state.log import SPREAD_S, block, raw, some_blocks
from bench.state.scorer import Same
from stream.errors import BrokerError
from stream.garbage import collected_rarely
from stream.kafka.clients import new_producer
from stream.kafka.worker import Worker
from stream.lines import LineReader
from stream.logs import new_log
from stream.settings import Settings

_TIMEOUT_S = 120.0


def send(settings: Settings, windows: int, lines: int) -> None:
    """Write so many lines to the raw topic, of blocks as streams have them; raise BrokerError."""
    draw = random.Random(4)
    producer = new_producer(settings)
    for i, number in enumerate(some_blocks(windows, lines, recent=True)):
        producer.produce(settings.raw_topic, raw(SPREAD_S + i // 1000, block(number), draw))
        if i % 10_000 == 0:
            producer.flush(_TIMEOUT_S)
    if producer.flush(_TIMEOUT_S):
        raise BrokerError("the lines could not be written")


def daemon_us(settings: Settings, lines: int) -> float:
    """Microseconds of this process's time a line, from the assignment of all partitions to the last commit."""
    worker = Worker(settings, Same(), LineReader(), new_log(sys.stderr))
    begun = 0.0

    def stop() -> bool:
        nonlocal begun
        if not begun and worker.holds == 2 * settings.partitions:
            begun = time.process_time()
        return worker.score is not None and worker.score.lines >= lines

    with collected_rarely() as collect:
        worker.run(stop, collect)
    return (time.process_time() - begun) / lines * 1e6
