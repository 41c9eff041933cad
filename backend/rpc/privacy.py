"""PrivacyService: each RPC converts, calls, converts; an export is sent as it is made."""

from collections.abc import Iterator
from datetime import datetime

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import privacy_pb2, privacy_pb2_grpc

from backend.domain.erasures import ErasedPart, Erasure, PartReceipt
from backend.rpc.call import time_budget
from backend.rpc.convert import timestamp_of
from backend.services.erasure import Erasures
from backend.services.export import Exporter
from backend.services.holdings import HungUp
from backend.services.rights import Rights


class PrivacyServicer(privacy_pb2_grpc.PrivacyServiceServicer):
    """The door of `Exporter`, `Erasures` and `Rights`."""

    def __init__(self, exporter: Exporter, erasures: Erasures, rights: Rights) -> None:
        self._exporter = exporter
        self._erasures = erasures
        self._rights = rights

    def ExportListener(
        self, request: privacy_pb2.ExportListenerRequest, context: grpc.ServicerContext
    ) -> Iterator[privacy_pb2.ExportListenerResponse]:
        """See privacy.proto."""
        try:
            for chunk in self._exporter.export(request.listener_id, is_wanted=context.is_active):
                yield privacy_pb2.ExportListenerResponse(chunk=chunk)
        except HungUp:
            return

    def EraseListener(
        self, request: privacy_pb2.EraseListenerRequest, context: grpc.ServicerContext
    ) -> privacy_pb2.EraseListenerResponse:
        """See privacy.proto."""
        erasure = self._erasures.ask(request.listener_id, timeout_seconds=time_budget(context))
        return privacy_pb2.EraseListenerResponse(erasure=erasure_message(erasure))

    def ListErasures(
        self, request: privacy_pb2.ListErasuresRequest, context: grpc.ServicerContext
    ) -> privacy_pb2.ListErasuresResponse:
        """See privacy.proto."""
        erasures, token = self._erasures.page(page_size=request.page_size, page_token=request.page_token)
        return privacy_pb2.ListErasuresResponse(erasures=map(erasure_message, erasures), next_page_token=token)

    def GetErasure(
        self, request: privacy_pb2.GetErasureRequest, context: grpc.ServicerContext
    ) -> privacy_pb2.GetErasureResponse:
        """See privacy.proto."""
        return privacy_pb2.GetErasureResponse(erasure=erasure_message(self._erasures.get(request.erasure_id)))

    def SetListenerRights(
        self, request: privacy_pb2.SetListenerRightsRequest, context: grpc.ServicerContext
    ) -> privacy_pb2.SetListenerRightsResponse:
        """See privacy.proto."""
        self._rights.allow_training(
            request.listener_id, allowed=request.allow_training, timeout_seconds=time_budget(context)
        )
        return privacy_pb2.SetListenerRightsResponse()


def erasure_message(erasure: Erasure) -> privacy_pb2.Erasure:
    """The receipt, parts in their order; whom it is of stays here."""
    return privacy_pb2.Erasure(
        erasure_id=erasure.erasure_id,
        asked_time=_stamp(erasure.asked_at),
        due_time=_stamp(erasure.due_at),
        done_time=_stamp(erasure.done_at),
        parts=[_receipt(part, erasure.parts[part]) for part in ErasedPart if part in erasure.parts],
    )


def _receipt(part: ErasedPart, receipt: PartReceipt) -> privacy_pb2.ErasureReceipt:
    return privacy_pb2.ErasureReceipt(
        part=f"ERASED_PART_{part.name}",
        rows=receipt.rows,
        done_time=_stamp(receipt.done_at),
        until_time=_stamp(receipt.until),
        told=receipt.told,
    )


def _stamp(moment: datetime | None) -> Timestamp | None:
    return None if moment is None else timestamp_of(moment)
