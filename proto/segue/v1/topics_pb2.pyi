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

class HomeRowKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOME_ROW_KIND_UNSPECIFIED: _ClassVar[HomeRowKind]
    HOME_ROW_KIND_RISING: _ClassVar[HomeRowKind]
    HOME_ROW_KIND_POPULAR: _ClassVar[HomeRowKind]
    HOME_ROW_KIND_TOPIC: _ClassVar[HomeRowKind]
    HOME_ROW_KIND_FOR_YOU: _ClassVar[HomeRowKind]
    HOME_ROW_KIND_BECAUSE: _ClassVar[HomeRowKind]
    HOME_ROW_KIND_LIKED_TOPIC: _ClassVar[HomeRowKind]
HOME_ROW_KIND_UNSPECIFIED: HomeRowKind
HOME_ROW_KIND_RISING: HomeRowKind
HOME_ROW_KIND_POPULAR: HomeRowKind
HOME_ROW_KIND_TOPIC: HomeRowKind
HOME_ROW_KIND_FOR_YOU: HomeRowKind
HOME_ROW_KIND_BECAUSE: HomeRowKind
HOME_ROW_KIND_LIKED_TOPIC: HomeRowKind

class Topic(_message.Message):
    __slots__ = ("topic_id", "parent_topic_id", "name", "tracks", "centre", "tags", "cluster")
    TOPIC_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_TOPIC_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    topic_id: str
    parent_topic_id: str
    name: str
    tracks: int
    centre: _catalogue_pb2.AudioFeatures
    tags: _containers.RepeatedScalarFieldContainer[str]
    cluster: int
    def __init__(self, topic_id: _Optional[str] = ..., parent_topic_id: _Optional[str] = ..., name: _Optional[str] = ..., tracks: _Optional[int] = ..., centre: _Optional[_Union[_catalogue_pb2.AudioFeatures, _Mapping]] = ..., tags: _Optional[_Iterable[str]] = ..., cluster: _Optional[int] = ...) -> None: ...

class TopicTrack(_message.Message):
    __slots__ = ("track_id", "title", "artist_ids", "artist_names", "reason")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_IDS_FIELD_NUMBER: _ClassVar[int]
    ARTIST_NAMES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    title: str
    artist_ids: _containers.RepeatedScalarFieldContainer[str]
    artist_names: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    def __init__(self, track_id: _Optional[str] = ..., title: _Optional[str] = ..., artist_ids: _Optional[_Iterable[str]] = ..., artist_names: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ...) -> None: ...

class ListTopicsRequest(_message.Message):
    __slots__ = ("parent_topic_id", "page_size", "page_token")
    PARENT_TOPIC_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent_topic_id: str
    page_size: int
    page_token: str
    def __init__(self, parent_topic_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTopicsResponse(_message.Message):
    __slots__ = ("topics", "next_page_token", "model_version")
    TOPICS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    topics: _containers.RepeatedCompositeFieldContainer[Topic]
    next_page_token: str
    model_version: str
    def __init__(self, topics: _Optional[_Iterable[_Union[Topic, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., model_version: _Optional[str] = ...) -> None: ...

class ListTopicTracksRequest(_message.Message):
    __slots__ = ("topic_id", "page_size", "page_token")
    TOPIC_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    topic_id: str
    page_size: int
    page_token: str
    def __init__(self, topic_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTopicTracksResponse(_message.Message):
    __slots__ = ("topic", "tracks", "next_page_token", "model_version")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    topic: Topic
    tracks: _containers.RepeatedCompositeFieldContainer[TopicTrack]
    next_page_token: str
    model_version: str
    def __init__(self, topic: _Optional[_Union[Topic, _Mapping]] = ..., tracks: _Optional[_Iterable[_Union[TopicTrack, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., model_version: _Optional[str] = ...) -> None: ...

class HomeRow(_message.Message):
    __slots__ = ("kind", "title", "topic_id", "tracks", "anchor_track_id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    TOPIC_ID_FIELD_NUMBER: _ClassVar[int]
    TRACKS_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    kind: HomeRowKind
    title: str
    topic_id: str
    tracks: _containers.RepeatedCompositeFieldContainer[TopicTrack]
    anchor_track_id: str
    def __init__(self, kind: _Optional[_Union[HomeRowKind, str]] = ..., title: _Optional[str] = ..., topic_id: _Optional[str] = ..., tracks: _Optional[_Iterable[_Union[TopicTrack, _Mapping]]] = ..., anchor_track_id: _Optional[str] = ...) -> None: ...

class HomeRequest(_message.Message):
    __slots__ = ("listener_id", "row_size", "page_size", "page_token")
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    ROW_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    listener_id: str
    row_size: int
    page_size: int
    page_token: str
    def __init__(self, listener_id: _Optional[str] = ..., row_size: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class HomeResponse(_message.Message):
    __slots__ = ("rows", "next_page_token", "model_version", "degraded", "recommendation_id")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDATION_ID_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[HomeRow]
    next_page_token: str
    model_version: str
    degraded: bool
    recommendation_id: str
    def __init__(self, rows: _Optional[_Iterable[_Union[HomeRow, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., model_version: _Optional[str] = ..., degraded: _Optional[bool] = ..., recommendation_id: _Optional[str] = ...) -> None: ...
