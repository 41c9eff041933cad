from buf.validate import validate_pb2 as _validate_pb2
from segue.v1 import catalogue_pb2 as _catalogue_pb2
from segue.v1 import options_pb2 as _options_pb2
from segue.v1 import play_pb2 as _play_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CandidateSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CANDIDATE_SOURCE_UNSPECIFIED: _ClassVar[CandidateSource]
    CANDIDATE_SOURCE_FACTORS: _ClassVar[CandidateSource]
    CANDIDATE_SOURCE_CONTENT: _ClassVar[CandidateSource]
    CANDIDATE_SOURCE_TREND: _ClassVar[CandidateSource]
    CANDIDATE_SOURCE_LINEAR: _ClassVar[CandidateSource]
    CANDIDATE_SOURCE_AUDIO: _ClassVar[CandidateSource]
    CANDIDATE_SOURCE_LATENT: _ClassVar[CandidateSource]
    CANDIDATE_SOURCE_NAME: _ClassVar[CandidateSource]
    CANDIDATE_SOURCE_MOOD: _ClassVar[CandidateSource]
    CANDIDATE_SOURCE_TOPIC: _ClassVar[CandidateSource]
    CANDIDATE_SOURCE_CATALOGUE: _ClassVar[CandidateSource]
    CANDIDATE_SOURCE_KNOWN: _ClassVar[CandidateSource]

