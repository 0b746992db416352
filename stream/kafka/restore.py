"""Brings the stages of a worker to where the last commit left their partitions: offsets and windows."""

import time

from confluent_kafka import Consumer, TopicPartition

from stream.distribution import Distribution
from stream.errors import StateError
from stream.kafka.changelog import read_changelog, way_out
from stream.kafka.clients import committed_offsets, new_admin, offsets_of, partitions_of
from stream.kafka.route import RouteStage
from stream.kafka.score import ScoreStage
from stream.logs import Log
from stream.settings import Settings

_TELL_S = 5.0
_ONCE_S = 0.0  # who waits for the broker, and hears a signal meanwhile, is the caller
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Restorer:
    """Gives partitions to the stages, and reads the changelog of those that are scored; logs what takes long."""

    def __init__(self, settings: Settings, route: RouteStage | None, score: ScoreStage | None, log: Log) -> None:
        self._settings = settings
        self._route = route
        self._score = score
        self._log = log
        self._next_told = 0.0
        self.records = 0
        self.seconds = Distribution(_SECONDS)  # of each time that changelogs were read

    def count(self) -> None:
        """Look for partitions that were added while the daemon runs: a rebalance follows, which is when to call this.

        To the raw topic they may be. Raises StateError if they were added to the lines topic.
        """
        topic = self._settings.input_topic
        admin = new_admin(self._settings)
        now = len(partitions_of(admin, self._settings, topic))
        stages = [stage for stage in (self._route, self._score) if stage]
        for stage in stages:
            if stage.inputs not in (None, now):
                raise StateError(
                    f"{topic} had {stage.inputs} partitions when this daemon began and has {now} now: the lines of a "
                    f"block may go to another partition than its open window, which would be split; "
                    f"{way_out(self._settings)}"
                )
        if self._route:
            self._route.sources = len(partitions_of(admin, self._settings, self._settings.raw_topic))

    def take(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Let the stages begin anew with these partitions; return them with their committed offsets.

        Raises StateError, naming partition and record, for a changelog that cannot be read or does not fit;
        KafkaException where there is no answer at once, Unreachable where the changelog stays away.
        """
        if not partitions:
            return []
        committed = committed_offsets(consumer, partitions, _ONCE_S)  # first: only then is the changelog whole
        self._tell_lost(consumer, committed)
        inputs = []
        for place in committed:
            if self._route and place.topic == self._settings.raw_topic:
                self._route.assign(place.partition, place.offset, place.metadata)
            else:
                inputs.append(place.partition)
        if self._score and inputs:
            self._restore(self._score, inputs)
        return committed

    def _tell_lost(self, consumer: Consumer, places: list[TopicPartition]) -> None:
        """Kafka deletes by age and size, read or not. Nothing brings it back, but somebody has to know."""
        for place in places:
            if place.offset >= 0 and (lost := offsets_of(consumer, place, _ONCE_S)[0] - place.offset) > 0:
                self._log.warning("deleted before it was read", topic=place.topic, partition=place.partition, lost=lost)

    def _restore(self, score: ScoreStage, partitions: list[int]) -> None:
        begun = time.monotonic()
        self._next_told = begun + _TELL_S
        admin = new_admin(self._settings)  # one that has seen brokers come and go may hold on to what it knew
        filling = _Filling(self._settings, score, partitions)
        read_changelog(self._settings, admin, partitions, filling.take, self._told)
        filling.finish()
        seconds = round(time.monotonic() - begun, 3)
        self.records += filling.read
        self.seconds.see(seconds)
        if filling.read:
            self._log.info("restored", partitions=sorted(partitions), records=filling.read, seconds=seconds)

    def _told(self, passed: int, of: int) -> None:
        if time.monotonic() >= self._next_told:
            self._next_told = time.monotonic() + _TELL_S
            self._log.info("restoring", records=passed, of=of)


class _Filling:
    """Tasks that take their records over as they come. What is damaged does no harm if a later record replaces it."""

    def __init__(self, settings: Settings, score: ScoreStage, partitions: list[int]) -> None:
        self.read = 0
        self._settings = settings
        self._score = score
        self._tasks = {number: score.new_task(number) for number in partitions}
        self._damaged: dict[tuple[int, bytes], StateError] = {}

    def take(self, partition: int, offset: int, key: bytes, value: bytes | None) -> None:
        """Take one record over."""
        self.read += 1
        try:
            self._tasks[partition].take(key, value)
        except StateError as error:
            self._damaged[partition, key] = self._named(error, partition, offset)
        else:
            if self._damaged:
                self._damaged.pop((partition, key), None)

    def finish(self) -> None:
        """Give the tasks to the stage; raise StateError, with place and way out, if one cannot be trusted."""
        for error in self._damaged.values():
            raise error
        for partition, task in self._tasks.items():
            try:
                task.restored()
            except StateError as error:
                raise self._named(error, partition) from error
            self._score.assign(partition, task)

    def _named(self, error: StateError, partition: int, offset: int | None = None) -> StateError:
        place = f"{self._settings.windows_topic}, partition {partition}{'' if offset is None else f', offset {offset}'}"
        return StateError(f"{place}: {error}; {way_out(self._settings)}", error.key)
