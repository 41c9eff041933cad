from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class Scope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCOPE_UNSPECIFIED: _ClassVar[Scope]
    SCOPE_INGEST: _ClassVar[Scope]
    SCOPE_CATALOGUE: _ClassVar[Scope]
    SCOPE_RECOMMEND: _ClassVar[Scope]
    SCOPE_ANALYTICS: _ClassVar[Scope]
    SCOPE_ADMIN: _ClassVar[Scope]
    SCOPE_IDENTITIES: _ClassVar[Scope]
SCOPE_UNSPECIFIED: Scope
SCOPE_INGEST: Scope
SCOPE_CATALOGUE: Scope
SCOPE_RECOMMEND: Scope
SCOPE_ANALYTICS: Scope
SCOPE_ADMIN: Scope
SCOPE_IDENTITIES: Scope
REQUIRED_SCOPE_FIELD_NUMBER: _ClassVar[int]
required_scope: _descriptor.FieldDescriptor
SUBJECT_FIELD_FIELD_NUMBER: _ClassVar[int]
subject_field: _descriptor.FieldDescriptor
OPEN_TO_SUBJECT_FIELD_NUMBER: _ClassVar[int]
open_to_subject: _descriptor.FieldDescriptor
