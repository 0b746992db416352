"""Who moves lines: a command line each, the topics that it writes, and which offsets say how far it is.

Each reads the same topic. Settings are defaults, but for names of topics and groups.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream.kafka.clients import new_admin
from stream.kafka.topics import create_topics
from stream.settings import Settings, load_settings


@dataclass(frozen=True)
class Place:
    """Where a run takes place: ``base`` holds the topic that all read; ``unique`` names what is made. In the folder
    ``profiles`` our daemons leave what cProfile says of them. ``commit_s`` is the loop's, not ours.
    """

    base: Settings
    unique: str
    lines: int
    folder: Path
    quix: Path | None = None
    profiles: Path | None = None
    commit_s: float = 1.0


@dataclass(frozen=True)
class Started:
    """What to start, and whose offsets count: a line is done when its offset is committed in each of the topics. What
    is due may still be judged then: ``later`` is the topic in which that shows. ``workers``: members of the group.
    """

    command: list[str]
    group: str
    topics: list[str]
    made: list[str]
    environ: dict[str, str]
    later: str | None = None
    workers: int = 1


Contestant = Callable[[Place], Started]


def noop(place: Place) -> Started:
    """The loop that does nothing, at least once, with our daemon's settings of Kafka's client."""
    return _noop(place, "tuned")


def noop_default(place: Place) -> Started:
    """The same as a person would write it: with the client's settings as they come."""
    return _noop(place, "default")


def noop_transactions(place: Place) -> Started:
    """The loop with our daemon's settings, exactly once."""
    return _noop(place, "transactions")


def quixstreams(place: Place) -> Started:
    """quixstreams counts per key, exactly once."""
    sink = _sink(place)
    base = place.base
    program = str(Path(__file__).with_name("quix.py"))
    names = [base.bootstrap_servers, place.unique, base.raw_topic, sink, str(place.folder / place.unique)]
    changelog = f"changelog__{place.unique}--{base.raw_topic}--tumbling_window_60000_count"
    environ = {"PYTHONPATH": str(place.quix)}
    return Started([sys.executable, program, *names], place.unique, [base.raw_topic], [sink, changelog], environ)


def keyed(place: Place, *flags: str, workers: int = 1) -> Started:
    """Our daemon on input that is keyed by block."""
    return _ours(place, True, flags, workers)


def any_key(place: Place, *flags: str, workers: int = 1) -> Started:
    """Our daemon as it comes: route and score."""
    return _ours(place, False, flags, workers)


CONTESTANTS: dict[str, Contestant] = {
    "noop": noop,
    "noop-default": noop_default,
    "noop-transactions": noop_transactions,
    "quixstreams": quixstreams,
    "keyed": keyed,
    "any-key": any_key,
    "keyed-no-memo": lambda place: keyed(place, "--no-memo"),
    "any-key-no-memo": lambda place: any_key(place, "--no-memo"),
    "keyed-2-workers": lambda place: keyed(place, workers=2),
    "any-key-2-workers": lambda place: any_key(place, workers=2),
}


def _noop(place: Place, kind: str) -> Started:
    base, sink = place.base, _sink(place)
    names = [base.bootstrap_servers, place.unique, base.raw_topic, sink, str(place.lines), str(place.commit_s)]
    command = [sys.executable, "-m", "bench.speed.noop", *names, kind]
    return Started(command, place.unique, [base.raw_topic], [sink], {})


def _sink(place: Place) -> str:
    """A topic for copies, as the others have theirs."""
    settings = _own(place, True)
    create_topics(new_admin(settings), settings)
    return settings.scores_topic


def _ours(place: Place, keyed_input: bool, flags: tuple[str, ...], workers: int) -> Started:
    settings = _own(place, keyed_input)
    create_topics(new_admin(settings), settings)
    given: dict[str, Any] = {n: getattr(settings, n) for n in ("bootstrap_servers", "group_id", *_TOPICS)}
    named = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    kind = [f"--workers={workers}", *(["--keyed-input"] if keyed_input else [])]
    topics = [settings.raw_topic] if keyed_input else [settings.raw_topic, settings.lines_topic]
    made = [given[name] for name in _TOPICS if name != "raw_topic"]
    profile = ["-m", "cProfile", "-o", str(place.profiles / f"{place.unique}.prof")] if place.profiles else []
    command = [sys.executable, *profile, "-m", "stream", "consume", *named, *kind, *flags]
    return Started(command, place.unique, topics, made, {}, settings.scores_topic, workers)


_TOPICS = [name for name in Settings.model_fields if name.endswith("_topic")]


def _own(place: Place, keyed_input: bool) -> Settings:
    base = place.base
    own: dict[str, Any] = {n: f"{place.unique}-{n.removesuffix('_topic')}" for n in _TOPICS if n != "raw_topic"}
    own |= {"bootstrap_servers": base.bootstrap_servers, "partitions": base.partitions, "raw_topic": base.raw_topic}
    return load_settings(**own, group_id=place.unique, keyed_input=keyed_input)
