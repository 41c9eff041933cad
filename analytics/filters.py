"""What is asked of the live tables, as frozen values that a cache can compare; defaults ask for everything."""

from dataclasses import dataclass
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import analytics_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementFilter:
    """Hours (or days, where `span` says "day") in [since, until), one artist where named, at least so many plays."""

    since: datetime | None = None
    until: datetime | None = None
    span: str = "hour"
    artist_id: str = ""
    min_plays: int = 0

    def request(self) -> analytics_pb2.ListArtistEngagementRequest:
        """As the contract asks it."""
        return analytics_pb2.ListArtistEngagementRequest(
            range=_range(self.since, self.until),
            span=f"SPAN_{self.span.upper()}",
            artist_id=self.artist_id,
            min_plays=self.min_plays,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendFilter:
    """Hours in [since, until), one artist or track where named, ranks up to `max_rank` (0: every rank)."""

    since: datetime | None = None
    until: datetime | None = None
    artist_id: str = ""
    track_id: str = ""
    max_rank: int = 0

    def request(self) -> analytics_pb2.ListTrendsRequest:
        """As the contract asks it."""
        return analytics_pb2.ListTrendsRequest(
            range=_range(self.since, self.until),
            artist_id=self.artist_id,
            track_id=self.track_id,
            max_rank=self.max_rank,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyFilter:
    """Hours in [since, until), one artist or track where named; the others by their word ("": every)."""

    since: datetime | None = None
    until: datetime | None = None
    artist_id: str = ""
    track_id: str = ""
    subject: str = ""
    kind: str = ""
    min_severity: str = ""

    def request(self) -> analytics_pb2.ListAnomaliesRequest:
        """As the contract asks it."""
        return analytics_pb2.ListAnomaliesRequest(
            range=_range(self.since, self.until),
            artist_id=self.artist_id,
            track_id=self.track_id,
            subject=f"ANOMALY_SUBJECT_{(self.subject or 'unspecified').upper()}",
            kind=f"ANOMALY_KIND_{(self.kind or 'unspecified').upper()}",
            min_severity=f"SEVERITY_{(self.min_severity or 'unspecified').upper()}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PopularityFilter:
    """`subject` is track or artist, `span` hour, day or week; one artist, or its tracks, where named."""

    subject: str = "track"
    span: str = "day"
    artist_id: str = ""

    def request(self) -> analytics_pb2.ListPopularityRequest:
        """As the contract asks it."""
        return analytics_pb2.ListPopularityRequest(
            subject=f"POPULARITY_SUBJECT_{self.subject.upper()}S",
            span=f"POPULARITY_SPAN_{self.span.upper()}",
            artist_id=self.artist_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityFilter:
    """Days that start in [since, until), one listener where named."""

    since: datetime | None = None
    until: datetime | None = None
    listener_id: str = ""

    def request(self) -> analytics_pb2.ListListenerActivityRequest:
        """As the contract asks it."""
        return analytics_pb2.ListListenerActivityRequest(
            range=_range(self.since, self.until), listener_id=self.listener_id
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFilter:
    """Hours that start in [since, until), one cluster where named."""

    since: datetime | None = None
    until: datetime | None = None
    cluster: int | None = None

    def request(self) -> analytics_pb2.ListTopicHoursRequest:
        """As the contract asks it."""
        return analytics_pb2.ListTopicHoursRequest(range=_range(self.since, self.until), cluster=self.cluster)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """Letters noted in [since, until); `reason` by its word ("": every)."""

    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""

    def request(self) -> analytics_pb2.ListDeadLettersRequest:
        """As the contract asks it."""
        return analytics_pb2.ListDeadLettersRequest(
            range=_range(self.since, self.until),
            reason=f"DEAD_LETTER_REASON_{(self.reason or 'unspecified').upper()}",
        )


def _range(since: datetime | None, until: datetime | None) -> analytics_pb2.TimeRange | None:
    if since is None and until is None:
        return None
    return analytics_pb2.TimeRange(start_time=_timestamp(since), end_time=_timestamp(until))


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp
