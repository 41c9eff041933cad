import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AnomalyKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ANOMALY_KIND_UNSPECIFIED: _ClassVar[AnomalyKind]
    ANOMALY_KIND_RELEASE_SPIKE: _ClassVar[AnomalyKind]
    ANOMALY_KIND_STREAM_FARM: _ClassVar[AnomalyKind]
    ANOMALY_KIND_DROP: _ClassVar[AnomalyKind]

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_LOW: _ClassVar[Severity]
    SEVERITY_MEDIUM: _ClassVar[Severity]
    SEVERITY_HIGH: _ClassVar[Severity]
ANOMALY_KIND_UNSPECIFIED: AnomalyKind
ANOMALY_KIND_RELEASE_SPIKE: AnomalyKind
ANOMALY_KIND_STREAM_FARM: AnomalyKind
ANOMALY_KIND_DROP: AnomalyKind
SEVERITY_UNSPECIFIED: Severity
SEVERITY_LOW: Severity
SEVERITY_MEDIUM: Severity
SEVERITY_HIGH: Severity

class TimeRange(_message.Message):
    __slots__ = ("start_time", "end_time")
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ArtistEngagement(_message.Message):
    __slots__ = ("artist_id", "artist_name", "window_start", "plays", "unique_listeners", "milliseconds_played", "completion_rate", "skips")
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    ARTIST_NAME_FIELD_NUMBER: _ClassVar[int]
    WINDOW_START_FIELD_NUMBER: _ClassVar[int]
    PLAYS_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_LISTENERS_FIELD_NUMBER: _ClassVar[int]
    MILLISECONDS_PLAYED_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_RATE_FIELD_NUMBER: _ClassVar[int]
    SKIPS_FIELD_NUMBER: _ClassVar[int]
    artist_id: str
    artist_name: str
    window_start: _timestamp_pb2.Timestamp
    plays: int
    unique_listeners: int
    milliseconds_played: int
    completion_rate: float
    skips: int
    def __init__(self, artist_id: _Optional[str] = ..., artist_name: _Optional[str] = ..., window_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., plays: _Optional[int] = ..., unique_listeners: _Optional[int] = ..., milliseconds_played: _Optional[int] = ..., completion_rate: _Optional[float] = ..., skips: _Optional[int] = ...) -> None: ...

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
    __slots__ = ("alert_id", "artist_id", "artist_name", "window_start", "kind", "severity", "plays", "unique_listeners", "plays_per_listener", "baseline_plays", "z_score")
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
    def __init__(self, alert_id: _Optional[str] = ..., artist_id: _Optional[str] = ..., artist_name: _Optional[str] = ..., window_start: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[_Union[AnomalyKind, str]] = ..., severity: _Optional[_Union[Severity, str]] = ..., plays: _Optional[int] = ..., unique_listeners: _Optional[int] = ..., plays_per_listener: _Optional[float] = ..., baseline_plays: _Optional[float] = ..., z_score: _Optional[float] = ...) -> None: ...

class ListArtistEngagementRequest(_message.Message):
    __slots__ = ("range", "artist_id", "min_plays", "page_size", "page_token")
    RANGE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_PLAYS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    range: TimeRange
    artist_id: str
    min_plays: int
    page_size: int
    page_token: str
    def __init__(self, range: _Optional[_Union[TimeRange, _Mapping]] = ..., artist_id: _Optional[str] = ..., min_plays: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

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
    __slots__ = ("range", "artist_id", "min_severity", "kind", "page_size", "page_token")
    RANGE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    MIN_SEVERITY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    range: TimeRange
    artist_id: str
    min_severity: Severity
    kind: AnomalyKind
    page_size: int
    page_token: str
    def __init__(self, range: _Optional[_Union[TimeRange, _Mapping]] = ..., artist_id: _Optional[str] = ..., min_severity: _Optional[_Union[Severity, str]] = ..., kind: _Optional[_Union[AnomalyKind, str]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAnomaliesResponse(_message.Message):
    __slots__ = ("rows", "next_page_token", "as_of")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[Anomaly]
    next_page_token: str
    as_of: _timestamp_pb2.Timestamp
    def __init__(self, rows: _Optional[_Iterable[_Union[Anomaly, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., as_of: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

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
