"""Making topics in Kafka, and checking the ones that are there."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec, ResourceType

from backend.adapters.event_log.topics import TOPIC_PLANS, TopicPlan
from backend.domain.errors import Unavailable

TIMEOUT_SECONDS = 15

NOT_YET = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNKNOWN_LEADER_EPOCH,  # the controller's news of a leader came here before it came to the broker
    KafkaError._NOENT,  # librdkafka's own "No leaders found": not one partition has its leader yet
}
"""What brokers, and librdkafka for them, answer for a topic that was made a moment ago."""

Result = TypeVar("Result")


def partition_counts(client: AdminClient | Producer | Consumer, names: Sequence[str]) -> dict[str, int]:
    """Partitions of each topic (full names). Raises Unavailable where one is missing or the brokers do not answer."""
    try:
        metadata = client.list_topics(timeout=TIMEOUT_SECONDS)
    except KafkaException as error:
        raise Unavailable(f"Kafka does not answer: {error}") from error
    missing = [name for name in names if name not in metadata.topics]
    if missing:
        raise Unavailable(f"Kafka has no topic {', '.join(missing)}: run `segue up`, or create it")
    return {name: len(metadata.topics[name].partitions) for name in names}


def create_or_check(servers: str, *, tenant: str, partitions: int, replication: int) -> None:
    """Make every topic of `TOPIC_PLANS` that is missing; check the configuration of the others.

    Raises Unavailable, naming the topic and what is wrong with it.
    """
    admin = AdminClient({"bootstrap.servers": servers})
    wanted = {f"{tenant}.{plan.name}": plan for plan in TOPIC_PLANS}
    futures: dict[str, Future[None]] = admin.create_topics(
        [
            NewTopic(name, num_partitions=partitions, replication_factor=replication, config=dict(plan.config))
            for name, plan in wanted.items()
        ],
        operation_timeout=TIMEOUT_SECONDS,
        request_timeout=TIMEOUT_SECONDS,
    )
    existing = {name: wanted[name] for name, future in futures.items() if not _created(name, future)}
    if existing:
        _check(admin, existing)
    if len(existing) < len(wanted):
        _await_leaders(admin, list(wanted.keys() - existing.keys()), partitions)


def _created(name: str, future: "Future[None]") -> bool:
    """True where the topic was made, False where it was there. Raises Unavailable."""
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise Unavailable(f"Kafka did not make topic {name}: {error}") from error
    return True


def _await_leaders(admin: AdminClient, names: Sequence[str], partitions: int) -> None:
    """Wait until every partition of new topics answers: Kafka makes topics before their leaders have taken office."""
    places = {TopicPartition(name, at): OffsetSpec.latest() for name in names for at in range(partitions)}

    def ask() -> "list[Future[object]]":
        # Renews what the client remembers: having once seen a topic without leaders, it keeps answering so.
        admin.list_topics(timeout=TIMEOUT_SECONDS)
        return list(admin.list_offsets(places, request_timeout=TIMEOUT_SECONDS).values())

    _patiently(ask)


def _check(admin: AdminClient, plans: dict[str, TopicPlan]) -> None:
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in plans]
    described = _patiently(lambda: list(admin.describe_configs(resources, request_timeout=TIMEOUT_SECONDS).values()))
    for resource, found in zip(resources, described, strict=True):
        for setting, value in plans[resource.name].config.items():
            if found[setting].value != value:
                raise Unavailable(
                    f"topic {resource.name} has {setting}={found[setting].value} where {value} is needed: "
                    f"change it with kafka-configs, or choose another tenant"
                )


def _patiently(ask: Callable[[], "list[Future[Result]]"]) -> list[Result]:
    """The results, asked again while the brokers are still telling each other about a topic. Raises Unavailable."""
    deadline = time.monotonic() + 3 * TIMEOUT_SECONDS
    while True:
        try:
            return [future.result() for future in ask()]
        except KafkaException as error:
            if error.args[0].code() not in NOT_YET or time.monotonic() > deadline:
                raise Unavailable(f"Kafka did not answer for its topics: {error}") from error
            time.sleep(0.2)
