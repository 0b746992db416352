"""All daemons: started, killed, started again after a while; one that ends by itself is noted, and started again."""

import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.chaos.member import FENCED, Member, Tally, command
from stream.errors import BrokerError

_TICK_S = 0.05
_NO_BROKER = "no Kafka answers at"
_MOST_FINDINGS = 20


@dataclass
class Crew:
    """``findings`` are daemons that ended with an error; ``refusals`` counts those that found no broker at their start
    and said so, when ``no_broker`` says that this may be.
    """

    folder: Path
    scorer: str
    flags: Sequence[str]
    rng: random.Random
    no_broker: Callable[[], bool]
    say: Callable[[str], None]
    tally: Tally = field(default_factory=Tally)
    members: list[Member] = field(default_factory=list)
    zombies: list[Member] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    refusals: int = 0
    _restarts: list[tuple[float, Member]] = field(default_factory=list)
    _hired: int = 0
    _heirs: int = 0

    def hire(self) -> Member:
        """Start one more; every other one has a name that it keeps over its deaths."""
        name = f"worker-{self._hired}"
        member = Member(name, None if self._hired % 2 else name, self.folder / f"{name}.log", self.tally)
        self._hired += 1
        self._start(member)
        self.members.append(member)
        return member

    def kill(self, member: Member, pause_s: float) -> None:
        """SIGKILL one, and start it again that much later."""
        member.look()
        member.kill()
        member.held.clear()
        self._restarts.append((time.monotonic() + pause_s, member))

    def inherit(self, member: Member) -> Member:
        """Start another under the name of one that stands still, which is from now on no member but a zombie."""
        self._heirs += 1
        log = self.folder / f"{member.worker_id}-heir-{self._heirs}.log"
        heir = Member(f"{member.worker_id} (heir {self._heirs})", member.worker_id, log, self.tally)
        self.members[self.members.index(member)] = heir
        self.zombies.append(member)
        self._start(heir)
        return heir

    def wake(self, zombie: Member, patience_s: float) -> None:
        """Let it go on; note it if it does not end itself and say why."""
        zombie.signal(signal.SIGCONT)
        self.wait(lambda: zombie.exit_code() is not None, patience_s)
        zombie.look()
        if zombie.exit_code() != 1 or FENCED not in zombie.words:
            self._found(f"{zombie.name}, a zombie, ended with {zombie.exit_code()}: {zombie.words}")
            zombie.kill()
        self.zombies.remove(zombie)

    def dismiss(self, member: Member, patience_s: float) -> None:
        """SIGTERM one for good; note it if it does not end in good order."""
        self.members.remove(member)
        member.signal(signal.SIGTERM)
        self.wait(lambda: member.exit_code() is not None, patience_s)
        member.look()
        if (code := member.exit_code()) != 0:
            how = "did not end" if code is None else f"ended with {code}"
            self._found(f"{member.name}, told to leave, {how}: {member.words}")
            member.kill()

    def dismiss_all(self, patience_s: float) -> None:
        """SIGTERM all, one after the other, each once it has come to its work."""
        for member in list(self.members):
            self.wait(lambda member=member: member.begun and member in self.running, patience_s)  # type: ignore[misc]
            self.dismiss(member, patience_s)

    def look(self) -> None:
        """Read the logs, note who ended by itself, and start whom it is time to start."""
        now = time.monotonic()
        for member in self.running:
            member.look()
            if (code := member.exit_code()) is not None:
                member.look()
                self._ended(member, code, now)
        for item in [item for item in self._restarts if item[0] <= now]:
            self._restarts.remove(item)
            self._start(item[1])

    def wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Look after all until the condition holds, or for so long; return whether it holds."""
        deadline = time.monotonic() + seconds
        while not (met := condition()) and time.monotonic() < deadline:
            self.look()
            time.sleep(_TICK_S)
        return met

    def end(self) -> None:
        """Kill all."""
        for member in [*self.running, *self.zombies]:
            member.kill()

    @property
    def running(self) -> list[Member]:
        """Those that are not waiting to be started again."""
        waiting = [member for _, member in self._restarts]
        return [member for member in self.members if member not in waiting]

    @property
    def at_work(self) -> list[Member]:
        """Those that hold partitions."""
        return [member for member in self.running if member.held]

    @property
    def starting(self) -> list[Member]:
        """Those that run and hold nothing yet."""
        return [member for member in self.running if not member.held]

    def _start(self, member: Member) -> None:
        member.start(command(self.scorer, self.flags, member.worker_id))

    def _ended(self, member: Member, code: int, now: float) -> None:
        if _NO_BROKER in member.words and not member.begun and self.no_broker():
            self.refusals += 1
        else:
            self._found(f"{member.name} ended by itself with {code}: {member.words}")
        member.held.clear()
        self._restarts.append((now + self.rng.uniform(0.2, 1.0), member))

    def _found(self, what: str) -> None:
        self.findings.append(what)
        self.say(what)
        if len(self.findings) >= _MOST_FINDINGS:
            raise BrokerError(f"{len(self.findings)} daemons ended by themselves; their logs are in {self.folder}")