class AnswerPath(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ANSWER_PATH_UNSPECIFIED: _ClassVar[AnswerPath]
    ANSWER_PATH_HYBRID: _ClassVar[AnswerPath]
    ANSWER_PATH_COLD_START: _ClassVar[AnswerPath]
    ANSWER_PATH_DEGRADED: _ClassVar[AnswerPath]

class FallbackReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FALLBACK_REASON_UNSPECIFIED: _ClassVar[FallbackReason]
    FALLBACK_REASON_NO_MODEL: _ClassVar[FallbackReason]
    FALLBACK_REASON_MODEL_REFUSED: _ClassVar[FallbackReason]
    FALLBACK_REASON_NOTHING_KNOWN: _ClassVar[FallbackReason]
    FALLBACK_REASON_INDEX_DOWN: _ClassVar[FallbackReason]
    FALLBACK_REASON_INDEX_SLOW: _ClassVar[FallbackReason]
    FALLBACK_REASON_STORE_DOWN: _ClassVar[FallbackReason]
    FALLBACK_REASON_STORE_SLOW: _ClassVar[FallbackReason]
    FALLBACK_REASON_FILTER_NARROW: _ClassVar[FallbackReason]

class FallbackTo(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FALLBACK_TO_UNSPECIFIED: _ClassVar[FallbackTo]
    FALLBACK_TO_SEEDS: _ClassVar[FallbackTo]
    FALLBACK_TO_TOPIC: _ClassVar[FallbackTo]
    FALLBACK_TO_TRENDS: _ClassVar[FallbackTo]
    FALLBACK_TO_POPULAR: _ClassVar[FallbackTo]
    FALLBACK_TO_LOCAL_FACTORS: _ClassVar[FallbackTo]
    FALLBACK_TO_SNAPSHOT: _ClassVar[FallbackTo]
    FALLBACK_TO_OLDER_MODEL: _ClassVar[FallbackTo]
    FALLBACK_TO_CATALOGUE: _ClassVar[FallbackTo]
    FALLBACK_TO_OTHER_PARTS: _ClassVar[FallbackTo]

class Approach(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    APPROACH_UNSPECIFIED: _ClassVar[Approach]
    APPROACH_AUDIO: _ClassVar[Approach]
    APPROACH_LATENT: _ClassVar[Approach]
    APPROACH_TEXT: _ClassVar[Approach]
    APPROACH_LISTENING: _ClassVar[Approach]
    APPROACH_HYBRID: _ClassVar[Approach]
CANDIDATE_SOURCE_UNSPECIFIED: CandidateSource
CANDIDATE_SOURCE_FACTORS: CandidateSource
CANDIDATE_SOURCE_CONTENT: CandidateSource
CANDIDATE_SOURCE_TREND: CandidateSource
CANDIDATE_SOURCE_LINEAR: CandidateSource
CANDIDATE_SOURCE_AUDIO: CandidateSource
CANDIDATE_SOURCE_LATENT: CandidateSource
CANDIDATE_SOURCE_NAME: CandidateSource
CANDIDATE_SOURCE_MOOD: CandidateSource
CANDIDATE_SOURCE_TOPIC: CandidateSource
CANDIDATE_SOURCE_CATALOGUE: CandidateSource
CANDIDATE_SOURCE_KNOWN: CandidateSource
ANSWER_PATH_UNSPECIFIED: AnswerPath
ANSWER_PATH_HYBRID: AnswerPath
ANSWER_PATH_COLD_START: AnswerPath
ANSWER_PATH_DEGRADED: AnswerPath
FALLBACK_REASON_UNSPECIFIED: FallbackReason
FALLBACK_REASON_NO_MODEL: FallbackReason
FALLBACK_REASON_MODEL_REFUSED: FallbackReason
FALLBACK_REASON_NOTHING_KNOWN: FallbackReason
FALLBACK_REASON_INDEX_DOWN: FallbackReason
FALLBACK_REASON_INDEX_SLOW: FallbackReason
FALLBACK_REASON_STORE_DOWN: FallbackReason
FALLBACK_REASON_STORE_SLOW: FallbackReason
FALLBACK_REASON_FILTER_NARROW: FallbackReason
FALLBACK_TO_UNSPECIFIED: FallbackTo
FALLBACK_TO_SEEDS: FallbackTo
FALLBACK_TO_TOPIC: FallbackTo
FALLBACK_TO_TRENDS: FallbackTo
FALLBACK_TO_POPULAR: FallbackTo
FALLBACK_TO_LOCAL_FACTORS: FallbackTo
FALLBACK_TO_SNAPSHOT: FallbackTo
FALLBACK_TO_OLDER_MODEL: FallbackTo
FALLBACK_TO_CATALOGUE: FallbackTo
FALLBACK_TO_OTHER_PARTS: FallbackTo
APPROACH_UNSPECIFIED: Approach
APPROACH_AUDIO: Approach
APPROACH_LATENT: Approach
APPROACH_TEXT: Approach
APPROACH_LISTENING: Approach
APPROACH_HYBRID: Approach

class Reason(_message.Message):
    __slots__ = ("source", "rank", "share", "text", "score_part", "anchor_track_ids")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SCORE_PART_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_TRACK_IDS_FIELD_NUMBER: _ClassVar[int]
    source: CandidateSource
    rank: int
    share: float
    text: str
    score_part: float
    anchor_track_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, source: _Optional[_Union[CandidateSource, str]] = ..., rank: _Optional[int] = ..., share: _Optional[float] = ..., text: _Optional[str] = ..., score_part: _Optional[float] = ..., anchor_track_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class RecommendedTrack(_message.Message):
    __slots__ = ("track_id", "title", "artist_ids", "artist_names", "score", "reasons", "audio_features")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_IDS_FIELD_NUMBER: _ClassVar[int]
    ARTIST_NAMES_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FEATURES_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    title: str
    artist_ids: _containers.RepeatedScalarFieldContainer[str]
    artist_names: _containers.RepeatedScalarFieldContainer[str]
    score: float
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    audio_features: _catalogue_pb2.AudioFeatures
    def __init__(self, track_id: _Optional[str] = ..., title: _Optional[str] = ..., artist_ids: _Optional[_Iterable[str]] = ..., artist_names: _Optional[_Iterable[str]] = ..., score: _Optional[float] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., audio_features: _Optional[_Union[_catalogue_pb2.AudioFeatures, _Mapping]] = ...) -> None: ...

class Fallback(_message.Message):
    __slots__ = ("reason", "to", "text")
    REASON_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    reason: FallbackReason
    to: FallbackTo
    text: str
    def __init__(self, reason: _Optional[_Union[FallbackReason, str]] = ..., to: _Optional[_Union[FallbackTo, str]] = ..., text: _Optional[str] = ...) -> None: ...

class PartLatency(_message.Message):
    __slots__ = ("part", "milliseconds")
    PART_FIELD_NUMBER: _ClassVar[int]
    MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    part: str
    milliseconds: float
    def __init__(self, part: _Optional[str] = ..., milliseconds: _Optional[float] = ...) -> None: ...

class TrackFilter(_message.Message):
    __slots__ = ("tags", "topic_ids", "artist_ids", "exclude_artist_ids", "first_year", "last_year", "min_duration_milliseconds", "max_duration_milliseconds", "sources")
    TAGS_FIELD_NUMBER: _ClassVar[int]
    TOPIC_IDS_FIELD_NUMBER: _ClassVar[int]
    ARTIST_IDS_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_ARTIST_IDS_FIELD_NUMBER: _ClassVar[int]
    FIRST_YEAR_FIELD_NUMBER: _ClassVar[int]
    LAST_YEAR_FIELD_NUMBER: _ClassVar[int]
    MIN_DURATION_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    tags: _containers.RepeatedScalarFieldContainer[str]
    topic_ids: _containers.RepeatedScalarFieldContainer[str]
    artist_ids: _containers.RepeatedScalarFieldContainer[str]
    exclude_artist_ids: _containers.RepeatedScalarFieldContainer[str]
    first_year: int
    last_year: int
    min_duration_milliseconds: int
    max_duration_milliseconds: int
    sources: _containers.RepeatedScalarFieldContainer[_play_pb2.Source]
    def __init__(self, tags: _Optional[_Iterable[str]] = ..., topic_ids: _Optional[_Iterable[str]] = ..., artist_ids: _Optional[_Iterable[str]] = ..., exclude_artist_ids: _Optional[_Iterable[str]] = ..., first_year: _Optional[int] = ..., last_year: _Optional[int] = ..., min_duration_milliseconds: _Optional[int] = ..., max_duration_milliseconds: _Optional[int] = ..., sources: _Optional[_Iterable[_Union[_play_pb2.Source, str]]] = ...) -> None: ...

class HeardBefore(_message.Message):
    __slots__ = ("exclude_days", "known_share")
    EXCLUDE_DAYS_FIELD_NUMBER: _ClassVar[int]
    KNOWN_SHARE_FIELD_NUMBER: _ClassVar[int]
    exclude_days: int
    known_share: float
    def __init__(self, exclude_days: _Optional[int] = ..., known_share: _Optional[float] = ...) -> None: ...

class RecommendOptions(_message.Message):
    __slots__ = ("filter", "new_artists_only", "heard_before", "max_per_artist", "max_per_album", "diversity", "popularity_damping", "seeds")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    NEW_ARTISTS_ONLY_FIELD_NUMBER: _ClassVar[int]
    HEARD_BEFORE_FIELD_NUMBER: _ClassVar[int]
    MAX_PER_ARTIST_FIELD_NUMBER: _ClassVar[int]
    MAX_PER_ALBUM_FIELD_NUMBER: _ClassVar[int]
    DIVERSITY_FIELD_NUMBER: _ClassVar[int]
    POPULARITY_DAMPING_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    filter: TrackFilter
    new_artists_only: bool
    heard_before: HeardBefore
    max_per_artist: int
    max_per_album: int
    diversity: float
    popularity_damping: float
    seeds: _containers.RepeatedCompositeFieldContainer[SeedTrack]
    def __init__(self, filter: _Optional[_Union[TrackFilter, _Mapping]] = ..., new_artists_only: _Optional[bool] = ..., heard_before: _Optional[_Union[HeardBefore, _Mapping]] = ..., max_per_artist: _Optional[int] = ..., max_per_album: _Optional[int] = ..., diversity: _Optional[float] = ..., popularity_damping: _Optional[float] = ..., seeds: _Optional[_Iterable[_Union[SeedTrack, _Mapping]]] = ...) -> None: ...

class RecommendRequest(_message.Message):
    __slots__ = ("listener_id", "page_size", "page_token", "exclude_track_ids", "options")
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_TRACK_IDS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    listener_id: str
    page_size: int
    page_token: str
    exclude_track_ids: _containers.RepeatedScalarFieldContainer[str]
    options: RecommendOptions
    def __init__(self, listener_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., exclude_track_ids: _Optional[_Iterable[str]] = ..., options: _Optional[_Union[RecommendOptions, _Mapping]] = ...) -> None: ...

class RecommendResponse(_message.Message):
    __slots__ = ("recommendation_id", "tracks", "model_version", "path", "next_page_token", "fallbacks", "latencies")
    RECOMMENDATION_ID_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FALLBACKS_FIELD_NUMBER: _ClassVar[int]
    LATENCIES_FIELD_NUMBER: _ClassVar[int]
    recommendation_id: str
    tracks: _containers.RepeatedCompositeFieldContainer[RecommendedTrack]
    model_version: str
    path: AnswerPath
    next_page_token: str
    fallbacks: _containers.RepeatedCompositeFieldContainer[Fallback]
    latencies: _containers.RepeatedCompositeFieldContainer[PartLatency]
    def __init__(self, recommendation_id: _Optional[str] = ..., tracks: _Optional[_Iterable[_Union[RecommendedTrack, _Mapping]]] = ..., model_version: _Optional[str] = ..., path: _Optional[_Union[AnswerPath, str]] = ..., next_page_token: _Optional[str] = ..., fallbacks: _Optional[_Iterable[_Union[Fallback, _Mapping]]] = ..., latencies: _Optional[_Iterable[_Union[PartLatency, _Mapping]]] = ...) -> None: ...

class NextTracksRequest(_message.Message):
    __slots__ = ("track_ids", "listener_id", "page_size", "page_token", "exclude_track_ids", "options")
    TRACK_IDS_FIELD_NUMBER: _ClassVar[int]
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_TRACK_IDS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    track_ids: _containers.RepeatedScalarFieldContainer[str]
    listener_id: str
    page_size: int
    page_token: str
    exclude_track_ids: _containers.RepeatedScalarFieldContainer[str]
    options: RecommendOptions
    def __init__(self, track_ids: _Optional[_Iterable[str]] = ..., listener_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., exclude_track_ids: _Optional[_Iterable[str]] = ..., options: _Optional[_Union[RecommendOptions, _Mapping]] = ...) -> None: ...

class NextTracksResponse(_message.Message):
    __slots__ = ("recommendation_id", "tracks", "model_version", "path", "next_page_token", "fallbacks", "latencies")
    RECOMMENDATION_ID_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FALLBACKS_FIELD_NUMBER: _ClassVar[int]
    LATENCIES_FIELD_NUMBER: _ClassVar[int]
    recommendation_id: str
    tracks: _containers.RepeatedCompositeFieldContainer[RecommendedTrack]
    model_version: str
    path: AnswerPath
    next_page_token: str
    fallbacks: _containers.RepeatedCompositeFieldContainer[Fallback]
    latencies: _containers.RepeatedCompositeFieldContainer[PartLatency]
    def __init__(self, recommendation_id: _Optional[str] = ..., tracks: _Optional[_Iterable[_Union[RecommendedTrack, _Mapping]]] = ..., model_version: _Optional[str] = ..., path: _Optional[_Union[AnswerPath, str]] = ..., next_page_token: _Optional[str] = ..., fallbacks: _Optional[_Iterable[_Union[Fallback, _Mapping]]] = ..., latencies: _Optional[_Iterable[_Union[PartLatency, _Mapping]]] = ...) -> None: ...

class BatchRecommendRequest(_message.Message):
    __slots__ = ("listener_ids", "tracks", "options")
    LISTENER_IDS_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    listener_ids: _containers.RepeatedScalarFieldContainer[str]
    tracks: int
    options: RecommendOptions
    def __init__(self, listener_ids: _Optional[_Iterable[str]] = ..., tracks: _Optional[int] = ..., options: _Optional[_Union[RecommendOptions, _Mapping]] = ...) -> None: ...

class BatchRecommendResponse(_message.Message):
    __slots__ = ("listener_id", "answer", "refusal")
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    listener_id: str
    answer: RecommendResponse
    refusal: str
    def __init__(self, listener_id: _Optional[str] = ..., answer: _Optional[_Union[RecommendResponse, _Mapping]] = ..., refusal: _Optional[str] = ...) -> None: ...

class SimilarArtistsRequest(_message.Message):
    __slots__ = ("artist_id", "page_size", "page_token")
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    artist_id: str
    page_size: int
    page_token: str
    def __init__(self, artist_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class SimilarArtist(_message.Message):
    __slots__ = ("artist_id", "name", "score", "reasons")
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    artist_id: str
    name: str
    score: float
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    def __init__(self, artist_id: _Optional[str] = ..., name: _Optional[str] = ..., score: _Optional[float] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ...) -> None: ...

class SimilarArtistsResponse(_message.Message):
    __slots__ = ("artists", "model_version", "next_page_token")
    ARTISTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    artists: _containers.RepeatedCompositeFieldContainer[SimilarArtist]
    model_version: str
    next_page_token: str
    def __init__(self, artists: _Optional[_Iterable[_Union[SimilarArtist, _Mapping]]] = ..., model_version: _Optional[str] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SeedTrack(_message.Message):
    __slots__ = ("track_id", "weight")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    weight: float
    def __init__(self, track_id: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...

class SimilarTracksRequest(_message.Message):
    __slots__ = ("track_id", "page_size", "page_token", "approach", "seeds")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    APPROACH_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    page_size: int
    page_token: str
    approach: Approach
    seeds: _containers.RepeatedCompositeFieldContainer[SeedTrack]
    def __init__(self, track_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., approach: _Optional[_Union[Approach, str]] = ..., seeds: _Optional[_Iterable[_Union[SeedTrack, _Mapping]]] = ...) -> None: ...

class SimilarTracksResponse(_message.Message):
    __slots__ = ("tracks", "model_version", "next_page_token")
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tracks: _containers.RepeatedCompositeFieldContainer[RecommendedTrack]
    model_version: str
    next_page_token: str
    def __init__(self, tracks: _Optional[_Iterable[_Union[RecommendedTrack, _Mapping]]] = ..., model_version: _Optional[str] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SearchTracksRequest(_message.Message):
    __slots__ = ("query", "page_size", "page_token")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    query: str
    page_size: int
    page_token: str
    def __init__(self, query: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class SearchTracksResponse(_message.Message):
    __slots__ = ("tracks", "model_version", "next_page_token")
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tracks: _containers.RepeatedCompositeFieldContainer[RecommendedTrack]
    model_version: str
    next_page_token: str
    def __init__(self, tracks: _Optional[_Iterable[_Union[RecommendedTrack, _Mapping]]] = ..., model_version: _Optional[str] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class PopularTracksRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class PopularTracksResponse(_message.Message):
    __slots__ = ("tracks", "next_page_token")
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tracks: _containers.RepeatedCompositeFieldContainer[RecommendedTrack]
    next_page_token: str
    def __init__(self, tracks: _Optional[_Iterable[_Union[RecommendedTrack, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
