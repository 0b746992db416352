"""One chaos from beginning to end: broker, daemons, lines, accidents, the wait, the undisturbed run, the checks."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.chaos.calm import in_a_file, run_undisturbed, scorer_of, settled
from bench.chaos.compare import (
    Check,
    Key,
    Said,
    closed_of,
    none_twice,
    revisions_ascend,
    same,
    same_events,
    same_things,
)
from bench.chaos.crew import Crew
from bench.chaos.feed import LATER_BLOCK, Feed, later_line, with_bad_lines
from bench.chaos.plan import Plan, daemon_settings, flags
from bench.chaos.plant import Plant
from bench.chaos.storm import Done, Storm
from bench.chaos.topics import read_events, read_topic
from bench.chaos.watch import Watch
from stream.kafka.clients import new_admin
from stream.kafka.topics import create_topics
from stream.settings import Settings

Say = Callable[[str], None]


@dataclass
class Outcome:
    """What was done and what was found."""

    done: Done
    crew: Crew
    away: list[float]
    lines: int
    windows: int
    longest: float
    storm_s: float
    drained_s: float
    calm_s: float
    checks: list[Check]

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return all(check.ok for check in self.checks)


def run(plan: Plan, given: Settings, partitions: int, lines: Sequence[bytes], folder: Path, say: Say) -> Outcome:
    """Do it all; nothing runs afterwards, whatever happens. Raises UserError."""
    rng = random.Random(plan.seed)
    plant = Plant(folder / "broker")
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    try:
        say("starting the broker")
        settings = daemon_settings(given, plant.start(), partitions)
        create_topics(new_admin(settings), settings)
        crew = Crew(folder / "logs", plan.scorer, flags(settings), rng, lambda: plant.missed, say)
        try:
            return _with(plan, settings, lines, plant, crew, rng, say)
        finally:
            crew.end()
    finally:
        plant.stop()


def _with(
    plan: Plan, settings: Settings, lines: Sequence[bytes], plant: Plant, crew: Crew, rng: random.Random, say: Say
) -> Outcome:
    say(f"{len(lines):,} lines: the windows that they have in a file")
    sent = with_bad_lines(lines)
    later = later_line(lines, settings.close_after + settings.lateness + settings.max_age)
    wanted = in_a_file([*sent, later], scorer_of(plan, settings), settings)
    for _ in range(plan.workers):
        crew.hire()
    crew.wait(lambda: not crew.starting, 60)
    feed = Feed(settings, sent, later)
    watch = Watch(settings, lambda: feed.sent)
    begun = time.monotonic()
    try:
        storm = Storm(plan, crew, plant, feed, watch, rng, _counted(say, plan, lambda: (feed.sent, len(watch.closed))))
        storm.run()
        storm_s = time.monotonic() - begun
        say("no more accidents; the rest of the lines, and the line that ends all windows")
        feed.finish()
        done = settled(watch, len(wanted), crew, say)
        drained_s = time.monotonic() - begun - storm_s
    finally:
        feed.stop()
        watch.stop()
    for member in list(crew.members):
        crew.wait(lambda member=member: member.begun, 60)  # type: ignore[misc]
        crew.dismiss(member, 60)
    say("the undisturbed run")
    calm, calm_s, calm_done = run_undisturbed(plan, settings, len(wanted), crew.folder, say)
    say("reading everything back")
    checks = [
        Check("daemons end by nothing but our signals", crew.tally.counts["started"], tuple(crew.findings)),
        Check("all windows close", 2, tuple(_stuck(("chaos", done), ("undisturbed run", calm_done)))),
        *_checks(settings, calm, sent, later, wanted),
    ]
    numbers = (len(sent), len(wanted), watch.longest, storm_s, drained_s, calm_s)
    return Outcome(storm.done, crew, plant.away, *numbers, checks)


def _counted(say: Say, plan: Plan, state: Callable[[], tuple[int, int]]) -> Say:
    """Says an accident with its number and how far things are."""
    number = 0

    def told(what: str) -> None:
        nonlocal number
        number += 1
        sent, closed = state()
        say(f"{number}/{plan.accidents} {what}; {sent:,} lines sent, {closed:,} windows closed")

    return told


def _stuck(*runs: tuple[str, bool]) -> list[str]:
    return [f"{name}: nothing moved for three minutes" for name, done in runs if not done]


def _checks(
    settings: Settings, calm: Settings, sent: Sequence[bytes], later: bytes, wanted: dict[Key, Said]
) -> list[Check]:
    raw = [message.value() for message in read_topic(settings, settings.raw_topic)]
    events, calm_events = (read_events(run, run.scores_topic) for run in (settings, calm))
    anomalies = read_events(settings, settings.anomalies_topic)
    letters, calm_letters = (read_topic(run, run.dead_letter_topic) for run in (settings, calm))
    closed = [event for event in events if event.closed]
    found = closed_of(closed, without=LATER_BLOCK)
    sources = [tuple(value for name, value in m.headers() or [] if name.startswith("source")) for m in letters]
    arrived = {*raw} - {later}
    return [
        Check("every line sent is in the raw topic", len(sent), tuple(map(str, {*sent} - arrived))),
        none_twice("no window is closed twice", [event.key for event in closed]),
        *same("the undisturbed run", found, closed_of(calm_events, without=LATER_BLOCK)),
        *same("a file", found, wanted),
        revisions_ascend(events),
        same_events("anomalies: the anomalous events, each once", anomalies, [e for e in events if e.said[2]]),
        none_twice("no dead letter twice", sources),
        same_things(
            "dead letters as in the undisturbed run", *([m.value() for m in ms] for ms in (letters, calm_letters))
        ),
    ]
