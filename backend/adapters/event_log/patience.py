"""Asking Kafka of a topic that was made a moment ago, of which its brokers still tell each other."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from backend.domain.errors import Unavailable

PATIENCE_SECONDS = 45.0

NOT_YET = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNKNOWN_LEADER_EPOCH,  # the controller's news of a leader came here before it came to the broker
    KafkaError._NOENT,  # librdkafka's own "No leaders found": not one partition has its leader yet
}
"""What brokers, and librdkafka for them, answer for a topic that was made a moment ago."""


Result = TypeVar("Result")


def patiently(ask: Callable[[], "list[Future[Result]]"]) -> list[Result]:
    """The results, asked again while the brokers are still telling each other about a topic. Raises Unavailable."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return [future.result() for future in ask()]
        except KafkaException as error:
            if error.args[0].code() not in NOT_YET or time.monotonic() > deadline:
                raise Unavailable(f"Kafka did not answer for its topics: {error}") from error
            time.sleep(0.2)
