"""Erasures and their receipts, kept until they are pruned."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol

from backend.domain.erasures import ErasedPart, Erasure, PartReceipt


class ErasureStore(Protocol):
    """Several processes work on one erasure, each on its part. Durable when a method returns. Raises Unavailable."""

    def put_erasure(self, erasure: Erasure) -> None:
        """A new one."""
        ...

    def put_part(self, erasure_id: str, part: ErasedPart, receipt: PartReceipt) -> None:
        """What became of a part; other parts stay as they are. Where the erasure is not there nothing happens."""
        ...

    def put_days(self, erasure_id: str, days: Collection[date]) -> None:
        """The days that are to be computed again; everything else stays. Where it is not there nothing happens."""
        ...

    def close_erasure(self, erasure_id: str, *, at: datetime) -> None:
        """It is over: `done_at` is set and the subject goes."""
        ...

    def erasure(self, erasure_id: str) -> Erasure | None:
        """None where there is none of that id."""
        ...

    def open_erasures(self) -> Sequence[Erasure]:
        """Those that have a subject still, oldest first."""
        ...

    def erasures(self, *, limit: int, before: tuple[datetime, str] | None = None) -> Sequence[Erasure]:
        """Newest first, by (asked_at, erasure_id); only those before that place, where given."""
        ...

    def drop_receipts(self, *, done_before: datetime) -> int:
        """Those of erasures that were over by then are there no more; how many."""
        ...
