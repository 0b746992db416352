"""What a worker is to its consumer group, and what its name is for.

A worker is a member of a consumer group. Without ``worker_id`` it has a random name, as Kafka Streams' processes have:
two workers can never be taken for one, and a zombie is fenced all the same, since every commit carries the group's
metadata (KIP-447). What it costs: after a sudden death the group waits for the session's end, 10 s, and the broker as
long again for the open transaction. With ``worker_id``, which must be the same after a restart and unlike all others
(the name of a pod in a StatefulSet), it is a static member (KIP-345) with a transactional id of its own: the restarted
worker takes over at once, and whoever still runs under that name is fenced and ends. In return the group does not
notice at once that it ended in good order: its partitions wait those 10 s for its return.

Which of two workers with one name is the later one, they read in a register (``stream.kafka.claim``).
"""

from typing import Any

from stream.kafka.confirmed import Confirmed
from stream.kafka.patience import Patience
from stream.kafka.sending import Sending
from stream.kafka.transaction import Transactions
from stream.settings import Settings

_SESSION_MS = 10_000
_HEARTBEAT_MS = 1_000  # how soon a member hears that others come or go
_JUDGING_MS = 2 * 60_000  # the longest time between two polls: a slice of windows, all anomalous and none known


def membership(settings: Settings) -> dict[str, Any]:
    """Properties of the worker's consumer."""
    static = {"group.instance.id": settings.worker_id} if settings.worker_id else {}
    return {
        "group.id": settings.group_id,
        "session.timeout.ms": _SESSION_MS,
        "heartbeat.interval.ms": _HEARTBEAT_MS,
        "max.poll.interval.ms": _JUDGING_MS,
        **static,
    }


def new_sending(settings: Settings, patience: Patience) -> Sending:
    """The worker's way out, with the guarantee that is asked for."""
    exactly_once = settings.guarantee == "exactly-once"
    return Transactions(settings, patience) if exactly_once else Confirmed(settings, patience)
