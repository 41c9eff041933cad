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

SCAN_MS = 180_000
"""How long a scan of the catalogue may be silent. The embedded store collects all documents before it gives the first,
5 s for 60,000 tracks, and answers nobody else on that thread meanwhile: a client that waits for its sign of life as
short as others do would give the scan up each time, and begin it again for ever."""


class MongoStore(MongoCatalogueStore, MongoProfileStore, MongoTableStore, MongoAnswerStore, MongoErasureStore):
    """`Store` in one database named for the tenant. `identities` gives the mapping of listeners in the same database.

    `password` is that of the user whom `url` names without one. Writes are acknowledged by a majority, journalled
    (answers: see there). Thread-safe; connects on first use. Making one raises ValueError where `url` is none of
    MongoDB's.
    """

    def __init__(self, url: str, *, tenant: str, password: str = "", connect_seconds: float = 5.0) -> None:
        shared: dict[str, Any] = {
            "tz_aware": True,
            "w": "majority",
            "journal": True,
            "retryWrites": False,  # Needs sessions, which wire version 8 servers may lack; every write is an upsert.
            "serverSelectionTimeoutMS": round(connect_seconds * 1000),
            "appname": f"{tenant}-segue",
            **({"password": password} if password else {}),
        }
        with _address_told(url):
            self._client: MongoClient[Document] = MongoClient(
                url, connectTimeoutMS=round(connect_seconds * 1000), socketTimeoutMS=60_000, **shared
            )
            # Of its own, for its patience: see SCAN_MS. It connects when it is used.
            self._scanning: MongoClient[Document] = MongoClient(
                url, connect=False, connectTimeoutMS=SCAN_MS, socketTimeoutMS=SCAN_MS, **shared
            )
        database = self._client[tenant]
        MongoCatalogueStore.__init__(self, database, scanned=self._scanning[tenant])
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
        self._scanning.close()


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
