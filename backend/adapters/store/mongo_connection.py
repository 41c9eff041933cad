"""What the MongoDB adapters share: the document type, error translation and bulk upserts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pymongo import DeleteOne, ReplaceOne, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import OperationFailure, PyMongoError

from backend.domain.errors import Unavailable

Document = dict[str, Any]

BULK = 1_000
"""Operations in one round trip: tried to be the fastest with mongo-java-server."""

_LOGIN_REFUSED = frozenset({13, 18})
"""MongoDB's codes for what needs a login that was not given (Unauthorized), and for a wrong one."""


@contextmanager
def reachable() -> Iterator[None]:
    """Turns the driver's errors into Unavailable; a login that is refused names its settings."""
    try:
        yield
    except OperationFailure as error:
        hint = "; see the user in store_url, and store_password_file" if error.code in _LOGIN_REFUSED else ""
        raise Unavailable(f"the store did not do it: {error}{hint}") from error
    except PyMongoError as error:
        raise Unavailable(f"the store did not do it: {error}") from error


def write_bulk(
    collection: "Collection[Document]", operations: Sequence[ReplaceOne[Document] | UpdateOne | DeleteOne]
) -> None:
    """Unordered bulks: one failing operation does not hold back the others; any failure raises Unavailable."""
    for start in range(0, len(operations), BULK):
        with reachable():
            collection.bulk_write(operations[start : start + BULK], ordered=False)


def put(collection: "Collection[Document]", documents: Sequence[Document]) -> None:
    """Upsert whole documents by `_id`; of two with one `_id` the last wins."""
    latest = {document["_id"]: document for document in documents}
    write_bulk(collection, [ReplaceOne({"_id": key}, document, upsert=True) for key, document in latest.items()])
