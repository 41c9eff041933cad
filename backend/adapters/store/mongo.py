"""The store on MongoDB's protocol: MongoDB itself, or mongo-java-server (wire version 8, no transactions)."""

from pymongo import MongoClient

from backend.adapters.store.mongo_answers import MongoAnswerStore
from backend.adapters.store.mongo_catalogue import MongoCatalogueStore
from backend.adapters.store.mongo_connection import Document, reachable
from backend.adapters.store.mongo_profiles import MongoProfileStore
from backend.adapters.store.mongo_tables import MongoTableStore


class MongoStore(MongoCatalogueStore, MongoProfileStore, MongoTableStore, MongoAnswerStore):
    """`Store` in one database named for the tenant.

    Writes are acknowledged by a majority, journalled (answers: see there). Thread-safe; connects on first use.
    """

    def __init__(self, url: str, *, tenant: str, connect_seconds: float = 5.0) -> None:
        self._client: MongoClient[Document] = MongoClient(
            url,
            tz_aware=True,
            w="majority",
            journal=True,
            retryWrites=False,  # Needs sessions, which wire version 8 servers may lack; every write here is an upsert.
            serverSelectionTimeoutMS=round(connect_seconds * 1000),
            connectTimeoutMS=round(connect_seconds * 1000),
            socketTimeoutMS=60_000,
            appname=f"{tenant}-segue",
        )
        database = self._client[tenant]
        MongoCatalogueStore.__init__(self, database)
        MongoProfileStore.__init__(self, database)
        MongoTableStore.__init__(self, database)
        MongoAnswerStore.__init__(self, database)

    def migrate(self) -> None:
        """See `Store.migrate`."""
        with reachable():
            self.create_table_indexes()
            self.create_answer_indexes()

    def ping(self) -> None:
        """See `Store.ping`."""
        with reachable():
            self._client.admin.command("ping")

    def close(self) -> None:
        """See `Store.close`."""
        self._client.close()
