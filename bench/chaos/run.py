"""One chaos from beginning to end: broker, daemons, lines, accidents, the wait, the undisturbed run, the checks."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.chaos.calm import in_a_file, run_undisturbed, scorer_of, settled
from bench.chaos.compare import Check
from bench.chaos.crew import Crew
from bench.chaos.feed import Feed, later_line, with_bad_lines
from bench.chaos.plan import Plan, daemon_settings, flags
from bench.chaos.plant import Plant
from bench.chaos.storm import Done, Storm
from bench.chaos.verdict import verdict
from bench.chaos.watch import Watch
from stream.kafka.clients import new_admin
from stream.kafka.topics import create_topics
from stream.settings import Settings

Say = Callable[[str], None]

_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Disturbed:
    """What came of the disturbed run; durations in s."""

    done: Done
    settled: bool
    longest: float
    storm_s: float
    drained_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done and what was found; ``away`` are the broker's outages, in s."""

    run: Disturbed
    crew: Crew
    away: list[float]
    lines: int
    windows: int
    calm_s: float
    checks: list[Check]

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return all(check.ok for check in self.checks)


def run(plan: Plan, given: Settings, partitions: int, lines: Sequence[bytes], folder: Path, say: Say) -> Outcome:
    """Do it all; nothing runs afterwards, whatever happens. Raises UserError."""
    plant = Plant(folder / "broker")
    try:
        say("starting the broker")
        settings = daemon_settings(given, plant.start(), partitions)
        create_topics(new_admin(settings), settings)
        chaos = Chaos(plan, settings, plant, folder / "logs", say)
        try:
            return chaos.run(lines)
        finally:
            chaos.crew.end()
    finally:
        plant.stop()


class Chaos:
    """One run on a broker that serves; daemons are left running only if it is interrupted: ``crew.end`` then."""

    def __init__(self, plan: Plan, settings: Settings, plant: Plant, logs: Path, say: Say) -> None:
        self._plan = plan
        self._settings = settings
        self._plant = plant
        self._say = say
        self._rng = random.Random(plan.seed)
        logs.mkdir(parents=True, exist_ok=True)
        self.crew = Crew(logs, plan.scorer, flags(settings), self._rng, lambda: plant.missed, say)

    def run(self, lines: Sequence[bytes]) -> Outcome:
        """Disturbed, undisturbed, compared."""
        settings, say = self._settings, self._say
        say(f"{len(lines):,} lines: the windows that they have in a file")
        sent = with_bad_lines(lines)
        later = later_line(lines, settings.close_after + settings.lateness + settings.max_age)
        wanted = in_a_file([*sent, later], scorer_of(self._plan, settings), settings)
        disturbed = self._disturbed(sent, later, len(wanted))
        say("the undisturbed run")
        calm, calm_s, calm_settled = run_undisturbed(self._plan, settings, len(wanted), self.crew.folder, say)
        say("reading everything back")
        stuck = [
            f"{name}: nothing moved for three minutes"
            for name, done in (("the disturbed run", disturbed.settled), ("the undisturbed run", calm_settled))
            if not done
        ]
        checks = [
            Check("daemons end by nothing but our signals", self.crew.tally.counts["started"], (*self.crew.findings,)),
            Check("all windows close", 2, (*stuck,)),
            *verdict(settings, calm, sent, later, wanted),
        ]
        return Outcome(disturbed, self.crew, self._plant.away, len(sent), len(wanted), calm_s, checks)

    def _disturbed(self, sent: Sequence[bytes], later: bytes, wanted: int) -> Disturbed:
        for _ in range(self._plan.workers):
            self.crew.hire()
        self.crew.wait(lambda: not self.crew.starting, _PATIENCE_S)
        feed = Feed(self._settings, sent, later)
        watch = Watch(self._settings, lambda: feed.sent)
        try:
            found = self._storm(feed, watch, wanted)
        finally:
            feed.stop()
            watch.stop()
        self.crew.dismiss_all(_PATIENCE_S)
        return found

    def _storm(self, feed: Feed, watch: Watch, wanted: int) -> Disturbed:
        begun = time.monotonic()
        storm = Storm(self._plan, self.crew, self._plant, feed, watch, self._rng, self._say)
        storm.run()
        over = time.monotonic()
        self._say("no more accidents; the rest of the lines, and the line that ends all windows")
        feed.finish()
        done = settled(watch, wanted, self.crew, self._say)
        return Disturbed(storm.done, done, watch.longest, over - begun, time.monotonic() - over)
