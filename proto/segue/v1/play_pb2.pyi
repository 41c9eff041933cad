import datetime

from buf.validate import validate_pb2 as _validate_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from segue.v1 import text_pb2 as _text_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Source(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCE_UNSPECIFIED: _ClassVar[Source]
    SOURCE_FIRST_PARTY: _ClassVar[Source]
    SOURCE_LISTENBRAINZ: _ClassVar[Source]
    SOURCE_LASTFM: _ClassVar[Source]
    SOURCE_SPOTIFY: _ClassVar[Source]
    SOURCE_SIMULATOR: _ClassVar[Source]

class Timing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TIMING_UNSPECIFIED: _ClassVar[Timing]
    TIMING_LIVE: _ClassVar[Timing]
    TIMING_HISTORY: _ClassVar[Timing]

class FeedbackKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEEDBACK_KIND_UNSPECIFIED: _ClassVar[FeedbackKind]
    FEEDBACK_KIND_LIKE: _ClassVar[FeedbackKind]
    FEEDBACK_KIND_DISLIKE: _ClassVar[FeedbackKind]
    FEEDBACK_KIND_HIDE: _ClassVar[FeedbackKind]
    FEEDBACK_KIND_SKIP: _ClassVar[FeedbackKind]
    FEEDBACK_KIND_SAVE: _ClassVar[FeedbackKind]
SOURCE_UNSPECIFIED: Source
SOURCE_FIRST_PARTY: Source
SOURCE_LISTENBRAINZ: Source
SOURCE_LASTFM: Source
SOURCE_SPOTIFY: Source
SOURCE_SIMULATOR: Source
TIMING_UNSPECIFIED: Timing
TIMING_LIVE: Timing
TIMING_HISTORY: Timing
FEEDBACK_KIND_UNSPECIFIED: FeedbackKind
FEEDBACK_KIND_LIKE: FeedbackKind
FEEDBACK_KIND_DISLIKE: FeedbackKind
FEEDBACK_KIND_HIDE: FeedbackKind
FEEDBACK_KIND_SKIP: FeedbackKind
FEEDBACK_KIND_SAVE: FeedbackKind

class Play(_message.Message):
    __slots__ = ("event_id", "listener_id", "track_id", "played_at", "milliseconds_played", "source", "allow_training", "recommendation_id", "context", "timing")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    PLAYED_AT_FIELD_NUMBER: _ClassVar[int]
    MILLISECONDS_PLAYED_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_TRAINING_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDATION_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    listener_id: str
    track_id: str
    played_at: _timestamp_pb2.Timestamp
    milliseconds_played: int
    source: Source
    allow_training: bool
    recommendation_id: str
    context: PlayContext
    timing: Timing
    def __init__(self, event_id: _Optional[str] = ..., listener_id: _Optional[str] = ..., track_id: _Optional[str] = ..., played_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., milliseconds_played: _Optional[int] = ..., source: _Optional[_Union[Source, str]] = ..., allow_training: _Optional[bool] = ..., recommendation_id: _Optional[str] = ..., context: _Optional[_Union[PlayContext, _Mapping]] = ..., timing: _Optional[_Union[Timing, str]] = ...) -> None: ...

class PlayContext(_message.Message):
    __slots__ = ("surface", "device")
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    surface: str
    device: str
    def __init__(self, surface: _Optional[str] = ..., device: _Optional[str] = ...) -> None: ...

class Feedback(_message.Message):
    __slots__ = ("event_id", "listener_id", "track_id", "kind", "given_at", "recommendation_id")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    GIVEN_AT_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDATION_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    listener_id: str
    track_id: str
    kind: FeedbackKind
    given_at: _timestamp_pb2.Timestamp
    recommendation_id: str
    def __init__(self, event_id: _Optional[str] = ..., listener_id: _Optional[str] = ..., track_id: _Optional[str] = ..., kind: _Optional[_Union[FeedbackKind, str]] = ..., given_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recommendation_id: _Optional[str] = ...) -> None: ...
