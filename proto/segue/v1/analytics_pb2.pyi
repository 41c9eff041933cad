import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from segue.v1 import options_pb2 as _options_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Span(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPAN_UNSPECIFIED: _ClassVar[Span]
    SPAN_HOUR: _ClassVar[Span]
    SPAN_DAY: _ClassVar[Span]

class AnomalyKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ANOMALY_KIND_UNSPECIFIED: _ClassVar[AnomalyKind]
    ANOMALY_KIND_RELEASE_SPIKE: _ClassVar[AnomalyKind]
    ANOMALY_KIND_STREAM_FARM: _ClassVar[AnomalyKind]
    ANOMALY_KIND_DROP: _ClassVar[AnomalyKind]

class AnomalySubject(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ANOMALY_SUBJECT_UNSPECIFIED: _ClassVar[AnomalySubject]
    ANOMALY_SUBJECT_ARTIST: _ClassVar[AnomalySubject]
    ANOMALY_SUBJECT_TRACK: _ClassVar[AnomalySubject]

class AnomalyDirection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ANOMALY_DIRECTION_UNSPECIFIED: _ClassVar[AnomalyDirection]
    ANOMALY_DIRECTION_UP: _ClassVar[AnomalyDirection]
    ANOMALY_DIRECTION_DOWN: _ClassVar[AnomalyDirection]

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_LOW: _ClassVar[Severity]
    SEVERITY_MEDIUM: _ClassVar[Severity]
    SEVERITY_HIGH: _ClassVar[Severity]

class PopularitySubject(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POPULARITY_SUBJECT_UNSPECIFIED: _ClassVar[PopularitySubject]
    POPULARITY_SUBJECT_TRACKS: _ClassVar[PopularitySubject]
    POPULARITY_SUBJECT_ARTISTS: _ClassVar[PopularitySubject]

class PopularitySpan(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    POPULARITY_SPAN_UNSPECIFIED: _ClassVar[PopularitySpan]
    POPULARITY_SPAN_HOUR: _ClassVar[PopularitySpan]
    POPULARITY_SPAN_DAY: _ClassVar[PopularitySpan]
    POPULARITY_SPAN_WEEK: _ClassVar[PopularitySpan]

class DeadLetterReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DEAD_LETTER_REASON_UNSPECIFIED: _ClassVar[DeadLetterReason]
    DEAD_LETTER_REASON_MALFORMED: _ClassVar[DeadLetterReason]
    DEAD_LETTER_REASON_UNKNOWN_TRACK: _ClassVar[DeadLetterReason]
    DEAD_LETTER_REASON_TOO_LATE: _ClassVar[DeadLetterReason]
    DEAD_LETTER_REASON_AHEAD: _ClassVar[DeadLetterReason]
SPAN_UNSPECIFIED: Span
SPAN_HOUR: Span
SPAN_DAY: Span
ANOMALY_KIND_UNSPECIFIED: AnomalyKind
ANOMALY_KIND_RELEASE_SPIKE: AnomalyKind
ANOMALY_KIND_STREAM_FARM: AnomalyKind
ANOMALY_KIND_DROP: AnomalyKind
ANOMALY_SUBJECT_UNSPECIFIED: AnomalySubject
ANOMALY_SUBJECT_ARTIST: AnomalySubject
ANOMALY_SUBJECT_TRACK: AnomalySubject
ANOMALY_DIRECTION_UNSPECIFIED: AnomalyDirection
ANOMALY_DIRECTION_UP: AnomalyDirection
ANOMALY_DIRECTION_DOWN: AnomalyDirection
SEVERITY_UNSPECIFIED: Severity
SEVERITY_LOW: Severity
SEVERITY_MEDIUM: Severity
SEVERITY_HIGH: Severity
POPULARITY_SUBJECT_UNSPECIFIED: PopularitySubject
POPULARITY_SUBJECT_TRACKS: PopularitySubject
POPULARITY_SUBJECT_ARTISTS: PopularitySubject
POPULARITY_SPAN_UNSPECIFIED: PopularitySpan
POPULARITY_SPAN_HOUR: PopularitySpan
POPULARITY_SPAN_DAY: PopularitySpan
POPULARITY_SPAN_WEEK: PopularitySpan
DEAD_LETTER_REASON_UNSPECIFIED: DeadLetterReason
DEAD_LETTER_REASON_MALFORMED: DeadLetterReason
DEAD_LETTER_REASON_UNKNOWN_TRACK: DeadLetterReason
DEAD_LETTER_REASON_TOO_LATE: DeadLetterReason
DEAD_LETTER_REASON_AHEAD: DeadLetterReason

class TimeRange(_message.Message):
    __slots__ = ("start_time", "end_time")
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ArtistEngagement(_message.Message):
    __slots__ = ("artist_id", "artist_name", "window_start", "plays", "unique_listeners", "milliseconds_played", "completion_rate", "skips", "span", "returning_share", "likes")
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    ARTIST_NAME_FIELD_NUMBER: _ClassVar[int]
    WINDOW_START_FIELD_NUMBER: _ClassVar[int]
    PLAYS_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_LISTENERS_FIELD_NUMBER: _ClassVar[int]
    MILLISECONDS_PLAYED_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_RATE_FIELD_NUMBER: _ClassVar[int]
    SKIPS_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    RETURNING_SHARE_FIELD_NUMBER: _ClassVar[int]
    LIKES_FIELD_NUMBER: _ClassVar[int]
    artist_id: str
    artist_name: str
    window_start: _timestamp_pb2.Timestamp
    plays: int
    unique_listeners: int
    milliseconds_played: int
    completion_rate: float
    skips: int
    span: Span
    returning_share: float
    likes: int
    def __init__(self, artist_id: _Optional[str] = ..., artist_name: _Optional[str] = ..., window_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., plays: _Optional[int] = ..., unique_listeners: _Optional[int] = ..., milliseconds_played: _Optional[int] = ..., completion_rate: _Optional[float] = ..., skips: _Optional[int] = ..., span: _Optional[_Union[Span, str]] = ..., returning_share: _Optional[float] = ..., likes: _Optional[int] = ...) -> None: ...

class Trend(_message.Message):
    __slots__ = ("track_id", "title", "artist_id", "artist_name", "window_start", "rank", "plays_24h", "listeners_24h", "baseline_24h", "ratio", "z_score")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    ARTIST_NAME_FIELD_NUMBER: _ClassVar[int]
    WINDOW_START_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    PLAYS_24H_FIELD_NUMBER: _ClassVar[int]
    LISTENERS_24H_FIELD_NUMBER: _ClassVar[int]
    BASELINE_24H_FIELD_NUMBER: _ClassVar[int]
    RATIO_FIELD_NUMBER: _ClassVar[int]
    Z_SCORE_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    title: str
    artist_id: str
    artist_name: str
    window_start: _timestamp_pb2.Timestamp
    rank: int
    plays_24h: int
    listeners_24h: int
    baseline_24h: float
    ratio: float
    z_score: float
    def __init__(self, track_id: _Optional[str] = ..., title: _Optional[str] = ..., artist_id: _Optional[str] = ..., artist_name: _Optional[str] = ..., window_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rank: _Optional[int] = ..., plays_24h: _Optional[int] = ..., listeners_24h: _Optional[int] = ..., baseline_24h: _Optional[float] = ..., ratio: _Optional[float] = ..., z_score: _Optional[float] = ...) -> None: ...

class Anomaly(_message.Message):
    __slots__ = ("alert_id", "artist_id", "artist_name", "window_start", "kind", "severity", "plays", "unique_listeners", "plays_per_listener", "baseline_plays", "z_score", "subject", "track_id", "title", "direction", "baseline_per_listener", "z_per_listener", "seasonal_plays", "seasonal_z")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    ARTIST_NAME_FIELD_NUMBER: _ClassVar[int]
    WINDOW_START_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    PLAYS_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_LISTENERS_FIELD_NUMBER: _ClassVar[int]
    PLAYS_PER_LISTENER_FIELD_NUMBER: _ClassVar[int]
    BASELINE_PLAYS_FIELD_NUMBER: _ClassVar[int]
    Z_SCORE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    BASELINE_PER_LISTENER_FIELD_NUMBER: _ClassVar[int]
    Z_PER_LISTENER_FIELD_NUMBER: _ClassVar[int]
    SEASONAL_PLAYS_FIELD_NUMBER: _ClassVar[int]
    SEASONAL_Z_FIELD_NUMBER: _ClassVar[int]
    alert_id: str
    artist_id: str
    artist_name: str
    window_start: _timestamp_pb2.Timestamp
    kind: AnomalyKind
    severity: Severity
    plays: int
    unique_listeners: int
    plays_per_listener: float
    baseline_plays: float
    z_score: float
    subject: AnomalySubject
    track_id: str
    title: str
    direction: AnomalyDirection
    baseline_per_listener: float
    z_per_listener: float
    seasonal_plays: float
    seasonal_z: float
    def __init__(self, alert_id: _Optional[str] = ..., artist_id: _Optional[str] = ..., artist_name: _Optional[str] = ..., window_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[_Union[AnomalyKind, str]] = ..., severity: _Optional[_Union[Severity, str]] = ..., plays: _Optional[int] = ..., unique_listeners: _Optional[int] = ..., plays_per_listener: _Optional[float] = ..., baseline_plays: _Optional[float] = ..., z_score: _Optional[float] = ..., subject: _Optional[_Union[AnomalySubject, str]] = ..., track_id: _Optional[str] = ..., title: _Optional[str] = ..., direction: _Optional[_Union[AnomalyDirection, str]] = ..., baseline_per_listener: _Optional[float] = ..., z_per_listener: _Optional[float] = ..., seasonal_plays: _Optional[float] = ..., seasonal_z: _Optional[float] = ...) -> None: ...

class Popularity(_message.Message):
    __slots__ = ("span", "track_id", "title", "artist_id", "artist_name", "window_end", "rank", "plays", "listeners")
    SPAN_FIELD_NUMBER: _ClassVar[int]
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    ARTIST_NAME_FIELD_NUMBER: _ClassVar[int]
    WINDOW_END_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    PLAYS_FIELD_NUMBER: _ClassVar[int]
    LISTENERS_FIELD_NUMBER: _ClassVar[int]
    span: PopularitySpan
    track_id: str
    title: str
    artist_id: str
    artist_name: str
    window_end: _timestamp_pb2.Timestamp
    rank: int
    plays: int
    listeners: int
    def __init__(self, span: _Optional[_Union[PopularitySpan, str]] = ..., track_id: _Optional[str] = ..., title: _Optional[str] = ..., artist_id: _Optional[str] = ..., artist_name: _Optional[str] = ..., window_end: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., rank: _Optional[int] = ..., plays: _Optional[int] = ..., listeners: _Optional[int] = ...) -> None: ...

class ListenerActivity(_message.Message):
    __slots__ = ("listener_id", "window_start", "sessions", "plays", "skips", "milliseconds_played", "last_active")
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    WINDOW_START_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    PLAYS_FIELD_NUMBER: _ClassVar[int]
    SKIPS_FIELD_NUMBER: _ClassVar[int]
    MILLISECONDS_PLAYED_FIELD_NUMBER: _ClassVar[int]
    LAST_ACTIVE_FIELD_NUMBER: _ClassVar[int]
    listener_id: str
    window_start: _timestamp_pb2.Timestamp
    sessions: int
    plays: int
    skips: int
    milliseconds_played: int
    last_active: _timestamp_pb2.Timestamp
    def __init__(self, listener_id: _Optional[str] = ..., window_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sessions: _Optional[int] = ..., plays: _Optional[int] = ..., skips: _Optional[int] = ..., milliseconds_played: _Optional[int] = ..., last_active: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TopicHour(_message.Message):
    __slots__ = ("cluster", "window_start", "plays", "danceability", "energy", "valence", "acousticness", "instrumentalness", "liveness", "speechiness", "tempo", "loudness")
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    WINDOW_START_FIELD_NUMBER: _ClassVar[int]
    PLAYS_FIELD_NUMBER: _ClassVar[int]
    DANCEABILITY_FIELD_NUMBER: _ClassVar[int]
    ENERGY_FIELD_NUMBER: _ClassVar[int]
    VALENCE_FIELD_NUMBER: _ClassVar[int]
    ACOUSTICNESS_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTALNESS_FIELD_NUMBER: _ClassVar[int]
    LIVENESS_FIELD_NUMBER: _ClassVar[int]
    SPEECHINESS_FIELD_NUMBER: _ClassVar[int]
    TEMPO_FIELD_NUMBER: _ClassVar[int]
    LOUDNESS_FIELD_NUMBER: _ClassVar[int]
    cluster: int
    window_start: _timestamp_pb2.Timestamp
    plays: int
    danceability: float
    energy: float
    valence: float
    acousticness: float
    instrumentalness: float
    liveness: float
    speechiness: float
    tempo: float
    loudness: float
    def __init__(self, cluster: _Optional[int] = ..., window_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., plays: _Optional[int] = ..., danceability: _Optional[float] = ..., energy: _Optional[float] = ..., valence: _Optional[float] = ..., acousticness: _Optional[float] = ..., instrumentalness: _Optional[float] = ..., liveness: _Optional[float] = ..., speechiness: _Optional[float] = ..., tempo: _Optional[float] = ..., loudness: _Optional[float] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("reason", "source_partition", "source_offset", "record_key", "record", "detail", "records", "noted_at", "source_topic")
    REASON_FIELD_NUMBER: _ClassVar[int]
    SOURCE_PARTITION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_OFFSET_FIELD_NUMBER: _ClassVar[int]
    RECORD_KEY_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    NOTED_AT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TOPIC_FIELD_NUMBER: _ClassVar[int]
    reason: DeadLetterReason
    source_partition: int
    source_offset: int
    record_key: str
    record: str
    detail: str
    records: int
    noted_at: _timestamp_pb2.Timestamp
    source_topic: str
    def __init__(self, reason: _Optional[_Union[DeadLetterReason, str]] = ..., source_partition: _Optional[int] = ..., source_offset: _Optional[int] = ..., record_key: _Optional[str] = ..., record: _Optional[str] = ..., detail: _Optional[str] = ..., records: _Optional[int] = ..., noted_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source_topic: _Optional[str] = ...) -> None: ...

class DeadLetterCount(_message.Message):
    __slots__ = ("reason", "records", "source_topic")
    REASON_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TOPIC_FIELD_NUMBER: _ClassVar[int]
    reason: DeadLetterReason
    records: int
    source_topic: str
    def __init__(self, reason: _Optional[_Union[DeadLetterReason, str]] = ..., records: _Optional[int] = ..., source_topic: _Optional[str] = ...) -> None: ...

class ListArtistEngagementRequest(_message.Message):
    __slots__ = ("range", "artist_id", "min_plays", "page_size", "page_token", "span")
    RANGE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_PLAYS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    range: TimeRange
    artist_id: str
    min_plays: int
    page_size: int
    page_token: str
    span: Span
    def __init__(self, range: _Optional[_Union[TimeRange, _Mapping]] = ..., artist_id: _Optional[str] = ..., min_plays: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., span: _Optional[_Union[Span, str]] = ...) -> None: ...

class ListArtistEngagementResponse(_message.Message):
    __slots__ = ("rows", "next_page_token", "as_of")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[ArtistEngagement]
    next_page_token: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, rows: _Optional[_Iterable[_Union[ArtistEngagement, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListTrendsRequest(_message.Message):
    __slots__ = ("range", "artist_id", "track_id", "max_rank", "page_size", "page_token")
    RANGE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_RANK_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    range: TimeRange
    artist_id: str
    track_id: str
    max_rank: int
    page_size: int
    page_token: str
    def __init__(self, range: _Optional[_Union[TimeRange, _Mapping]] = ..., artist_id: _Optional[str] = ..., track_id: _Optional[str] = ..., max_rank: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTrendsResponse(_message.Message):
    __slots__ = ("rows", "next_page_token", "as_of")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[Trend]
    next_page_token: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, rows: _Optional[_Iterable[_Union[Trend, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListAnomaliesRequest(_message.Message):
    __slots__ = ("range", "artist_id", "min_severity", "kind", "page_size", "page_token", "subject", "track_id")
    RANGE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_SEVERITY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    range: TimeRange
    artist_id: str
    min_severity: Severity
    kind: AnomalyKind
    page_size: int
    page_token: str
    subject: AnomalySubject
    track_id: str
    def __init__(self, range: _Optional[_Union[TimeRange, _Mapping]] = ..., artist_id: _Optional[str] = ..., min_severity: _Optional[_Union[Severity, str]] = ..., kind: _Optional[_Union[AnomalyKind, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., subject: _Optional[_Union[AnomalySubject, str]] = ..., track_id: _Optional[str] = ...) -> None: ...

class ListAnomaliesResponse(_message.Message):
    __slots__ = ("rows", "next_page_token", "as_of")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[Anomaly]
    next_page_token: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, rows: _Optional[_Iterable[_Union[Anomaly, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListPopularityRequest(_message.Message):
    __slots__ = ("subject", "span", "artist_id", "max_rank", "page_size", "page_token")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_RANK_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    subject: PopularitySubject
    span: PopularitySpan
    artist_id: str
    max_rank: int
    page_size: int
    page_token: str
    def __init__(self, subject: _Optional[_Union[PopularitySubject, str]] = ..., span: _Optional[_Union[PopularitySpan, str]] = ..., artist_id: _Optional[str] = ..., max_rank: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListPopularityResponse(_message.Message):
    __slots__ = ("rows", "next_page_token", "as_of")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[Popularity]
    next_page_token: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, rows: _Optional[_Iterable[_Union[Popularity, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListListenerActivityRequest(_message.Message):
    __slots__ = ("range", "listener_id", "page_size", "page_token")
    RANGE_FIELD_NUMBER: _ClassVar[int]
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    range: TimeRange
    listener_id: str
    page_size: int
    page_token: str
    def __init__(self, range: _Optional[_Union[TimeRange, _Mapping]] = ..., listener_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListListenerActivityResponse(_message.Message):
    __slots__ = ("rows", "next_page_token", "as_of")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[ListenerActivity]
    next_page_token: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, rows: _Optional[_Iterable[_Union[ListenerActivity, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListTopicHoursRequest(_message.Message):
    __slots__ = ("range", "cluster", "page_size", "page_token")
    RANGE_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    range: TimeRange
    cluster: int
    page_size: int
    page_token: str
    def __init__(self, range: _Optional[_Union[TimeRange, _Mapping]] = ..., cluster: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTopicHoursResponse(_message.Message):
    __slots__ = ("rows", "next_page_token", "as_of")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[TopicHour]
    next_page_token: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, rows: _Optional[_Iterable[_Union[TopicHour, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListDeadLettersRequest(_message.Message):
    __slots__ = ("range", "reason", "page_size", "page_token")
    RANGE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    range: TimeRange
    reason: DeadLetterReason
    page_size: int
    page_token: str
    def __init__(self, range: _Optional[_Union[TimeRange, _Mapping]] = ..., reason: _Optional[_Union[DeadLetterReason, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListDeadLettersResponse(_message.Message):
    __slots__ = ("rows", "next_page_token", "as_of", "counts")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[DeadLetter]
    next_page_token: str
    as_of: _timestamp_pb2.Timestamp
    counts: _containers.RepeatedCompositeFieldContainer[DeadLetterCount]
    def __init__(self, rows: _Optional[_Iterable[_Union[DeadLetter, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., counts: _Optional[_Iterable[_Union[DeadLetterCount, _Mapping]]] = ...) -> None: ...

class WatchArtistEngagementRequest(_message.Message):
    __slots__ = ("list",)
    LIST_FIELD_NUMBER: _ClassVar[int]
    list: ListArtistEngagementRequest
    def __init__(self, list: _Optional[_Union[ListArtistEngagementRequest, _Mapping]] = ...) -> None: ...

class WatchArtistEngagementResponse(_message.Message):
    __slots__ = ("rows", "as_of")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[ArtistEngagement]
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, rows: _Optional[_Iterable[_Union[ArtistEngagement, _Mapping]]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WatchTrendsRequest(_message.Message):
    __slots__ = ("list",)
    LIST_FIELD_NUMBER: _ClassVar[int]
    list: ListTrendsRequest
    def __init__(self, list: _Optional[_Union[ListTrendsRequest, _Mapping]] = ...) -> None: ...

class WatchTrendsResponse(_message.Message):
    __slots__ = ("rows", "as_of")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[Trend]
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, rows: _Optional[_Iterable[_Union[Trend, _Mapping]]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WatchAnomaliesRequest(_message.Message):
    __slots__ = ("list",)
    LIST_FIELD_NUMBER: _ClassVar[int]
    list: ListAnomaliesRequest
    def __init__(self, list: _Optional[_Union[ListAnomaliesRequest, _Mapping]] = ...) -> None: ...

class WatchAnomaliesResponse(_message.Message):
    __slots__ = ("rows", "as_of")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[Anomaly]
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, rows: _Optional[_Iterable[_Union[Anomaly, _Mapping]]] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
