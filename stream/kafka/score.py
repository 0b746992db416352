"""The score stage: lines keyed by block → windows → events. One ``WindowTask`` a partition.

Sends nothing itself: ``publish`` gives all records of a commit to ``emit``, and only once everything is judged, since
judging may take longer than a transaction may be open. The time that went by, in s, comes in.
"""

from collections import Counter
from collections.abc import Iterable

from stream.drift import Drift
from stream.kafka.intake import Intake, Slot
from stream.kafka.messages import Emit, Message, Record, event_value
from stream.kafka.pace import Pace
from stream.kafka.tally import Tally
from stream.lines import LineReader
from stream.scoring import Measured, Remembers, Scorer, Work
from stream.settings import Settings
from stream.windows.judge import Judged
from stream.windows.task import WindowTask


class ScoreStage:
    """The input partitions of one worker; ``inputs`` counts those of the whole topic, None if that is not known."""

    def __init__(self, settings: Settings, scorer: Scorer, reader: LineReader, inputs: int | None = None) -> None:
        self.settings = settings
        self.inputs = inputs
        self.bytes = self.scored = self.anomalies = 0
        self.published = Tally()  # by what is committed
        self._publishing = Tally()
        self._past: Counter[str] = Counter()  # figures of partitions that it does not hold any more
        self._scorer = scorer
        self._reader = reader
        self._intake = Intake(settings, reader, inputs)
        self._slots: dict[int, Slot] = {}
        self._turn = 0
        self._pace = Pace()
        self.drift = Drift()  # of the windows that this worker closed
        self._closed: list[float] = []  # p-values that the commit under way publishes

    @property
    def partitions(self) -> list[int]:
        """The partitions that it holds."""
        return list(self._slots)

    @property
    def lines(self) -> int:
        """Lines that were read."""
        return self._intake.lines

    @property
    def no_block(self) -> int:
        """Lines of them that name no block."""
        return self._intake.no_block

    @property
    def dead_by(self) -> Counter[str]:
        """Dead letters by reason; to be read only."""
        return self._intake.dead_by

    @property
    def open_windows(self) -> int:
        """Open windows of all partitions."""
        return sum(len(slot.task.store) for slot in self._slots.values())

    @property
    def dead(self) -> int:
        """Dead letters."""
        return self.dead_by.total()

    @property
    def evicted(self) -> int:
        """Windows that closed because too many were open: they depend on the number of partitions."""
        return self._past["evicted"] + sum(slot.task.store.evicted for slot in self._slots.values())

    @property
    def late(self) -> int:
        """Lines that came later than the lateness."""
        return self._past["late"] + sum(slot.task.store.late for slot in self._slots.values())

    @property
    def jumps(self) -> int:
        """Lines whose time was too far ahead to be followed; of unkeyed input the route stage counts them."""
        return self._past["jumps"] + sum(slot.task.clock.jumps for slot in self._slots.values())

    @property
    def remembered(self) -> float | None:
        """The share of windows whose score was remembered; None if the scorer does not say."""
        return self._scorer.remembered if isinstance(self._scorer, Remembers) else None

    @property
    def work(self) -> Work | None:
        """What the scorer has done since it was loaded; None if it does not say."""
        return self._scorer.work if isinstance(self._scorer, Measured) else None

    @property
    def checkpoint(self) -> str:
        """Name of what scores now."""
        return self._scorer.checkpoint

    def new_task(self, partition: int) -> WindowTask:
        """The task of a partition, as it is before its changelog is read."""
        source = (self.settings.input_topic, partition)
        keyed = self.settings.keyed_input
        return WindowTask(
            self.settings.windows, self._scorer, self._reader, source, own_clock=keyed, partitions=self.inputs
        )

    def assign(self, partition: int, task: WindowTask) -> None:
        """Take a partition over, with its task as it is restored."""
        self.revoke(partition)
        self._slots[partition] = Slot(task)

    def task(self, partition: int) -> WindowTask:
        """The task of a partition that it holds."""
        return self._slots[partition].task

    def revoke(self, partition: int) -> None:
        """Forget a partition; its state is in the changelog."""
        if (gone := self._slots.pop(partition, None)) is not None:
            store = gone.task.store
            self._past.update(late=store.late, evicted=store.evicted, jumps=gone.task.clock.jumps)

    def lines_of(self, partition: int, messages: Iterable[Message]) -> None:
        """Window the lines of a partition, or obey control records; what cannot be read becomes a dead letter."""
        self._intake.read(self._slots[partition], messages)

    def look_again(self) -> None:
        """Another checkpoint scores from now on: see ``WindowTask.look_again``."""
        self.drift.restart()
        for slot in self._slots.values():
            slot.task.look_again()

    def at_end(self, partition: int, now: float) -> None:
        """Nothing more is waiting in this partition."""
        slot = self._slots.get(partition)
        if slot is not None and slot.end_since is None:
            slot.end_since = now

    @property
    def waiting(self) -> bool:
        """Whether more windows may be due than the last ``publish`` has judged: it may be called again at once."""
        return any(slot.task.waiting for slot in self._slots.values())

    def publish(self, now: float, emit: Emit) -> None:
        """Judge what is due, then send events, dead letters and changes; call once a commit.

        Where the time jumps, very many windows are due at once. They are judged in slices, over all partitions in turn,
        so that offsets and alarms need not wait for the last of them.
        """
        judged = self._judged(now)
        self._closed, self._publishing = [], Tally()  # what an aborted commit closed is closed again
        for partition, slot in self._slots.items():
            letters, slot.letters = slot.letters, []
            for letter in letters:
                emit(letter)
            for event in judged[partition]:
                self._publish(event, emit)
            for key, value in slot.task.changes():
                emit(Record(self.settings.windows_topic, key, value, None, partition))

    def committed(self) -> None:
        """What ``publish`` sent is committed."""
        for p_value in self._closed:
            self.drift.see(p_value)
        self.published.add(self._publishing)
        self._closed, self._publishing = [], Tally()

    def _judged(self, now: float) -> dict[int, list[Judged]]:
        judged = {}
        left = self._pace.slice(now, self.waiting)
        slots = list(self._slots.items())
        first = self._turn % max(len(slots), 1)
        for partition, slot in (*slots[first:], *slots[:first]):
            judged[partition] = self._judge(slot, now, left)
            left = max(left - slot.task.judged, 0)
        self._turn += 1
        return judged

    def _judge(self, slot: Slot, now: float, most: int) -> list[Judged]:
        if slot.end_since is not None:
            idle = int((now - slot.end_since) * 1000)
            if idle >= self.settings.idle_after:
                slot.task.settle()
            slot.task.idle(idle, most)
        return slot.task.events(most)

    def _publish(self, judged: Judged, emit: Emit) -> None:
        self.scored += 1
        self._publishing.see(judged.event)
        value = event_value(judged.event)
        emit(Record(self.settings.scores_topic, judged.key, value))
        if judged.event["status"] == "closed":
            self._closed.append(judged.event["p_value"])
        if judged.event["anomalous"]:
            self.anomalies += 1
            emit(Record(self.settings.anomalies_topic, judged.key, value))
