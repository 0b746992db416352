"""Kafka's errors: which of them pass, and as what one clear line the others reach an operator. Sends nothing.

::

    BrokerError
    ├── Unreachable     no broker answers: it may be back later
    └── Denied          it answers, and this user may not
"""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from stream.errors import BrokerError, Denied
from stream.secret import is_secret
from stream.settings import Settings

UNREACHABLE = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT)
"""No broker answered."""
FENCED = (
    *(KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH),
    KafkaError.FENCED_INSTANCE_ID,
)
"""Somebody else works under the same name, or the broker believes so."""
PASSING = (
    *(KafkaError._MAX_POLL_EXCEEDED, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT),
    KafkaError._DESTROY_BROKER,  # the client has taken a broker off its list
    *(KafkaError._WAIT_COORD, KafkaError.REQUEST_TIMED_OUT, KafkaError.NETWORK_EXCEPTION),
    *(KafkaError.BROKER_NOT_AVAILABLE, KafkaError.REPLICA_NOT_AVAILABLE, KafkaError.OFFSET_NOT_AVAILABLE),
    *(KafkaError.NOT_ENOUGH_REPLICAS, KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND),
    *(KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.NOT_COORDINATOR),
    *(KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION),  # of a topic that was just created, too
    *(KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH),
)
"""Errors after which a consumer goes on by itself, or a request may be repeated."""
LOST = (KafkaError._UNKNOWN_PARTITION, KafkaError._NOENT)
"""What a client answers, at once, of a partition whose broker is away; so it would of one that is not there."""
GONE = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)
"""There is no such topic, or this broker has not heard of it yet."""
DENIED = (
    *(KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED),
    *(KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
    *(KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError._AUTHENTICATION),
)
"""The broker knows who asks, or does not, and does not allow it: to ask again does not help."""


class Unreachable(BrokerError):
    """No broker answers; whoever has time may wait for it."""


def unreachable(settings: Settings, error: KafkaException | KafkaError, listens: bool = False) -> Unreachable:
    """The one line for a broker that does not answer, though something ``listens`` there, perhaps."""
    start = "start one with: tinylogbert broker start, or say where it is with --bootstrap-servers"
    protocol = settings.kafka.get("security.protocol", "PLAINTEXT")
    other = f"what listens there may want another --kafka security.protocol than {protocol}: SASL_SSL, SSL or PLAINTEXT"
    said = settings.hidden(_text(error))
    return Unreachable(f"no Kafka answers at {settings.bootstrap_servers} ({said}); {other if listens else start}")


def refused(settings: Settings, error: KafkaException | KafkaError) -> BrokerError:
    """The one line for any other error of Kafka's."""
    cause = cause_of(error)
    code = cause.code() if cause else None
    if code in UNREACHABLE:
        return unreachable(settings, error)
    if code in PASSING or code in LOST:
        said = settings.hidden(_text(error))
        return Unreachable(f"the Kafka at {settings.bootstrap_servers} cannot do it now ({said}); try again")
    if fenced(error):
        return BrokerError(
            "another worker has taken this one's place: it has the same --worker-id, or this one stood still too long; "
            "what this one had not committed is read again"
        )
    if code in DENIED:
        return Denied(f"Kafka does not allow it: {settings.hidden(_text(error))}")
    if code == KafkaError._INVALID_ARG and (name := next((n for n in settings.kafka if n in _text(error)), None)):
        # A name that Kafka's client does not know may be a misspelt one, and what it was given a secret.
        given = "" if is_secret(name) or "No such" in _text(error) else f"={settings.kafka[name]}"
        return BrokerError(f"Kafka's client cannot use {name}{given}: {settings.hidden(_text(error))}")
    return BrokerError(f"Kafka refuses: {settings.hidden(_text(error))}")


def fenced(error: KafkaException | KafkaError) -> bool:
    """Whether somebody else works under the same name, or the broker believes so."""
    cause = cause_of(error)
    return (cause is not None and cause.code() in FENCED) or "fenced" in _text(error)  # a fatal error has but its text


def cause_of(error: KafkaException | KafkaError) -> KafkaError | None:
    """The error with its code, whichever of Kafka's two kinds it came in; None if it carries only a text."""
    cause = error.args[0] if isinstance(error, KafkaException) else error
    return cause if isinstance(cause, KafkaError) else None


@contextmanager
def kafka_errors(settings: Settings) -> Iterator[None]:
    """Turn Kafka's exceptions, and waiting for an answer in vain, into BrokerError: a command ends with one line."""
    try:
        yield
    except KafkaException as error:
        raise refused(settings, error) from error
    except TimeoutError as error:
        raise Unreachable(f"the Kafka at {settings.bootstrap_servers} does not answer in time; try again") from error


def _text(error: KafkaException | KafkaError) -> str:
    cause = cause_of(error)
    return cause.str() if cause else str(error)
