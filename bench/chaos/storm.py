"""The order of accidents: which, to whom, when, all from one seeded generator. Moments are the machine's, of course."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.chaos.crew import Crew
from bench.chaos.feed import Feed
from bench.chaos.member import Member
from bench.chaos.plan import SESSION_MS, Plan
from bench.chaos.plant import Plant
from bench.chaos.watch import Watch

_PATIENCE_S = 60.0
_MOST_JOINED = 3
_PATIENT = 0.8  # so often, the next one dies only once lines were scored since the accident before
_SHARES = {"at work": 0.7, "starting": 0.1, "taking over": 0.2}  # at which moment a daemon is killed


@dataclass
class Done:
    """What happened: accidents by kind, kills by moment; processor time of daemons while the broker was away."""

    accidents: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    outage_cpu_s: float = 0.0
    outage_daemon_s: float = 0.0
    out_of_time: bool = False


class Storm:
    """``run`` it once; ``say`` is told each accident."""

    def __init__(
        self,
        plan: Plan,
        crew: Crew,
        plant: Plant,
        feed: Feed,
        watch: Watch,
        rng: random.Random,
        say: Callable[[str], None],
    ) -> None:
        self.done = Done()
        self._plan = plan
        self._crew = crew
        self._plant = plant
        self._feed = feed
        self._watch = watch
        self._scored = 0  # at the last accident
        self._rng = rng
        self._say = say
        self._left = Counter(
            {
                "kill": plan.kills,
                "freeze": plan.freezes,
                "broker": plan.broker_kills,
                "join": plan.joins,
                "leave": plan.joins,
            }
        )

    def run(self) -> None:
        """All accidents, one after the other, until none is left or time is over."""
        deadline = time.monotonic() + 60 * self._plan.minutes
        while self._left.total():
            if time.monotonic() > deadline:
                self.done.out_of_time = True
                return
            self._feed.allow((self.done.accidents.total() + 1) / self._plan.accidents)
            self._crew.wait(lambda: False, self._rng.uniform(0.1, 1.0))
            getattr(self, f"_{self._choose()}")()

    def _choose(self) -> str:
        """The next kind, by how many of each are left; as many workers come as go."""
        workers = len(self._crew.members)
        fits = {
            **self._left,
            "join": self._left["join"] * (workers < self._plan.workers + _MOST_JOINED),
            "leave": self._left["leave"] * (workers > self._plan.workers or not self._left["join"]),
        }
        return self._rng.choices(list(fits), [fits[kind] for kind in fits])[0]

    def _happens(self, kind: str, what: str) -> None:
        self._left[kind] -= 1
        self._scored = self._watch.scored
        self.done.accidents[kind] += 1
        number, feed, watch = self.done.accidents.total(), self._feed, self._watch
        where = f"{feed.sent:,} lines sent, {len(watch.closed):,} windows closed"
        self._say(f"{number}/{self._plan.accidents} {what}; {where}")

    # ── a daemon dies ──

    def _kill(self) -> None:
        moment = self._rng.choices(list(_SHARES), list(_SHARES.values()))[0]
        victim = self._starting(moment) if moment != "at work" else None
        if victim is None:
            moment, victim = "at work", self._working()
        self._strike(victim, moment)

    def _strike(self, victim: Member, moment: str) -> None:
        long = self._rng.random() < 0.1  # longer than a session: even a named one's partitions go to others
        pause = self._rng.uniform(6, 10) if long else self._rng.uniform(0, 1)
        self._crew.kill(victim, pause)
        self.done.kills[moment] += 1
        self._happens("kill", f"SIGKILL of {victim.name} ({moment}), back in {pause:.1f} s")

    def _working(self) -> Member:
        """One that has partitions, some time after it got them; if nobody has any, anyone."""
        self._going_on()
        self._crew.wait(lambda: False, self._rng.uniform(0, 1.5))
        return self._rng.choice(self._crew.at_work or self._crew.running or self._crew.members)

    def _going_on(self) -> None:
        """Wait until somebody has partitions, mostly also until lines were scored again, a minute at most."""
        patient = self._rng.random() < _PATIENT
        self._crew.wait(
            lambda: bool(self._crew.at_work and (not patient or self._watch.scored > self._scored)), _PATIENCE_S
        )

    def _starting(self, moment: str) -> Member | None:
        """One that is starting, or that has just come to its work and takes partitions over; None if there is none."""
        candidates = self._crew.starting
        if not candidates:
            return None
        victim = self._rng.choice(candidates)
        if moment == "taking over":
            self._crew.wait(lambda: victim.begun or victim not in self._crew.starting, _PATIENCE_S)
        self._crew.wait(lambda: False, self._rng.uniform(0, 0.7))
        return victim if victim in self._crew.running else None

    # ── a daemon stands still ──

    def _freeze(self) -> None:
        """SIGSTOP, as a machine that swaps or a virtual one that is moved: others take its partitions over, or one of
        the same name its place, and then it goes on with what it had in hand.
        """
        victim = self._working()
        if victim not in self._crew.running:
            return
        victim.signal(signal.SIGSTOP)
        if victim.worker_id:
            self._happens("freeze", f"SIGSTOP of {victim.name}, another starts under its name")
            heir = self._crew.inherit(victim)
            self._crew.wait(lambda: bool(heir.held), _PATIENCE_S)
            self._crew.wait(lambda: False, self._rng.uniform(0, 2))
            self._crew.wake(victim, _PATIENCE_S)
        else:
            pause = self._rng.uniform(1, 2) * SESSION_MS / 1000
            self._happens("freeze", f"SIGSTOP of {victim.name} for {pause:.1f} s")
            self._crew.wait(lambda: False, pause)
            victim.signal(signal.SIGCONT)

    # ── the broker dies ──

    def _broker(self) -> None:
        self._going_on()
        settled = {member: member.cpu_s() for member in self._crew.at_work}
        self._plant.kill()
        begun = time.monotonic()
        pause = self._rng.uniform(0, 2) if self._rng.random() < 0.7 else self._rng.uniform(4, 12)
        self._happens("broker", f"SIGKILL of the broker, back in {pause:.1f} s and its start")
        self._crew.wait(lambda: False, pause)
        if self._left["kill"] and self._crew.running and self._rng.random() < 0.3:
            self._strike(self._rng.choice(self._crew.running), "broker away")
        self._plant.start()
        for member, before in settled.items():
            after = member.cpu_s()
            if before is not None and after is not None and after >= before:
                self.done.outage_cpu_s += after - before
                self.done.outage_daemon_s += time.monotonic() - begun

    # ── workers come and go ──

    def _join(self) -> None:
        self._happens("join", f"{self._crew.hire().name} joins")

    def _leave(self) -> None:
        """One that has come to its work leaves: before that, Python itself would end of the signal."""
        self._crew.wait(lambda: any(member.begun for member in self._crew.running), _PATIENCE_S)
        member = self._rng.choice([member for member in self._crew.running if member.begun] or self._crew.members)
        self._happens("leave", f"{member.name} leaves")
        self._crew.dismiss(member, _PATIENCE_S)
