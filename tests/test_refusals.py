"""Kafka's errors as an operator reads them."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from stream.errors import BrokerError, Denied
from stream.kafka.refusals import Unreachable, kafka_errors
from stream.settings import load_settings

SETTINGS = load_settings(bootstrap_servers="kafka:9092")


@pytest.mark.parametrize(
    ("raised", "kind", "says"),
    [
        (TimeoutError(), Unreachable, "kafka:9092 does not answer in time"),
        (KafkaException(KafkaError(KafkaError._TRANSPORT)), Unreachable, "no Kafka answers at kafka:9092"),
        (KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE)), Unreachable, "kafka:9092 cannot do it now"),
        (KafkaException(KafkaError(KafkaError._NOENT)), Unreachable, "kafka:9092 cannot do it now"),
        (KafkaException(KafkaError(KafkaError.PRODUCER_FENCED)), BrokerError, "another worker has taken this"),
        (KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)), Denied, "does not allow it"),
        (KafkaException(KafkaError(KafkaError.INVALID_CONFIG)), BrokerError, "Kafka refuses"),
    ],
)
def test_each_kind_of_error_is_one_line(raised: Exception, kind: type[BrokerError], says: str) -> None:
    with pytest.raises(BrokerError, match=says) as caught, kafka_errors(SETTINGS):
        raise raised
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
