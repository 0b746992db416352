"""Puts dead letters back to the topic that they came from, each once, whatever is killed and whoever does the same.

1. Begin as the transactional producer of this dead-letter topic: an earlier one is fenced, what it left open is undone.
2. Only then read which letters have a receipt: nobody else can add one any more.
3. Send the lines of letters that have none, each with its receipt, some hundreds in one transaction.

The name of the producer is that of the topic and not of a consumer group: the receipts are the topic's, and two people
who name different groups must not put the same letter back twice.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from stream.errors import BrokerError
from stream.kafka.clients import MAX_MESSAGE_BYTES, new_producer, partitions_of
from stream.kafka.letters import Letter, Letters, Place, Told
from stream.kafka.messages import LABEL, Record, receipt
from stream.kafka.refusals import FENCED, kafka_errors, refused
from stream.settings import Settings

_LETTERS = 500
_BYTES = 8 * 1024 * 1024
_TIMEOUT_S = 60.0
_TRANSACTION_MS = 20_000  # so long do readers of the topics wait for what a killed one left open
_LEAVE_S = 5.0


@dataclass(frozen=True)
class Wanted:
    """Which letters are to be put back: of these reasons, or all if there are none; of these places, with these values,
    if ``repaired`` is given; where to, if it is not the topic they came from.
    """

    reasons: frozenset[str] = frozenset()
    repaired: Mapping[Place, bytes | None] | None = None
    to: str | None = None

    def __contains__(self, letter: Letter) -> bool:
        chosen = self.repaired is None or letter.place in self.repaired
        return chosen and (not self.reasons or letter.header("reason") in self.reasons)

    def value(self, letter: Letter) -> bytes | None:
        """The bytes to put back: repaired, or untouched."""
        return letter.value if self.repaired is None else self.repaired[letter.place]


@dataclass
class Outcome:
    """How many letters were put back, by reason and by topic; which ones were ``before``; how many came from
    ``elsewhere``, neither the raw nor the lines topic; and which are ``unknown``: repaired, but not in the topic.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)
    elsewhere: Counter[str] = field(default_factory=Counter)
    before: list[Place] = field(default_factory=list)
    unknown: list[Place] = field(default_factory=list)

    @property
    def put_back(self) -> int:
        """Letters that were put back."""
        return self.topics.total()


def put_back(settings: Settings, admin: AdminClient, wanted: Wanted, told: Told = lambda _passed, _of: None) -> Outcome:
    """Put back what is wanted and was not put back before; raise BrokerError if Kafka refuses or another one begins.

    What was committed by then stays, and another call does the rest.
    """
    with _Desk(settings) as desk:
        outcome = Outcome()
        for letter, record in _chosen(settings, admin, wanted, outcome, told):
            desk.put(letter, record)
        return outcome


def would_put_back(
    settings: Settings, admin: AdminClient, wanted: Wanted, told: Told = lambda _passed, _of: None
) -> Outcome:
    """What ``put_back`` would do by now; disturbs nobody."""
    outcome = Outcome()
    for _ in _chosen(settings, admin, wanted, outcome, told):
        pass
    return outcome


def _chosen(
    settings: Settings, admin: AdminClient, wanted: Wanted, outcome: Outcome, told: Told
) -> Iterator[tuple[Letter, Record]]:
    """The letters that are to be put back, each with its line; the others are counted."""
    names = (
        (wanted.to,) if wanted.to else (settings.raw_topic, *(() if settings.keyed_input else (settings.lines_topic,)))
    )
    partitions = {name: len(partitions_of(admin, settings, name)) for name in names}
    letters = Letters(settings, admin, told)
    missing = set(wanted.repaired or ())
    for letter in letters:
        if letter not in wanted:
            continue
        missing.discard(letter.place)
        topic = wanted.to or letter.header("source_topic")
        if letter.put_back:
            outcome.before.append(letter.place)
        elif topic not in partitions:
            outcome.elsewhere[topic] += 1
        else:
            outcome.reasons[letter.header("reason")] += 1
            outcome.topics[topic] += 1
            yield letter, _line(letter, wanted, topic, partitions[topic])
    for place in sorted(missing):
        (outcome.before if letters.was_put_back(place) else outcome.unknown).append(place)


