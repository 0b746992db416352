"""What the server is made of, handed to whatever answers requests."""

from dataclasses import dataclass, field
from datetime import tzinfo
from zoneinfo import ZoneInfo

from stream.kafka.blocklines import BlockLines
from stream.logs import Log
from stream.metrics.server import ServerMetrics
from stream.serve.daemon import DaemonMetrics
from stream.serve.desk import Desk
from stream.serve.following import Following
from stream.serve.grading import Grading
from stream.serve.pulse import PulseTaker
from stream.serve.rate import Rate
from stream.serve.store import Store
from stream.serve.token import Token
from stream.settings import Settings


@dataclass(frozen=True)
class Parts:
    """One of each; they are started and ended by ``stream.serve.run``."""

    settings: Settings
    log: Log
    store: Store
    following: Following
    pulse: PulseTaker
    desk: Desk
    block_lines: BlockLines
    daemon: DaemonMetrics
    rate: Rate
    grading: Grading
    token: Token | None = field(default=None, repr=False)
    local: bool = True
    metrics: ServerMetrics = field(default_factory=ServerMetrics)

    @property
    def zone(self) -> tzinfo:
        """In which log stamps are read that name none."""
        return ZoneInfo(self.settings.timezone)

    def checks(self) -> dict[str, str]:
        """``ok`` or what is wrong: with the broker, the topics, the scored topic's reading, and the checkpoint."""
        pulse = self.pulse.now
        reading = self.following.error or (None if self.following.caught_up else "reading what is there already")
        failed = self.desk.failed
        checkpoint = str(failed) if failed else None if self.desk.scorer else "being loaded"
        found = {"broker": pulse.broker, "topics": pulse.topics, "scores": reading, "checkpoint": checkpoint}
        return {name: wrong or "ok" for name, wrong in found.items()}
