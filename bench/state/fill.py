"""Writes a changelog of open windows as daemons do: lines into tasks, the tasks' changes into the topic."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from bench.state.log import BEGIN, LIFE_S, begun_at, block, partition_of, text
from bench.state.scorer import Same
from stream.errors import BrokerError
from stream.kafka.clients import new_producer
from stream.lines import LineReader
from stream.settings import Settings
from stream.windows.openwindow import Published
from stream.windows.task import WindowTask

_COMMIT = 2_000  # windows
_TIMEOUT_S = 120.0


def fill(settings: Settings, windows: int, lines: int, told: Callable[[int, int], None]) -> None:
    """Leave so many open windows of so many lines each in the changelog; raise BrokerError."""
    tasks = [_new_task(settings, number) for number in range(settings.partitions)]
    producer = new_producer(settings)
    draw = random.Random(1)
    for done in range(0, windows, _COMMIT):
        for number in range(done, min(done + _COMMIT, windows)):
            _live(tasks, number, windows, lines, draw)
        for partition, task in enumerate(tasks):
            for key, value in _committed(task, begun_at(done, windows), settings.partitions):
                _send(producer, settings.windows_topic, key, value, partition)
        told(done, windows)
    if producer.flush(_TIMEOUT_S):
        raise BrokerError("the changelog could not be written")


def _new_task(settings: Settings, partition: int) -> WindowTask:
    place = (settings.input_topic, partition)
    return WindowTask(settings.windows, Same(), LineReader(), place, own_clock=False, partitions=settings.partitions)


def _live(tasks: list[WindowTask], number: int, windows: int, lines: int, draw: random.Random) -> None:
    name, begun = block(number), int(BEGIN.timestamp()) + begun_at(number, windows)
    store = tasks[partition_of(name, len(tasks))].store
    for line in range(lines):
        time = begun + LIFE_S * line // lines
        store.add(name, 1000 * time, text(draw), 3 * number * lines + 5_000 * line + draw.randrange(5_000))


def _committed(task: WindowTask, second: int, sources: int) -> Iterator[tuple[bytes, bytes | None]]:
    for source in range(sources):
        task.report(source, sources, 1000 * (int(BEGIN.timestamp()) + second), False)
    task.store.advance(task.clock.progress)
    for due in task.store.take_due():  # what is quiet was scored
        task.store.record(due.key, due.window.part, Published(1, 0.5, False))
    return task.changes()


def _send(producer: Any, topic: str, key: bytes, value: bytes | None, partition: int) -> None:
    while True:
        try:
            producer.produce(topic, value, key, partition)
            producer.poll(0)
            return
        except BufferError:
            producer.poll(0.1)
