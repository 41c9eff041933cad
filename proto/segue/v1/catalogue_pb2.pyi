from buf.validate import validate_pb2 as _validate_pb2
from segue.v1 import play_pb2 as _play_pb2
from segue.v1 import text_pb2 as _text_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Track(_message.Message):
    __slots__ = ("track_id", "title", "artist_ids", "album", "released_on", "duration_milliseconds", "tags", "audio_features", "source", "allow_training")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    ARTIST_IDS_FIELD_NUMBER: _ClassVar[int]
    ALBUM_FIELD_NUMBER: _ClassVar[int]
    RELEASED_ON_FIELD_NUMBER: _ClassVar[int]
    DURATION_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FEATURES_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_TRAINING_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    title: str
    artist_ids: _containers.RepeatedScalarFieldContainer[str]
    album: str
    released_on: str
    duration_milliseconds: int
    tags: _containers.RepeatedScalarFieldContainer[str]
    audio_features: AudioFeatures
    source: _play_pb2.Source
    allow_training: bool
    def __init__(self, track_id: _Optional[str] = ..., title: _Optional[str] = ..., artist_ids: _Optional[_Iterable[str]] = ..., album: _Optional[str] = ..., released_on: _Optional[str] = ..., duration_milliseconds: _Optional[int] = ..., tags: _Optional[_Iterable[str]] = ..., audio_features: _Optional[_Union[AudioFeatures, _Mapping]] = ..., source: _Optional[_Union[_play_pb2.Source, str]] = ..., allow_training: _Optional[bool] = ...) -> None: ...

class AudioFeatures(_message.Message):
    __slots__ = ("danceability", "energy", "valence", "acousticness", "instrumentalness", "liveness", "speechiness", "tempo", "loudness", "estimated")
    DANCEABILITY_FIELD_NUMBER: _ClassVar[int]
    ENERGY_FIELD_NUMBER: _ClassVar[int]
    VALENCE_FIELD_NUMBER: _ClassVar[int]
    ACOUSTICNESS_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENTALNESS_FIELD_NUMBER: _ClassVar[int]
    LIVENESS_FIELD_NUMBER: _ClassVar[int]
    SPEECHINESS_FIELD_NUMBER: _ClassVar[int]
    TEMPO_FIELD_NUMBER: _ClassVar[int]
    LOUDNESS_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    danceability: float
    energy: float
    valence: float
    acousticness: float
    instrumentalness: float
    liveness: float
    speechiness: float
    tempo: float
    loudness: float
    estimated: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, danceability: _Optional[float] = ..., energy: _Optional[float] = ..., valence: _Optional[float] = ..., acousticness: _Optional[float] = ..., instrumentalness: _Optional[float] = ..., liveness: _Optional[float] = ..., speechiness: _Optional[float] = ..., tempo: _Optional[float] = ..., loudness: _Optional[float] = ..., estimated: _Optional[_Iterable[str]] = ...) -> None: ...

class TrackAudioFeatures(_message.Message):
    __slots__ = ("track_id", "audio_features")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FEATURES_FIELD_NUMBER: _ClassVar[int]
    track_id: str
    audio_features: AudioFeatures
    def __init__(self, track_id: _Optional[str] = ..., audio_features: _Optional[_Union[AudioFeatures, _Mapping]] = ...) -> None: ...

class Artist(_message.Message):
    __slots__ = ("artist_id", "name", "tags", "source", "allow_training")
    ARTIST_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ALLOW_TRAINING_FIELD_NUMBER: _ClassVar[int]
    artist_id: str
    name: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    source: _play_pb2.Source
    allow_training: bool
    def __init__(self, artist_id: _Optional[str] = ..., name: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., source: _Optional[_Union[_play_pb2.Source, str]] = ..., allow_training: _Optional[bool] = ...) -> None: ...
