"""Every topic Segue needs, in one place, and what Kafka must promise for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.domain.live_tables import LIVE_TABLES
from backend.ports.event_log import Topic

KEPT = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
"""Events are the truth everything else is derived from: they stay for ever."""

COMPACTED = {"cleanup.policy": "compact"}
"""Only the last record of a key matters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPlan:
    """A topic without the tenant's prefix, and the configuration it needs."""

    name: str
    config: Mapping[str, str] = field(default_factory=dict)


def _server_written(policy: Mapping[str, str]) -> dict[str, str]:
    # The broker's clock: arrival order is then the same for everybody who reads. lz4 is what producers send, and
    # "producer" keeps it as it is (the Flink connector's client cannot read zstd).
    return {**policy, "message.timestamp.type": "LogAppendTime", "compression.type": "producer"}


TOPIC_PLANS = (
    TopicPlan(name=Topic.PLAYS, config=_server_written(KEPT)),
    TopicPlan(name=Topic.FEEDBACK, config=_server_written(KEPT)),
    TopicPlan(name=Topic.TRACKS, config=_server_written(COMPACTED)),
    TopicPlan(name=Topic.ARTISTS, config=_server_written(COMPACTED)),
    TopicPlan(name=Topic.CLUSTERS, config=_server_written(COMPACTED)),
    *(TopicPlan(name=table, config=COMPACTED) for table in LIVE_TABLES),
)
"""What `EventLog.create_topics` makes or checks: events, the catalogue, and one result topic per live table."""
