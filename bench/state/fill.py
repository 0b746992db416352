"""Writes a changelog of open windows as daemons do: lines into tasks, the tasks' changes into the topic.

None was scored yet, so that every window has both of its alarms: the larger case.
"""

from collections.abc import Callable
from typing import Any

from bench.state.log import BEGIN, LIFE_S, begun_at, block, partition_of, text
from bench.state.scorer import Same
from stream.errors import BrokerError
from stream.kafka.clients import new_producer
from stream.lines import LineReader
from stream.settings import Settings
from stream.windows.task import WindowTask

_COMMIT = 2_000  # windows
_TIMEOUT_S = 120.0


def fill(settings: Settings, windows: int, lines: int, told: Callable[[int, int], None]) -> None:
    """Leave so many open windows of so many lines each in the changelog; raise BrokerError."""
    tasks = [_new_task(settings, number) for number in range(settings.partitions)]
    producer = new_producer(settings)
    for done in range(0, windows, _COMMIT):
        for number in range(done, min(done + _COMMIT, windows)):
            _live(tasks, number, windows, lines)
        for partition, task in enumerate(tasks):
            for key, value in task.changes():
                _send(producer, settings.windows_topic, key, value, partition)
        told(done, windows)
    if producer.flush(_TIMEOUT_S):
        raise BrokerError("the changelog could not be written")


def _new_task(settings: Settings, partition: int) -> WindowTask:
    place = (settings.input_topic, partition)
    return WindowTask(settings.windows, Same(), LineReader(), place, own_clock=False, partitions=settings.partitions)


def _live(tasks: list[WindowTask], number: int, windows: int, lines: int) -> None:
    name, begun = block(number), int(BEGIN.timestamp()) + begun_at(number, windows)
    add = tasks[partition_of(name, len(tasks))].store.add
    for line in range(lines):
        offset = 3 * number * lines + 7_919 * line + number * line % 4_001
        add(name, 1000 * (begun + LIFE_S * line // lines), text(number + line * line), offset)


def _send(producer: Any, topic: str, key: bytes, value: bytes | None, partition: int) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition)
            producer.poll(0)
            return
        except BufferError:
            producer.poll(0.1)
