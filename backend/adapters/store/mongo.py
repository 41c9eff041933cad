"""The store on MongoDB's protocol: MongoDB itself, or mongo-java-server (wire version 8, no transactions)."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from backend.adapters.store.mongo_answers import MongoAnswerStore
from backend.adapters.store.mongo_catalogue import MongoCatalogueStore
from backend.adapters.store.mongo_connection import Document, reachable
from backend.adapters.store.mongo_erasures import MongoErasureStore
from backend.adapters.store.mongo_identities import MongoIdentities
from backend.adapters.store.mongo_profiles import MongoProfileStore
from backend.adapters.store.mongo_tables import MongoTableStore
from backend.sealing import Sealing

BUSY_MS = 30_000
"""How long the driver waits for the answer by which it knows that the store is up, before it gives up all that is under
way. The embedded store answers nothing else while it begins a scan, which takes 5 s for 60,000 tracks."""


class MongoStore(MongoCatalogueStore, MongoProfileStore, MongoTableStore, MongoAnswerStore, MongoErasureStore):
    """`Store` in one database named for the tenant. `identities` gives the mapping of listeners in the same database.

    `password` is that of the user whom `url` names without one. Writes are acknowledged by a majority, journalled
    (answers: see there). Thread-safe; connects on first use. Making one raises ValueError where `url` is none of
    MongoDB's.
    """

    def __init__(self, url: str, *, tenant: str, password: str = "", connect_seconds: float = 5.0) -> None:
        login: dict[str, Any] = {"password": password} if password else {}
        with _address_told(url):
            self._client: MongoClient[Document] = MongoClient(
                url,
                tz_aware=True,
                w="majority",
                journal=True,
                retryWrites=False,  # Needs sessions, which wire version 8 servers may lack; every write is an upsert.
                serverSelectionTimeoutMS=round(connect_seconds * 1000),
                connectTimeoutMS=max(BUSY_MS, round(connect_seconds * 1000)),
                socketTimeoutMS=60_000,
                appname=f"{tenant}-segue",
                **login,
            )
        database = self._client[tenant]
        MongoCatalogueStore.__init__(self, database)
        MongoProfileStore.__init__(self, database)
        MongoTableStore.__init__(self, database)
        MongoAnswerStore.__init__(self, database)
        MongoErasureStore.__init__(self, database)
        self._database_of_identities = database

    def identities(self, sealing: Sealing) -> MongoIdentities:
        """`Identities` over this store's connection, read by this secret."""
        return MongoIdentities(self._database_of_identities, sealing)

    def migrate(self) -> None:
        """See `Store.migrate`."""
        with reachable():
            self.create_table_indexes()
            self.create_answer_indexes()
            self.create_erasure_indexes()
            MongoIdentities.create_indexes(self._database_of_identities)

    def ping(self) -> None:
        """See `Store.ping`."""
        with reachable():
            self._client.admin.command("ping")

    def close(self) -> None:
        """See `Store.close`."""
        self.stop_writers()
        self._client.close()


@contextmanager
def _address_told(url: str) -> Iterator[None]:
    """Raises ValueError for what the driver says of the address, what it only warns of included (a misspelt option)."""
    if not url.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("it begins with neither mongodb:// nor mongodb+srv://")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            yield
    except (PyMongoError, UserWarning) as error:
        raise ValueError(str(error)) from error