def _line(letter: Letter, wanted: Wanted, topic: str, partitions: int) -> Record:
    """The line as it was: where it came from, into its partition, for whoever wrote it had a way of choosing one."""
    source = letter.header("source_partition")
    stays = wanted.to is None and source.isdigit() and int(source) < partitions
    headers = [(name, value) for name, value in letter.headers if name == LABEL]
    return Record(topic, letter.key, wanted.value(letter), headers, int(source) if stays else None)


def _size(letter: Letter) -> int:
    return len(letter.value or b"")


class _Desk:
    """The one that puts back; of two at work on one topic, the later one. Commits at the end of the block."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open = False
        self._letters = self._bytes = 0
        self._refused: tuple[Letter, KafkaError] | None = None
        self._producer: Producer = new_producer(
            settings,
            **{
                "transactional.id": f"{settings.dead_letter_topic}-replay",
                "transaction.timeout.ms": _TRANSACTION_MS,
                "linger.ms": 5,
                "retry.backoff.ms": 20,  # one commit soon after another finds the first still being written
                "message.max.bytes": 4 * MAX_MESSAGE_BYTES,  # the broker decides
            },
        )

    def __enter__(self) -> "_Desk":
        with kafka_errors(self._settings):
            self._producer.list_topics(timeout=_TIMEOUT_S)  # without a connection it would idle for half a second
            self._producer.init_transactions(_TIMEOUT_S)
        return self

    def put(self, letter: Letter, line: Record) -> None:
        """Send a line and the letter's receipt in one transaction."""
        try:
            if not self._open:
                self._producer.begin_transaction()
                self._open = True
            for record in (line, receipt(self._settings.dead_letter_topic, letter.partition, letter.offset)):
                self._produce(letter, record)
        except KafkaException as error:
            raise self._why(letter, error) from error
        self._letters += 1
        self._bytes += len(line.value or b"")
        if self._letters >= _LETTERS or self._bytes >= _BYTES:
            self._commit()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._commit()
        elif self._open:
            with suppress(KafkaException):  # it is undone by its timeout, or by the next one
                self._producer.abort_transaction(_LEAVE_S)

    def _produce(self, letter: Letter, record: Record) -> None:
        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None and (self._refused is None or _size(letter) > _size(self._refused[0])):
                self._refused = letter, error  # a batch is refused as a whole, and mostly for the largest in it

        topic, key, value, headers, partition = record
        place = {} if partition is None else {"partition": partition}
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers, on_delivery=delivered, **place)
                return
            except BufferError:
                self._producer.poll(0.1)

    def _commit(self) -> None:
        if not self._open:
            return
        try:
            self._producer.commit_transaction(_TIMEOUT_S)
        except KafkaException as error:
            raise self._why(None, error) from error
        self._open = False
        self._letters = self._bytes = 0

    def _why(self, letter: Letter | None, error: KafkaException) -> BrokerError:
        cause = self._cause(error)
        if cause.code() in FENCED or "fenced" in cause.str().lower():
            return BrokerError(
                f"somebody else has begun to put back letters of {self._settings.dead_letter_topic}; "
                "what is committed stays, and a second try does the rest"
            )
        if self._refused:
            letter, cause = self._refused
        name = f"letter {letter.partition}/{letter.offset}; " if letter else ""
        text = str(refused(self._settings, cause))
        return BrokerError(f"{text} ({name}what is committed stays, and a second try does the rest)")

    def _cause(self, error: KafkaException) -> KafkaError:
        """A fatal error keeps its cause to itself; the next call tells it."""
        cause: KafkaError = error.args[0]
        if cause.code() == KafkaError._FATAL:
            try:
                self._producer.abort_transaction(_LEAVE_S)
            except KafkaException as fatal:
                cause = fatal.args[0]
        return cause
