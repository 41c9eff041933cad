"""Making topics in Kafka, and checking the ones that are there."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from backend.adapters.event_log import aging
from backend.adapters.event_log.brokers import Brokers
from backend.adapters.event_log.cleaning import EAGER, make_usual
from backend.adapters.event_log.configs import TIMEOUT_SECONDS, alter
from backend.adapters.event_log.patience import patiently
from backend.adapters.event_log.topics import RATIO, ROOM, TopicPlan, usual_ratio
from backend.domain.errors import Unavailable


def partition_counts(
    brokers: Brokers, client: AdminClient | Producer | Consumer, names: Sequence[str]
) -> dict[str, int]:
    """Partitions of each topic (full names). Raises Unavailable where one is missing or the brokers do not answer."""
    try:
        metadata = client.list_topics(timeout=TIMEOUT_SECONDS)
    except KafkaException as error:
        raise Unavailable(f"Kafka does not answer: {brokers.because(error, client)}") from error
    missing = [name for name in names if name not in metadata.topics]
    if missing:
        raise Unavailable(f"Kafka has no topic {', '.join(missing)}: run `segue up`, or create it")
    return {name: len(metadata.topics[name].partitions) for name in names}


def create_or_check(
    brokers: Brokers,
    plans: Sequence[TopicPlan],
    *,
    tenant: str,
    partitions: int,
    replication: int,
    kept_days: Mapping[str, int],
) -> None:
    """Make every topic of `plans` that is missing; check the configuration of the others and give them room.

    Those that a killed `forget` left eager are cleaned as usual again.
    `kept_days` bounds how long records of the topics that it names are kept (aging.py); of others they are for ever.
    Raises Unavailable, naming the topic and what is wrong with it.
    """
    admin = brokers.admin()
    wanted = {f"{tenant}.{plan.name}": aging.aged(plan, kept_days.get(plan.name, 0)) for plan in plans}
    futures: dict[str, Future[None]] = admin.create_topics(
        [
            NewTopic(
                name,
                num_partitions=partitions,
                replication_factor=replication,
                config={**plan.config, ROOM: str(plan.room)},
            )
            for name, plan in wanted.items()
        ],
        operation_timeout=TIMEOUT_SECONDS,
        request_timeout=TIMEOUT_SECONDS,
    )
    existing = {name: wanted[name] for name, future in futures.items() if not _created(brokers, admin, name, future)}
    if existing:
        aging.keep(admin, existing)
        _check(admin, existing)
    if len(existing) < len(wanted):
        _await_leaders(admin, list(wanted.keys() - existing.keys()), partitions)


def _created(brokers: Brokers, admin: AdminClient, name: str, future: "Future[None]") -> bool:
    """True where the topic was made, False where it was there. Raises Unavailable."""
    try:
        future.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise Unavailable(f"Kafka did not make topic {name}: {brokers.because(error, admin)}") from error
    return True


def _await_leaders(admin: AdminClient, names: Sequence[str], partitions: int) -> None:
    """Wait until every partition of new topics answers: Kafka makes topics before their leaders have taken office."""
    places = {TopicPartition(name, at): OffsetSpec.latest() for name in names for at in range(partitions)}

    def ask() -> "list[Future[object]]":
        # Renews what the client remembers: having once seen a topic without leaders, it keeps answering so.
        admin.list_topics(timeout=TIMEOUT_SECONDS)
        return list(admin.list_offsets(places, request_timeout=TIMEOUT_SECONDS).values())

    patiently(ask)


def _check(admin: AdminClient, plans: dict[str, TopicPlan]) -> None:
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in plans]
    described = patiently(lambda: list(admin.describe_configs(resources, request_timeout=TIMEOUT_SECONDS).values()))
    for resource, found in zip(resources, described, strict=True):
        plan = plans[resource.name]
        if RATIO in plan.config and not aging.forgets(found[aging.POLICY].value):
            raise Unavailable(
                f"topic {resource.name} is of an older home, whose events name the listeners themselves, where "
                "pseudonyms stand now: start anew (`make clean`), or choose another tenant"
            )
        if int(found[ROOM].value) < plan.room:
            _give_room(admin, resource.name, plan.room)
        if RATIO in plan.config or float(found[RATIO].value) == float(EAGER[RATIO]):
            _clean_as_usual(admin, resource.name, plan, found[RATIO].value)
        for setting, value in plan.config.items():
            if setting != RATIO and found[setting].value != value:
                raise Unavailable(
                    f"topic {resource.name} has {setting}={found[setting].value} where {value} is needed: "
                    f"change it with kafka-configs, or choose another tenant"
                )


def _clean_as_usual(admin: AdminClient, name: str, plan: TopicPlan, ratio: str) -> None:
    usual = usual_ratio(plan.name)
    if float(ratio) != float(usual):
        make_usual(admin, {name: usual})


def _give_room(admin: AdminClient, name: str, room: int) -> None:
    try:
        alter(admin, {name: {ROOM: str(room)}})
    except KafkaException as error:
        raise Unavailable(
            f"topic {name} takes too little at once, and Kafka did not change it ({error}): "
            f"set its {ROOM} to {room} with kafka-configs, or choose another tenant"
        ) from error
