"""Brings the stages of a worker to where the last commit left their partitions: offsets and windows."""

import time

from confluent_kafka import Consumer, TopicPartition

from stream.errors import StateError
from stream.kafka.changelog import read_changelog
from stream.kafka.clients import committed_offsets, new_admin
from stream.kafka.route import RouteStage
from stream.kafka.score import ScoreStage
from stream.logs import Log
from stream.settings import Settings

_TELL_S = 5.0


class Restorer:
    """Gives partitions to the stages, and reads the changelog of those that are scored; logs what takes long."""

    def __init__(self, settings: Settings, route: RouteStage | None, score: ScoreStage | None, log: Log) -> None:
        self._settings = settings
        self._route = route
        self._score = score
        self._log = log
        self._next_told = 0.0

    def take(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Let the stages begin anew with these partitions; return them with their committed offsets.

        Raises StateError, naming partition and record, for a changelog that cannot be read; KafkaException.
        """
        if not partitions:
            return []
        committed = committed_offsets(consumer, partitions)  # first: only then is the changelog whole
        inputs = []
        for place in committed:
            if self._route and place.topic == self._settings.raw_topic:
                self._route.assign(place.partition, place.offset, place.metadata)
            else:
                inputs.append(place.partition)
        if self._score and inputs:
            self._restore(self._score, inputs)
        return committed

    def _restore(self, score: ScoreStage, partitions: list[int]) -> None:
        begun = time.monotonic()
        self._next_told = begun + _TELL_S
        admin = new_admin(self._settings)  # one that has seen brokers come and go may hold on to what it knew
        found = read_changelog(self._settings, admin, partitions, self._told)
        for partition, records in found.items():
            try:
                score.assign(partition, records)
            except StateError as error:
                raise StateError(f"{self._settings.windows_topic} partition {partition}: {error}") from error
        if read := sum(map(len, found.values())):
            seconds = round(time.monotonic() - begun, 3)
            self._log.info("restored", partitions=sorted(partitions), records=read, seconds=seconds)

    def _told(self, passed: int, of: int) -> None:
        if time.monotonic() >= self._next_told:
            self._next_told = time.monotonic() + _TELL_S
            self._log.info("restoring", records=passed, of=of)
