"""Answers as documents, for their next pages."""

from collections.abc import Sequence
from datetime import datetime

from pymongo import ReplaceOne
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from backend.adapters.store.mongo_connection import Document, reachable
from backend.ports.store import KeptAnswer


class MongoAnswerStore:
    """`AnswerStore` in the collection `answers`; `_id` is the answer's id.

    A write is acknowledged by the primary only, as it may lie in a request's way: an answer that a fail-over loses is
    asked for again. MongoDB drops what has expired by itself (a TTL index); mongo-java-server does not.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._answers = database.get_collection("answers", write_concern=WriteConcern(w=1, j=False))

    def create_answer_indexes(self) -> None:
        """What `Store.migrate` does for answers."""
        self._answers.create_index("expires_at", expireAfterSeconds=0)

    def put_answers(self, answers: Sequence[KeptAnswer]) -> None:
        """See `AnswerStore.put_answers`."""
        writes = [
            ReplaceOne(
                {"_id": one.answer_id},
                {"_id": one.answer_id, "content": one.content, "expires_at": one.expires_at},
                upsert=True,
            )
            for one in answers
        ]
        if writes:
            with reachable():
                self._answers.bulk_write(writes, ordered=False)

    def answer(self, answer_id: str, *, now: datetime) -> bytes | None:
        """See `AnswerStore.answer`."""
        with reachable():
            found = self._answers.find_one({"_id": {"$eq": answer_id}})
        return found["content"] if found is not None and found["expires_at"] > now else None

    def drop_answers(self, answer_ids: Sequence[str]) -> None:
        """See `AnswerStore.drop_answers`."""
        with reachable():
            self._answers.delete_many({"_id": {"$in": list(answer_ids)}})

    def drop_expired_answers(self, *, now: datetime) -> None:
        """See `AnswerStore.drop_expired_answers`."""
        with reachable():
            self._answers.delete_many({"expires_at": {"$lte": now}})
