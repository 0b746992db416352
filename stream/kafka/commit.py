"""A commit: everything since the last one happens, or nothing of it. The order of its steps is what it is about.

Every commit interval, of what was read since the last one:

1. Tell the lines partitions how far each raw partition has come (control records behind the routed lines).
2. Everything that was routed is sent by now: the transaction of the route stage is complete.
3. Add the offsets of the raw topic to it, with the metadata of the group, which fences a worker that lost them.
4. Commit it. Routed lines and their offsets are visible together.
5. Judge what is due, while no transaction is open: it may take longer than one may be open.
6. Send events, anomalies, dead letters and changes of state: the transaction of the score stage.
7. Add the offsets of the lines topic to it, as in 3.
8. Commit it. Events, state and offsets are visible together.

Where 3, 4, 7 or 8 fail, nothing of that transaction has happened, but the memory is ahead of it. So then:

9. Throw away what the stages know, and fetch offsets and changelog again.
10. Read on from those offsets.

Route and score have each a transaction of their own, since 5 lies between them; what is routed and not scored yet waits
in the lines topic. With ``--guarantee at-least-once`` the steps are the same, but 3 and 7 wait until the records are
confirmed, and nothing makes 4 and 8 one with them.
"""

import time
from collections import Counter
from collections.abc import Callable

from confluent_kafka import Consumer

from stream.distribution import Distribution
from stream.errors import BrokerError
from stream.kafka.held import Held
from stream.kafka.route import RouteStage
from stream.kafka.score import ScoreStage
from stream.kafka.sending import Aborted, Sending
from stream.logs import Log
from stream.settings import Settings

_MOST_ABORTS = 5
_PAUSE_S = 0.1
_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Committer:
    """Takes the steps for the stages that there are. ``stale``: memory and positions are ahead of what is committed."""

    def __init__(
        self,
        settings: Settings,
        stages: tuple[RouteStage | None, ScoreStage | None],
        held: Held,
        sending: Sending,
        log: Log,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stale = False
        self.aborts: dict[str, int] = {}  # by the topic that was read, since its last commit
        self.aborted: Counter[str] = Counter()  # by the topic that was read, since the start
        self.seconds: dict[str, Distribution] = {}  # of each commit, by the topic that was read
        self.judging = Distribution(_SECONDS)  # time of step 5, and 6
        self.reset_at = 0.0
        self._settings = settings
        self._route, self._score = stages
        self._held = held
        self._sending = sending
        self._log = log
        self._clock = clock
        self._reads = settings.raw_topic  # what the open transaction is made of

    def commit(self, consumer: Consumer, now: float) -> None:
        """Take steps 1 to 8; ``now`` is the stages' clock, in s. Raises Aborted; nothing may be read before a reset."""
        if self._route:
            self._route.tell(now, self._sending.emit)  # [1] [2]
            self._finish(consumer, self._settings.raw_topic)  # [3] [4]
        if self._score:
            self._reads = self._settings.input_topic
            begun = self._clock()
            self._score.publish(now, self._sending.emit)  # [5] [6]
            self.judging.see(self._clock() - begun)
            self._finish(consumer, self._settings.input_topic)  # [7] [8]
            self._score.committed()
            self._reads = self._settings.raw_topic

    def try_to(self, consumer: Consumer, now: float) -> None:
        """Commit, unless the memory is stale; if it is aborted, make it stale."""
        if not self.stale:
            try:
                self.commit(consumer, now)
            except Aborted as aborted:
                self.failed(aborted)

    def failed(self, aborted: Aborted) -> None:
        """Note that steps 9 and 10 are due, at ``reset_at``; raise BrokerError if it fails again and again."""
        self.stale = True
        topic, self._reads = self._reads, self._settings.raw_topic
        self.aborted[topic] += 1
        aborts = self.aborts[topic] = self.aborts.get(topic, 0) + 1
        self._log.warning("transaction aborted, its input is read again", input=topic, error=str(aborted))
        if aborts >= _MOST_ABORTS:
            raise BrokerError(f"{topic}: {aborts} transactions in a row were aborted, the last one: {aborted}")
        self.reset_at = self._clock() + _PAUSE_S * 2 ** (aborts - 1)

    def _finish(self, consumer: Consumer, topic: str) -> None:
        if self._sending.open or self._held.moved(topic):
            begun = self._clock()
            notes = self._route.notes() if self._route and topic == self._settings.raw_topic else {}
            self._sending.commit(consumer, self._held.offsets(topic, notes))
            self._held.committed(topic)
            self.seconds.setdefault(topic, Distribution(_SECONDS)).see(self._clock() - begun)
            self.aborts.pop(topic, None)
