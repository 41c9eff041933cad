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

class ErasedPart(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERASED_PART_UNSPECIFIED: _ClassVar[ErasedPart]
    ERASED_PART_IDENTITY: _ClassVar[ErasedPart]
    ERASED_PART_PROFILE: _ClassVar[ErasedPart]
    ERASED_PART_LOG: _ClassVar[ErasedPart]
    ERASED_PART_ARCHIVE: _ClassVar[ErasedPart]
    ERASED_PART_TABLES: _ClassVar[ErasedPart]
    ERASED_PART_MODELS: _ClassVar[ErasedPart]
    ERASED_PART_EXTRACTS: _ClassVar[ErasedPart]
ERASED_PART_UNSPECIFIED: ErasedPart
ERASED_PART_IDENTITY: ErasedPart
ERASED_PART_PROFILE: ErasedPart
ERASED_PART_LOG: ErasedPart
ERASED_PART_ARCHIVE: ErasedPart
ERASED_PART_TABLES: ErasedPart
ERASED_PART_MODELS: ErasedPart
ERASED_PART_EXTRACTS: ErasedPart

class ExportListenerRequest(_message.Message):
    __slots__ = ("listener_id",)
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    listener_id: str
    def __init__(self, listener_id: _Optional[str] = ...) -> None: ...

class ExportListenerResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    def __init__(self, chunk: _Optional[bytes] = ...) -> None: ...

class EraseListenerRequest(_message.Message):
    __slots__ = ("listener_id",)
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    listener_id: str
    def __init__(self, listener_id: _Optional[str] = ...) -> None: ...

class EraseListenerResponse(_message.Message):
    __slots__ = ("erasure",)
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    erasure: Erasure
    def __init__(self, erasure: _Optional[_Union[Erasure, _Mapping]] = ...) -> None: ...

class ListErasuresRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListErasuresResponse(_message.Message):
    __slots__ = ("erasures", "next_page_token")
    ERASURES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    erasures: _containers.RepeatedCompositeFieldContainer[Erasure]
    next_page_token: str
    def __init__(self, erasures: _Optional[_Iterable[_Union[Erasure, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetErasureRequest(_message.Message):
    __slots__ = ("erasure_id",)
    ERASURE_ID_FIELD_NUMBER: _ClassVar[int]
    erasure_id: str
    def __init__(self, erasure_id: _Optional[str] = ...) -> None: ...

class GetErasureResponse(_message.Message):
    __slots__ = ("erasure",)
    ERASURE_FIELD_NUMBER: _ClassVar[int]
    erasure: Erasure
    def __init__(self, erasure: _Optional[_Union[Erasure, _Mapping]] = ...) -> None: ...

class SetListenerRightsRequest(_message.Message):
    __slots__ = ("listener_id", "allow_training")
    LISTENER_ID_FIELD_NUMBER: _ClassVar[int]
    ALLOW_TRAINING_FIELD_NUMBER: _ClassVar[int]
    listener_id: str
    allow_training: bool
    def __init__(self, listener_id: _Optional[str] = ..., allow_training: _Optional[bool] = ...) -> None: ...

class SetListenerRightsResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ErasureReceipt(_message.Message):
    __slots__ = ("part", "rows", "done_time", "until_time", "told")
    PART_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DONE_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    TOLD_FIELD_NUMBER: _ClassVar[int]
    part: ErasedPart
    rows: int
    done_time: _timestamp_pb2.Timestamp
    until_time: _timestamp_pb2.Timestamp
    told: str
    def __init__(self, part: _Optional[_Union[ErasedPart, str]] = ..., rows: _Optional[int] = ..., done_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., told: _Optional[str] = ...) -> None: ...

class Erasure(_message.Message):
    __slots__ = ("erasure_id", "asked_time", "due_time", "done_time", "parts")
    ERASURE_ID_FIELD_NUMBER: _ClassVar[int]
    ASKED_TIME_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    DONE_TIME_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    erasure_id: str
    asked_time: _timestamp_pb2.Timestamp
    due_time: _timestamp_pb2.Timestamp
    done_time: _timestamp_pb2.Timestamp
    parts: _containers.RepeatedCompositeFieldContainer[ErasureReceipt]
    def __init__(self, erasure_id: _Optional[str] = ..., asked_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., done_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., parts: _Optional[_Iterable[_Union[ErasureReceipt, _Mapping]]] = ...) -> None: ...
