"""Which call a request belongs to. In the contract each call has a request type of its own, so the request says it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import methodcaller
from typing import Any, Final, TypeVar
from uuid import uuid4

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from segue.v1 import analytics_pb2, ingest_pb2, play_pb2, privacy_pb2, recommend_pb2, topics_pb2

from client.channel import DEADLINES, OTHER_DEADLINE

E = TypeVar("E", play_pb2.Play, play_pb2.Feedback)

FILES: Final = (analytics_pb2, ingest_pb2, privacy_pb2, recommend_pb2, topics_pb2)
"""The files of the contract that hold services."""

BATCH: Final = 1_000
"""Plays or feedback a request: the contract's most."""

STREAM_DEADLINE: Final = 600.0
"""Seconds that a stream with an end may take where the caller names no timeout."""


@dataclass(frozen=True, slots=True)
class Method:
    """One call: its path on the wire, its answer's type, whether it streams, and its seconds (None: without an end)."""

    path: str
    answer: type[Message]
    streams: bool
    deadline: float | None


def method_of(request: Message, *, streams: bool) -> Method:
    """The call that `request` belongs to. Raises TypeError where it is none's, or where `streams` is not its way."""
    name = request.DESCRIPTOR.full_name
    method = _methods().get(name)
    if method is None:
        raise TypeError(f"{name} is no request of the contract: give one such as segue.v1.RecommendRequest.")
    if method.streams != streams:
        way = "stream" if method.streams else "ask"
        raise TypeError(f"{method.path} is called by `{way}`.")
    return method


def paged(request: Message) -> Any:
    """A copy of the request, whose page token can be set. Raises TypeError where its call has no pages."""
    if "page_token" not in request.DESCRIPTOR.fields_by_name:
        raise TypeError(f"{request.DESCRIPTOR.full_name} has no pages: call it by `ask`.")
    copy = type(request)()
    copy.CopyFrom(request)
    return copy


def batches_of_plays(plays: Sequence[play_pb2.Play]) -> Iterator[ingest_pb2.RecordPlaysRequest]:
    """Requests that hold all plays in their order; a play without an event id is given one, in place."""
    for first in range(0, len(plays), BATCH):
        yield ingest_pb2.RecordPlaysRequest(plays=_named(plays[first : first + BATCH]))


def batches_of_feedback(feedback: Sequence[play_pb2.Feedback]) -> Iterator[ingest_pb2.RecordFeedbackRequest]:
    """Requests that hold all feedback in its order; one without an event id is given one, in place."""
    for first in range(0, len(feedback), BATCH):
        yield ingest_pb2.RecordFeedbackRequest(feedback=_named(feedback[first : first + BATCH]))


def _named(events: Sequence[E]) -> Sequence[E]:
    for event in events:
        if not event.event_id:
            event.event_id = str(uuid4())
    return events


def send(channel: Any, method: Method) -> Callable[..., Any]:
    """The method on a channel, of either kind."""
    make = channel.unary_stream if method.streams else channel.unary_unary
    callable_: Callable[..., Any] = make(
        method.path,
        request_serializer=methodcaller("SerializeToString"),
        response_deserializer=method.answer.FromString,
    )
    return callable_


@cache
def _methods() -> Mapping[str, Method]:
    services = [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]
    return {one.input_type.full_name: _method(one) for service in services for one in service.methods}


def _method(descriptor: MethodDescriptor) -> Method:
    service = descriptor.containing_service.full_name
    return Method(
        path=f"/{service}/{descriptor.name}",
        answer=GetMessageClass(descriptor.output_type),
        streams=bool(descriptor.server_streaming),
        deadline=_deadline(service, descriptor),
    )


def _deadline(service: str, descriptor: MethodDescriptor) -> float | None:
    if not descriptor.server_streaming:
        return DEADLINES.get(service, OTHER_DEADLINE)
    return None if descriptor.name.startswith("Watch") else STREAM_DEADLINE
