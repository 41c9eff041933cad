"""Every topic Segue needs, in one place, and what Kafka must promise for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.domain.live_tables import LIVE_TABLES
from backend.ports.event_log import FEEDS, LONGEST_ROW, Topic

RATIO = "min.cleanable.dirty.ratio"
USUAL_RATIO = "0.5"
"""How Kafka calls the share of a partition that must be new before it is compacted, and what it takes by itself."""

KEPT = {"cleanup.policy": "compact", RATIO: "1.0"}
"""Events are the truth everything else is derived from: they stay. Each has a key of its own, and Kafka looks for what
deletions took away only while it is told to (`cleaning.py`): at this ratio never."""

DAY_MS = 24 * 3600 * 1000

PASSING = {"cleanup.policy": "delete", "retention.ms": str(DAY_MS)}
"""News that only matter while processes live that have not heard them."""

COMPACTED = {"cleanup.policy": "compact"}
"""Only the last record of a key matters."""

LONGEST_RECORD = 1_000_000
"""Bytes that the server and training send in one record at most. The longest that the contract lets in, a track of 64
tags and 32 artists, comes to 82,000."""

ROOM = "max.message.bytes"
"""What Kafka calls the bytes that a topic takes at once. Readers need no setting beside it: brokers and clients hand on
what stands in a topic, however long, one record at a time if need be."""

SERVER_ROOM, RESULT_ROOM = 1 << 20, LONGEST_ROW
"""That of topics that the server writes, and of those that Flink does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPlan:
    """A topic without the tenant's prefix, the configuration it needs, and at least how many bytes it takes at once."""

    name: str
    room: int
    config: Mapping[str, str] = field(default_factory=dict)


def _server_written(policy: Mapping[str, str]) -> dict[str, str]:
    # The broker's clock: arrival order is then the same for everybody who reads. lz4 is what producers send, and
    # "producer" keeps it as it is (the Flink connector's client cannot read zstd).
    return {**policy, "message.timestamp.type": "LogAppendTime", "compression.type": "producer"}


TOPIC_PLANS = (
    TopicPlan(name=Topic.PLAYS, room=SERVER_ROOM, config=_server_written(KEPT)),
    TopicPlan(name=Topic.FEEDBACK, room=SERVER_ROOM, config=_server_written(KEPT)),
    TopicPlan(name=Topic.RIGHTS, room=SERVER_ROOM, config=_server_written(COMPACTED)),
    TopicPlan(name=Topic.ERASURES, room=SERVER_ROOM, config=_server_written(PASSING)),
    TopicPlan(name=Topic.TRACKS, room=SERVER_ROOM, config=_server_written(COMPACTED)),
    TopicPlan(name=Topic.ARTISTS, room=SERVER_ROOM, config=_server_written(COMPACTED)),
    TopicPlan(name=Topic.CLUSTERS, room=SERVER_ROOM, config=_server_written(COMPACTED)),
    *(TopicPlan(name=table, room=RESULT_ROOM, config=COMPACTED) for table in LIVE_TABLES),
)
"""What `EventLog.create_topics` makes or checks: events, the catalogue, and one result topic per live table."""

FEED_PLANS = tuple(
    TopicPlan(name=feed, room=RESULT_ROOM, config={"cleanup.policy": "delete", "retention.ms": str(7 * DAY_MS)})
    for feed in FEEDS
)
"""What it makes beside them where setting topic_feeds asks for it. Who follows a feed does so within a week."""


def usual_ratio(topic: str) -> str:
    """The topic's RATIO while nobody is being forgotten."""
    return next((plan.config.get(RATIO, USUAL_RATIO) for plan in TOPIC_PLANS if plan.name == topic), USUAL_RATIO)
