"""All contestants, in turn, round by round, on one topic of one broker: lines/s, processor time, memory."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import psutil

from bench.speed.contestants import CONTESTANTS, Place
from bench.speed.figures import Figure
from bench.speed.log import Line
from bench.speed.run import Limits, Run, run
from stream.commands.progress import counting
from stream.errors import BrokerError
from stream.kafka.clients import new_admin
from stream.kafka.sender import Sender
from stream.kafka.topics import create_topics
from stream.settings import Settings

BASE, PLAIN = "noop", "noop-default"
GOALS = {"keyed": 0.5, "any-key": 0.25}
_RATE = "lines moved"
_PLAINLY = "lines moved, beside the loop with the client's own settings"
_BOTH = "processor time of contestant and broker"  # what a busy machine distorts least
_OTHERS: list[tuple[str, str, Callable[[Run], float | None]]] = [
    (_BOTH, "µs a line", lambda run: run.own_us + run.broker_us),
    ("… of the contestant alone", "µs a line", lambda run: run.own_us),
    ("resident memory of the contestant, at most", "MiB", lambda run: run.peak_mib),
    ("scores published", "of 1,000 lines", lambda run: run.published),
    ("windows whose score was remembered", "share", lambda run: run.remembered),
]


def preload(settings: Settings, lines: Iterable[Line], count: int) -> None:
    """Write the lines to the topic that all read, keyed by block; raise BrokerError if not all of them arrive."""
    create_topics(new_admin(settings), settings)
    with counting(f"{count:,} lines are written") as told:
        sender = Sender(settings, settings.raw_topic, every=lambda: told(sender.lines, count))
        sender.send((raw, None) for _, raw in lines)
        sender.flush()
    if sender.failed or sender.lines != count:
        raise BrokerError(f"{sender.lines - sender.failed:,} of {count:,} lines were written: {sender.why}")


def measure(
    place: Place,
    rounds: int,
    limits: Limits,
    broker: psutil.Process,
    say: Callable[[str], None],
    runs: Mapping[str, list[Run]],
) -> None:
    """Run the contestants whose names ``runs`` has in turn, ``rounds`` times, and add their runs to it as they come.
    ``say`` hears of each.
    """
    for number in range(rounds):
        for name, those in runs.items():
            found = run(replace(place, unique=f"{name}-{uuid.uuid4().hex[:8]}"), CONTESTANTS[name], limits, broker)
            those.append(found)
            say(f"round {number + 1} of {rounds}, {name}: {found.lines_per_s:,.0f} lines/s, {found.own_us:.1f} µs each")


def figures(rows: Mapping[str, Sequence[Run]]) -> list[Figure]:
    """Every figure of every contestant; rates and processor time are held against the no-op loop's, rates with a goal
    against the loop as a person would write it, too.
    """
    base = {name: None if name == BASE else BASE for name in rows}
    found = [
        Figure(_RATE, n, "lines/s", [r.lines_per_s for r in runs], base[n], GOALS.get(n)) for n, runs in rows.items()
    ]
    if PLAIN in rows:
        plainly = {n: [r.lines_per_s for r in runs] for n, runs in rows.items() if n in (PLAIN, *GOALS)}
        found += [
            Figure(_PLAINLY, n, "lines/s", rates, None if n == PLAIN else PLAIN, GOALS.get(n))
            for n, rates in plainly.items()
        ]
    for section, unit, value in _OTHERS:
        of = base if section == _BOTH else {}
        for name, runs in rows.items():
            if values := [each for run in runs if (each := value(run)) is not None]:
                found.append(Figure(section, name, unit, values, of.get(name)))
    return found
