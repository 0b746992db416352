"""The one rule from which the topics' partitions, retention and compaction follow. Pure: asks no broker.

A line may be needed for as long as its window can be open: for ``max_age``, and for the lateness until the watermark is
past. A restored daemon reads on from there, and evidence names lines by their offset. What was found is kept for
people, who come later.
"""

from collections.abc import Mapping
from typing import NamedTuple

from stream.kafka.clients import MAX_MESSAGE_BYTES
from stream.settings import Settings, show_duration

_MIB = 1024 * 1024
_HOUR = 3_600_000
_DAY = 24 * _HOUR
CATCH_UP = 7 * _DAY
"""A daemon that has stood still for a week reads on, and a person who comes a week later finds the lines."""
SCORES, FINDINGS = 30 * _DAY, 90 * _DAY
RESTORE = _HOUR
"""Longer than any state takes to be restored: a deletion has to stay in the changelog until its reader has passed."""

RULE = """\
A line is kept for as long as its window can be open (--max-age and --lateness) and a week more, so that a daemon
that stood still reads on and evidence is still there. Scores are kept for 30 days, anomalies and dead letters for 90,
and never shorter than lines. The changelog of windows is compacted, and never deleted by age: a record in it may be
replaced after a minute, is by then at the latest after a day, and a deletion stays for a day. Nothing is bounded by
bytes. The topic that is windowed (the lines topic, or the raw one with --keyed-input) has as many partitions as the
changelog; anomalies and dead letters have one, so that they are in order."""


class TopicSpec(NamedTuple):
    """A topic as it is created; of an existing one the daemon needs ``partitions`` and ``config`` only in part."""

    name: str
    partitions: int
    config: dict[str, str]


class Misfit(NamedTuple):
    """A setting of a topic that is not by the rule; ``config`` is what would mend it, nothing where only a person can.

    ``grave``: a daemon must not work with it, for it would lose state or lines that it cannot read.
    """

    said: str
    config: dict[str, str]
    grave: bool = False


def open_for(settings: Settings) -> int:
    """The longest time in ms of event time between a line and the closing of its window."""
    return settings.max_age + settings.lateness


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """The topics that these settings need, by the rule; with keyed input there is no lines topic."""
    many = settings.partitions
    lines = [settings.raw_topic] if settings.keyed_input else [settings.raw_topic, settings.lines_topic]
    kept = open_for(settings) + CATCH_UP
    return [
        *(TopicSpec(name, many, _kept(kept)) for name in lines),
        TopicSpec(settings.scores_topic, many, _kept(max(SCORES, kept))),
        TopicSpec(settings.anomalies_topic, 1, _kept(max(FINDINGS, kept))),
        TopicSpec(settings.dead_letter_topic, 1, _kept(max(FINDINGS, kept), MAX_MESSAGE_BYTES + _MIB)),
        TopicSpec(settings.windows_topic, many, _compacted()),
    ]


def misfits(spec: TopicSpec, config: Mapping[str, str], settings: Settings, raw: Mapping[str, str]) -> list[Misfit]:
    """What of an existing topic's settings (and of the ``raw`` topic's) is not by the rule, the grave ones first."""
    compacted = spec.name == settings.windows_topic
    found = [*_policy(spec, config), *(_room(config, settings, raw) if _holds_letters(spec, settings) else ())]
    return found + (_cleaned(config) if compacted else _short(config, settings, spec))


def _kept(ms: int, largest: int = MAX_MESSAGE_BYTES) -> dict[str, str]:
    return {"max.message.bytes": str(largest), "retention.ms": str(ms), "retention.bytes": "-1"}


def _compacted() -> dict[str, str]:
    """Segments of an hour, for the newest one is never compacted, and restoring has to read it."""
    return {
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
        "cleanup.policy": "compact",
        "min.cleanable.dirty.ratio": "0.3",
        "segment.ms": str(_HOUR),
        "min.compaction.lag.ms": "60000",
        "max.compaction.lag.ms": str(_DAY),
        "delete.retention.ms": str(_DAY),
    }


def _holds_letters(spec: TopicSpec, settings: Settings) -> bool:
    return spec.name == settings.dead_letter_topic


def _policy(spec: TopicSpec, config: Mapping[str, str]) -> list[Misfit]:
    wanted, found = spec.config.get("cleanup.policy", "delete"), config["cleanup.policy"]
    return [] if found == wanted else [Misfit(f"cleanup.policy is {found}, not {wanted}", {}, grave=True)]


def _room(config: Mapping[str, str], settings: Settings, raw: Mapping[str, str]) -> list[Misfit]:
    """A dead letter is its line's bytes and more."""
    most, least = int(config["max.message.bytes"]), int(raw.get("max.message.bytes", 0))
    if most >= least:
        return []
    said = f"max.message.bytes is {most}, {settings.raw_topic} lets {least} in"
    return [Misfit(said, {"max.message.bytes": str(least + _MIB)}, grave=True)]


def _short(config: Mapping[str, str], settings: Settings, spec: TopicSpec) -> list[Misfit]:
    found, least = [], open_for(settings)
    if 0 <= (kept := int(config["retention.ms"])) < least:
        longest = f"{show_duration(settings.max_age)} and {show_duration(settings.lateness)}"
        said = f"retention.ms is {kept} ({show_duration(kept)}), a window may be open for {longest}"
        found.append(Misfit(said, {"retention.ms": spec.config["retention.ms"]}))
    if (most := int(config["retention.bytes"])) >= 0:
        said = f"retention.bytes is {most}: Kafka may delete what an open window needs"
        found.append(Misfit(said, {"retention.bytes": "-1"}))
    return found


def _cleaned(config: Mapping[str, str]) -> list[Misfit]:
    if (stays := int(config["delete.retention.ms"])) >= RESTORE:
        return []
    said = f"delete.retention.ms is {stays}: a restoring may miss that a window was closed"
    return [Misfit(said, {"delete.retention.ms": str(_DAY)})]
