"""Erasures as documents, one each."""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import date, datetime

from pymongo.database import Database

from backend.adapters.store.mongo_connection import Document, put, reachable
from backend.domain.erasures import ErasedPart, Erasure, PartReceipt, Subject


class MongoErasureStore:
    """`ErasureStore` in the collection `erasures`; `_id` is the erasure's id, `parts` holds a document a part."""

    def __init__(self, database: Database[Document]) -> None:
        self._erasures = database["erasures"]

    def create_erasure_indexes(self) -> None:
        """What `Store.migrate` does for erasures."""
        with reachable():
            self._erasures.create_index([("asked_at", -1)], name="asked_at")

    def put_erasure(self, erasure: Erasure) -> None:
        """See `ErasureStore.put_erasure`."""
        put(
            self._erasures,
            [
                {
                    "_id": erasure.erasure_id,
                    "asked_at": erasure.asked_at,
                    "due_at": erasure.due_at,
                    "done_at": erasure.done_at,
                    "parts": {part.value: asdict(receipt) for part, receipt in erasure.parts.items()},
                    "subject": asdict(erasure.subject) if erasure.subject else None,
                    "days": _told(erasure.days),
                }
            ],
        )

    def put_part(self, erasure_id: str, part: ErasedPart, receipt: PartReceipt) -> None:
        """See `ErasureStore.put_part`."""
        with reachable():
            self._erasures.update_one({"_id": {"$eq": erasure_id}}, {"$set": {f"parts.{part.value}": asdict(receipt)}})

    def put_days(self, erasure_id: str, days: Collection[date]) -> None:
        """See `ErasureStore.put_days`."""
        with reachable():
            self._erasures.update_one({"_id": {"$eq": erasure_id}}, {"$set": {"days": _told(days)}})

    def close_erasure(self, erasure_id: str, *, at: datetime) -> None:
        """See `ErasureStore.close_erasure`."""
        with reachable():
            self._erasures.update_one({"_id": {"$eq": erasure_id}}, {"$set": {"done_at": at, "subject": None}})

    def erasure(self, erasure_id: str) -> Erasure | None:
        """See `ErasureStore.erasure`."""
        with reachable():
            found = self._erasures.find_one({"_id": {"$eq": erasure_id}})
        return None if found is None else _erasure(found)

    def open_erasures(self) -> Sequence[Erasure]:
        """See `ErasureStore.open_erasures`."""
        with reachable():
            return [_erasure(one) for one in self._erasures.find({"subject": {"$ne": None}}).sort("asked_at", 1)]

    def erasures(self, *, limit: int, before: tuple[datetime, str] | None = None) -> Sequence[Erasure]:
        """See `ErasureStore.erasures`."""
        asked: Document = {}
        if before is not None:
            moment, erasure_id = before
            asked = {"$or": [{"asked_at": {"$lt": moment}}, {"asked_at": moment, "_id": {"$lt": erasure_id}}]}
        with reachable():
            found = self._erasures.find(asked).sort([("asked_at", -1), ("_id", -1)]).limit(limit)
            return [_erasure(one) for one in found]

    def drop_receipts(self, *, done_before: datetime) -> int:
        """See `ErasureStore.drop_receipts`."""
        with reachable():
            return self._erasures.delete_many({"done_at": {"$ne": None, "$lt": done_before}}).deleted_count


def _told(days: Collection[date]) -> list[str]:
    return [day.isoformat() for day in sorted(days)]


def _erasure(document: Document) -> Erasure:
    return Erasure(
        erasure_id=document["_id"],
        asked_at=document["asked_at"],
        due_at=document["due_at"],
        done_at=document["done_at"],
        parts={ErasedPart(name): PartReceipt(**receipt) for name, receipt in document["parts"].items()},
        subject=Subject(**document["subject"]) if document["subject"] else None,
        days=frozenset(date.fromisoformat(day) for day in document["days"]),
    )
