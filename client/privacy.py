"""What is held of a listener: given out, taken back, and what they allow; answers in plain values."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import grpc
from segue.v1 import privacy_pb2, privacy_pb2_grpc

from client.errors import explain

PAGE_SIZE = 1_000
"""Erasures a call: the contract's largest page."""


def export(channel: grpc.Channel, listener_id: str) -> Iterator[bytes]:
    """The zip of all that is held of the listener, chunk by chunk. Raises QueryFailed: what came before is no zip."""
    stream = _stub(channel).ExportListener(privacy_pb2.ExportListenerRequest(listener_id=listener_id))
    try:
        for answer in stream:
            yield answer.chunk
    except grpc.RpcError as error:
        raise explain(error) from error
    finally:
        stream.cancel()


def erase(channel: grpc.Channel, listener_id: str) -> Mapping[str, Any]:
    """Erase the listener; the receipt, as `erasures` lists it. Raises QueryFailed."""
    request = privacy_pb2.EraseListenerRequest(listener_id=listener_id)
    try:
        return _receipt(_stub(channel).EraseListener(request).erasure)
    except grpc.RpcError as error:
        raise explain(error) from error


def erasures(channel: grpc.Channel) -> Iterator[Mapping[str, Any]]:
    """Every receipt that is kept, newest first: id, when it was asked for, is due and was done (None: it runs), parts.

    Of a part: its name, rows, when it was done or until when it will be, and what was done. Raises QueryFailed.
    """
    request = privacy_pb2.ListErasuresRequest(page_size=PAGE_SIZE)
    try:
        while True:
            page = _stub(channel).ListErasures(request)
            yield from map(_receipt, page.erasures)
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return
    except grpc.RpcError as error:
        raise explain(error) from error


def erasure(channel: grpc.Channel, erasure_id: str) -> Mapping[str, Any]:
    """One receipt. Raises QueryFailed."""
    try:
        return _receipt(_stub(channel).GetErasure(privacy_pb2.GetErasureRequest(erasure_id=erasure_id)).erasure)
    except grpc.RpcError as error:
        raise explain(error) from error


def allow_training(channel: grpc.Channel, listener_id: str, *, allowed: bool) -> None:
    """Say whether models may learn from the listener's plays. Raises QueryFailed."""
    request = privacy_pb2.SetListenerRightsRequest(listener_id=listener_id, allow_training=allowed)
    try:
        _stub(channel).SetListenerRights(request)
    except grpc.RpcError as error:
        raise explain(error) from error


def _stub(channel: grpc.Channel) -> Any:
    return privacy_pb2_grpc.PrivacyServiceStub(channel)


def _receipt(erasure: privacy_pb2.Erasure) -> dict[str, Any]:
    return {
        "erasure_id": erasure.erasure_id,
        "asked_at": _moment(erasure, "asked_time"),
        "due_at": _moment(erasure, "due_time"),
        "done_at": _moment(erasure, "done_time"),
        "parts": [
            {
                "part": privacy_pb2.ErasedPart.Name(part.part).removeprefix("ERASED_PART_").lower(),
                "rows": part.rows,
                "done_at": _moment(part, "done_time"),
                "until": _moment(part, "until_time"),
                "told": part.told,
            }
            for part in erasure.parts
        ],
    }


def _moment(message: Any, field: str) -> datetime | None:
    return getattr(message, field).ToDatetime(UTC) if message.HasField(field) else None
