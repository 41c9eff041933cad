"""How long Kafka keeps a topic's records: topics with a bound are cleaned by age, too, beside what their plan says.

Kafka drops whole segments (kafka.apache.org/documentation, `retention.ms`, `cleanup.policy`), a segment once its newest
record is too old: with segments of a week, as is usual, a record stays up to a week longer than the bound says.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from backend.adapters.event_log.configs import TIMEOUT_SECONDS, alter
from backend.adapters.event_log.patience import patiently
from backend.adapters.event_log.topics import TopicPlan
from backend.domain.errors import Unavailable

POLICY, AGE = "cleanup.policy", "retention.ms"
_COMPACT = "compact"
_BOTH = "compact,delete"
_DAY_MS = timedelta(days=1) // timedelta(milliseconds=1)


def forgets(policy: str) -> bool:
    """Whether a topic of this cleanup.policy can forget a record by its key."""
    return _COMPACT in policy.split(",")


def aged(plan: TopicPlan, days: int) -> TopicPlan:
    """The plan of a topic whose records are kept so many days; 0: for ever, which is the plan itself."""
    if not days:
        return plan
    return replace(plan, config={**plan.config, POLICY: _BOTH, AGE: str(days * _DAY_MS)})


def keep(admin: AdminClient, plans: Mapping[str, TopicPlan]) -> None:
    """Have Kafka keep the records of topics, by full name, for as long as their plans say now. Raises Unavailable.

    Only compacted topics are changed: what is cleaned in another way was never made by these plans.
    """
    compacted = {name: plan for name, plan in plans.items() if _COMPACT in plan.config.get(POLICY, "")}
    asked = [ConfigResource(ResourceType.TOPIC, name) for name in compacted]
    described = patiently(lambda: list(admin.describe_configs(asked, request_timeout=TIMEOUT_SECONDS).values()))
    changes = {
        name: _changes(plan, {key: one.value for key, one in found.items()})
        for (name, plan), found in zip(compacted.items(), described, strict=True)
    }
    try:
        alter(admin, {name: wanted for name, wanted in changes.items() if wanted})
    except KafkaException as error:
        raise Unavailable(
            f"Kafka did not change how long it keeps {', '.join(compacted)} ({error}): let this user alter topics, or "
            f"set their {POLICY} and {AGE} with kafka-configs"
        ) from error


def _changes(plan: TopicPlan, held: Mapping[str, str]) -> Mapping[str, str]:
    if not forgets(held[POLICY]):
        return {}
    return {key: plan.config[key] for key in (POLICY, AGE) if key in plan.config and held[key] != plan.config[key]}
