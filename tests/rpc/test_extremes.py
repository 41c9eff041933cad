"""Numbers, times and texts at their extremes, in every field of every request: never an unknown error."""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from backend.adapters.store import mongo_pages
from backend.domain.erasures import Erasure
from backend.domain.errors import InvalidInput
from backend.domain.live_tables import TRENDS
from backend.ports.store import TableQuery
from tests.rpc.conftest import World
from tests.rpc.test_access import EVERY_METHOD, METHODS, call, plain, world  # noqa: F401 - fixtures
from tests.rpc.test_topics import serve_topics

TIMESTAMP = "google.protobuf.Timestamp"
FIRST_SECOND, LAST_SECOND = -62_135_596_800, 253_402_300_799
"""Of the calendar, year 1 to 9999."""

WHOLE = {
    "seconds": [FIRST_SECOND - 1, FIRST_SECOND, -62_135_500_000, LAST_SECOND - 3_600, LAST_SECOND, LAST_SECOND + 1],
    "nanos": [999_999_999, 1_000_000_000],
}
REAL = [math.nan, math.inf, -math.inf, 3.4e38, -3.4e38, -0.0, 1e-45]
TEXT = ["", "\x00", "x" * 129, "x" * 10_000, "\ud7ff\U0010ffff", "-", "$where", "=1+1", "0000-00-00"]
ERASURE = "0b7c4f0e-2f5e-4f0c-9b1e-000000000000"
NAMES = {
    "listener_id": "ann",
    "track_id": "t1",
    "artist_id": "a1",
    "artist_ids": "a1",
    "track_ids": "t1",
    "erasure_id": ERASURE,
    "topic_id": "1a",
    "parent_topic_id": "1a",
}
LEFT_OUT = {
    *("range", "page_token", "approach", "event_id", "recommendation_id", "released_on", "exclude_track_ids"),
    "topic_ids",
}


def fill(message: Any) -> Message:
    """Make it a request that is answered: with ids that are known, times of an hour ago, one element in each list."""
    for field in message.DESCRIPTOR.fields:
        if field.name in LEFT_OUT:
            continue
        value = getattr(message, field.name)
        if field.type == FieldDescriptor.TYPE_STRING:
            text = NAMES.get(field.name, "x")
            value.append(text) if field.is_repeated else setattr(message, field.name, text)
        elif field.type == FieldDescriptor.TYPE_ENUM and not field.is_repeated:
            setattr(message, field.name, 1)
        elif field.message_type is not None and field.message_type.full_name == TIMESTAMP:
            value.FromSeconds(int(time.time()) - 3_600)
        elif field.message_type is not None:
            fill(value.add() if field.is_repeated else value)
    return message  # type: ignore[no-any-return]


def leaves(message: Descriptor, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldDescriptor]]:
    """Every field of a request that holds a value, by its path."""
    for field in message.fields:
        if field.message_type is None:
            yield (*path, field.name), field
        else:
            yield from leaves(field.message_type, (*path, field.name))


def extremes(field: FieldDescriptor) -> list[Any]:
    """Values at the ends of the field's type, and beyond what is sensible."""
    kind = field.cpp_type
    if kind in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return REAL
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return TEXT
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return [False, True]
    bits = 63 if kind in (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64) else 31
    return [-(2**bits), -1, 0, 1, 99, 2**bits - 1, *WHOLE.get(field.name, [])]


def with_value(request: Message, path: tuple[str, ...], value: Any) -> bytes:
    """The request, one field set."""
    changed = type(request)()
    changed.CopyFrom(request)
    inner: Any = changed
    for name in path[:-1]:
        inner = getattr(inner, name)
        if not isinstance(inner, Message):
            inner = inner[0]
    if inner.DESCRIPTOR.fields_by_name[path[-1]].is_repeated:
        getattr(inner, path[-1]).append(value)
    else:
        setattr(inner, path[-1], value)
    return changed.SerializeToString()


def answered(plain: grpc.Channel, method: MethodDescriptor, data: bytes, bearer: str) -> grpc.StatusCode:  # noqa: F811
    """The code of the call, once there is a place for it: a watch that was left notices at its next look."""
    while grpc.StatusCode.RESOURCE_EXHAUSTED == (code := call(plain, method, data, bearer)):
        time.sleep(0.2)
    return code


@EVERY_METHOD
def test_no_extreme_is_an_unknown_error(world: World, plain: grpc.Channel, method: MethodDescriptor) -> None:  # noqa: F811
    """It is answered, or the request is refused for what it says."""
    bearer = f"Bearer {(world.tokens / 'operator.token').read_text().strip()}"
    request = fill(GetMessageClass(method.input_type)())
    world.store.identities.ensure(["ann"])
    world.store.put_erasure(Erasure(erasure_id=ERASURE, asked_at=datetime.now(UTC), due_at=datetime.now(UTC)))
    if method.containing_service.name == "TopicService":
        serve_topics(world)
    assert grpc.StatusCode.OK == call(plain, method, request.SerializeToString(), bearer)
    codes = {
        (".".join(path), value): answered(plain, method, with_value(request, path, value), bearer)
        for path, field in leaves(method.input_type)
        for value in extremes(field)
    }
    if method.name == "SimilarTracks":
        # The model version of this world has no approach by sound.
        assert grpc.StatusCode.FAILED_PRECONDITION == codes.pop(("approach", 1))
    said = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}
    assert {} == {each: code.name for each, code in codes.items() if code not in said}


def bounded(field: FieldDescriptor) -> bool:
    """Whether the contract bounds the field on both sides."""
    options: Any = field.GetOptions()
    rules = options.Extensions[validate_pb2.field]
    kind = rules.WhichOneof("type")
    if kind is None:
        return False
    said = {rule.name for rule, _ in getattr(rules, kind).ListFields()}
    return bool(said & {"gt", "gte"}) and bool(said & {"lt", "lte"})


def numbers(message: Descriptor, path: str) -> Iterator[tuple[str, FieldDescriptor]]:
    """Times, reals and numbers wider than 32 bits, which another part may not take as they come."""
    wide = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}
    wide |= {FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE}
    for field in message.fields:
        name = f"{path}.{field.name}"
        if field.cpp_type in wide or (field.message_type is not None and field.message_type.full_name == TIMESTAMP):
            yield name, field
        elif field.message_type is not None:
            yield from numbers(field.message_type, name)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_every_number_that_reaches_another_part_is_bounded_by_the_contract(method: MethodDescriptor) -> None:
    """Datetimes, documents and arrays each take less than the wire does."""
    found = numbers(method.input_type, method.input_type.name)
    assert [] == [name for name, field in found if not bounded(field)]


MOMENTS = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1, 1, 2, tzinfo=UTC),
    datetime(1969, 12, 31, tzinfo=UTC),
    datetime(2200, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, tzinfo=UTC),
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_page_token_carries_no_moment_beyond_the_contract(moment: datetime) -> None:
    """A token is not signed: one that is made up with a time of year 1 is refused, before days are taken off it."""
    query = TableQuery()
    row = {"window_start": moment, "rank": 1, "track_id": "t1"}
    forged = replace(query, page_token=mongo_pages.next_page_token(TRENDS, query, row))
    with pytest.raises(InvalidInput, match="page_token"):
        mongo_pages.conditions(TRENDS, forged)
