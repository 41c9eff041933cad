from buf.validate import validate_pb2 as _validate_pb2
from segue.v1 import catalogue_pb2 as _catalogue_pb2
from segue.v1 import options_pb2 as _options_pb2
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

class AnswerPath(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ANSWER_PATH_UNSPECIFIED: _ClassVar[AnswerPath]
    ANSWER_PATH_HYBRID: _ClassVar[AnswerPath]
    ANSWER_PATH_COLD_START: _ClassVar[AnswerPath]
    ANSWER_PATH_DEGRADED: _ClassVar[AnswerPath]

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
ANSWER_PATH_UNSPECIFIED: AnswerPath
ANSWER_PATH_HYBRID: AnswerPath
ANSWER_PATH_COLD_START: AnswerPath
ANSWER_PATH_DEGRADED: AnswerPath
APPROACH_UNSPECIFIED: Approach
APPROACH_AUDIO: Approach
APPROACH_LATENT: Approach
APPROACH_TEXT: Approach
APPROACH_LISTENING: Approach
APPROACH_HYBRID: Approach

class Reason(_message.Message):
    __slots__ = ("source", "rank", "share", "text")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    source: CandidateSource
    rank: int
    share: float
    text: str
    def __init__(self, source: _Optional[_Union[CandidateSource, str]] = ..., rank: _Optional[int] = ..., share: _Optional[float] = ..., text: _Optional[str] = ...) -> None: ...

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

class RecommendRequest(_message.Message):
    __slots__ = ("listener_id", "page_size", "page_token", "exclude_track_ids")
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_TRACK_IDS_FIELD_NUMBER: _ClassVar[int]
    listener_id: str
    page_size: int
    page_token: str
    exclude_track_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, listener_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., exclude_track_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class RecommendResponse(_message.Message):
    __slots__ = ("recommendation_id", "tracks", "model_version", "path", "next_page_token")
    RECOMMENDATION_ID_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    recommendation_id: str
    tracks: _containers.RepeatedCompositeFieldContainer[RecommendedTrack]
    model_version: str
    path: AnswerPath
    next_page_token: str
    def __init__(self, recommendation_id: _Optional[str] = ..., tracks: _Optional[_Iterable[_Union[RecommendedTrack, _Mapping]]] = ..., model_version: _Optional[str] = ..., path: _Optional[_Union[AnswerPath, str]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

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
