"""What is asked for: how many lines, how many accidents of each kind, and the settings of the daemons."""

import uuid
from dataclasses import dataclass
from typing import Literal

from stream.settings import Settings, load_settings

TOPICS = ("raw", "lines", "scores", "anomalies", "dead_letter", "windows")
MAX_JUMP_MS = 1_000 * 86_400_000  # the last line of all moves event time past every window, alone
SESSION_MS = 6_000
TRANSACTION_MS = 6_000
"""A sudden death costs so long, and there are many deaths; a daemon's own are 10 and 20 s (``--kafka`` brings them)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``joins`` counts workers that join, and as many leave; ``minutes`` ends the accidents, not the work."""

    kills: int
    freezes: int
    broker_kills: int
    joins: int
    workers: int
    seed: int
    scorer: Literal["bert", "content"]
    minutes: float

    @property
    def accidents(self) -> int:
        """All that is to happen."""
        return self.kills + self.freezes + self.broker_kills + 2 * self.joins


def daemon_settings(given: Settings, address: str, partitions: int) -> Settings:
    """The settings of all daemons: what was given, topics and a group of their own, and deaths that cost seconds."""
    unique = uuid.uuid4().hex[:6]
    kafka = {"session.timeout.ms": str(SESSION_MS), "transaction.timeout.ms": str(TRANSACTION_MS), **given.kafka}
    own = {
        **{f"{name}_topic": f"chaos-{name}-{unique}" for name in TOPICS},
        "bootstrap_servers": address,
        "group_id": f"chaos-{unique}",
        "partitions": partitions,
        "max_jump": MAX_JUMP_MS,
        "kafka": kafka,
    }
    return load_settings(**{**given.model_dump(exclude_unset=True), **own})


def undisturbed(settings: Settings) -> Settings:
    """The same raw topic for another group, which writes to other topics."""
    names = (f"{name}_topic" for name in TOPICS if name != "raw")
    topics = {name: getattr(settings, name).replace("chaos-", "calm-") for name in names}
    group = settings.group_id.replace("chaos-", "calm-")
    return load_settings(**{**settings.model_dump(exclude_unset=True), **topics, "group_id": group})


def flags(settings: Settings) -> list[str]:
    """Settings that were given, as flags of ``tinylogbert consume``."""
    given = settings.model_dump(exclude_unset=True, exclude={"kafka", "keyed_input", "memo"})
    pairs = [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    return [*pairs, *(f"--kafka={key}={value}" for key, value in settings.kafka.items())]
