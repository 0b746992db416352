"""All that must hold after a chaos: what was read back from the topics, held against what should be there."""

from collections.abc import Sequence

from bench.chaos.compare import Check, Key, Said, closed_of, none_twice, revisions_ascend, same, same_things
from bench.chaos.feed import LATER_BLOCK
from bench.chaos.topics import read_events, read_topic
from stream.settings import Settings


def verdict(
    settings: Settings, calm: Settings, sent: Sequence[bytes], later: bytes, wanted: dict[Key, Said]
) -> list[Check]:
    """The checks of what the disturbed daemons published: ``calm`` are the settings of the undisturbed one, ``wanted``
    the windows of the same lines in a file.
    """
    return [*_lines(settings, sent, later), *_windows(settings, calm, wanted), *_letters(settings, calm)]


def _lines(settings: Settings, sent: Sequence[bytes], later: bytes) -> list[Check]:
    arrived = (value for message in read_topic(settings, settings.raw_topic) if (value := message.value()) != later)
    return [same_things("every line sent is in the raw topic, once", arrived, sent)]


def _windows(settings: Settings, calm: Settings, wanted: dict[Key, Said]) -> list[Check]:
    events, calm_events = (read_events(run, run.scores_topic) for run in (settings, calm))
    anomalies = read_events(settings, settings.anomalies_topic)
    found = closed_of(events, without=LATER_BLOCK)
    return [
        none_twice("no window is closed twice", (event.key for event in events if event.closed)),
        *same("the undisturbed run", found, closed_of(calm_events, without=LATER_BLOCK)),
        *same("a file", found, wanted),
        revisions_ascend(events),
        same_things("anomalies: the anomalous events, each once", anomalies, (e for e in events if e.anomalous)),
    ]


def _letters(settings: Settings, calm: Settings) -> list[Check]:
    letters, calm_letters = (read_topic(run, run.dead_letter_topic) for run in (settings, calm))
    sources = (tuple(value for name, value in m.headers() or [] if name.startswith("source")) for m in letters)
    values, calm_values = ([message.value() for message in found] for found in (letters, calm_letters))
    return [
        none_twice("no dead letter twice", sources),
        same_things("dead letters as in the undisturbed run", values, calm_values),
    ]
