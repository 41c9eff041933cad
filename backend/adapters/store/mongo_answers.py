"""Answers as documents, for their next pages."""

from collections.abc import Sequence
from datetime import datetime

from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from backend.adapters.store.mongo_connection import Document, reachable


class MongoAnswerStore:
    """`AnswerStore` in the collection `answers`; `_id` is the answer's id.

    A write is acknowledged by the primary only, as it lies in a request's way: an answer that a fail-over loses is
    asked for again. MongoDB drops what has expired by itself (a TTL index); mongo-java-server does not.
    """

    def __init__(self, database: Database[Document]) -> None:
        self._answers = database.get_collection("answers", write_concern=WriteConcern(w=1, j=False))

    def create_answer_indexes(self) -> None:
        """What `Store.migrate` does for answers."""
        self._answers.create_index("expires_at", expireAfterSeconds=0)

    def put_answer(self, answer_id: str, content: bytes, *, expires_at: datetime) -> None:
        """See `AnswerStore.put_answer`."""
        with reachable():
            document = {"_id": answer_id, "content": content, "expires_at": expires_at}
            self._answers.replace_one({"_id": answer_id}, document, upsert=True)

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
