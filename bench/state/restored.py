"""The fresh process. Takes everything as JSON in its one argument, writes one JSON object on stdout.

Peak memory is the kernel's (``VmHWM``), in bytes; what a line costs is the process's own time, since other processes
share the machine.
"""

import random
import resource
import sys
import time
from typing import Any

import orjson
import psutil
from confluent_kafka import TopicPartition

from bench.state.log import SPREAD_S, block, partition_of, raw, some_blocks
from bench.state.scorer import Same
from bench.state.working import daemon_us
from stream.kafka.changelog import read_changelog
from stream.kafka.clients import new_admin, new_consumer
from stream.kafka.patience import Patience
from stream.kafka.restore import Restorer
from stream.kafka.score import ScoreStage
from stream.lines import LineReader
from stream.logs import new_log
from stream.settings import load_settings
from stream.windows.task import WindowTask

_COMMIT = 5_000  # lines
_ROUNDS = 3


def main() -> None:
    """Measure what is asked for: ``what`` is "read", the part of Kafka alone, "restore", or "work"."""
    asked = orjson.loads(sys.argv[1])
    settings = load_settings(**asked["settings"])
    if asked["what"] == "work":
        sys.stdout.buffer.write(orjson.dumps({"daemon_us": daemon_us(settings, asked["lines"])}))
        return
    score = ScoreStage(settings, Same(), LineReader(), settings.partitions)
    numbers = range(settings.partitions)
    before = psutil.Process().memory_info().rss
    begun, cpu = time.monotonic(), time.process_time()
    found: dict[str, Any] = {}
    if asked["what"] == "read":
        read_changelog(settings, new_admin(settings), numbers, lambda *record: None)
    else:
        consumer = new_consumer(settings, **{"group.id": settings.group_id})
        places = [TopicPartition(settings.input_topic, number) for number in numbers]
        log = new_log(sys.stderr)
        restorer = Restorer(settings, None, score, log)
        Patience(log).repeat(lambda: restorer.take(consumer, places))
        consumer.close()
    found |= {"seconds": time.monotonic() - begun, "cpu_seconds": time.process_time() - cpu}
    found |= {"open": score.open_windows, "before": before, "after": psutil.Process().memory_info().rss}
    found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if asked["what"] == "restore":
        tasks = [score.task(number) for number in numbers]
        found["random_us"] = _line_us(tasks, asked["windows"], asked["lines"], recent=False)
        found["recent_us"] = _line_us(tasks, asked["windows"], asked["lines"], recent=True)
    sys.stdout.buffer.write(orjson.dumps(found))


def _line_us(tasks: list[WindowTask], windows: int, lines: int, recent: bool) -> float:
    """Microseconds a line, its share of the commit's changes included; the best of some rounds."""
    draw = random.Random(3)
    made = []
    for i, number in enumerate(some_blocks(windows, lines, recent)):
        name = block(number)
        made.append((tasks[partition_of(name, len(tasks))], name, raw(SPREAD_S + i // 1000, name, draw)))
    size = len(made) // _ROUNDS
    rounds = [made[i * size : (i + 1) * size] for i in range(_ROUNDS)]
    return min(_round(tasks, each) for each in rounds)


def _round(tasks: list[WindowTask], made: list[tuple[WindowTask, bytes, bytes]]) -> float:
    begun = time.process_time()
    for i, (task, name, line) in enumerate(made):
        task.line(name, line, 10**9 + i)
        if i % _COMMIT == _COMMIT - 1:
            for each in tasks:
                for _ in each.changes():
                    pass
    return (time.process_time() - begun) / len(made) * 1e6


if __name__ == "__main__":
    main()
