"""The mapping of listeners and pseudonyms as documents, one each."""

import threading
from collections.abc import Collection
from datetime import UTC, datetime

from pymongo import UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from backend.adapters.store.mongo_connection import BULK, Document, reachable
from backend.domain.errors import Unavailable
from backend.ports.identity import new_pseudonym
from backend.sealing import Sealing

_KEY_CHECK = "the secret's own"
_DUPLICATE = 11000
"""MongoDB's code for a document whose `_id` is taken."""
READ_ALL = 100
"""Where one in so many is asked for by pseudonym, all are read: the embedded server has no index but of unique keys,
and compares each of its documents with each that is asked for (33 s for 5,000 of 100,000)."""


class MongoIdentities:
    """`Identities` in the collection `identities`; see `backend.sealing` for what stands there.

    `_id` is the look-up key of the listener's id, `pseudonym` stands for it, `sealed` holds the id. One document tells
    whether this is the secret that the others were made with: another one would make new pseudonyms for everybody, so
    that nobody's data were found any more, and every method raises Unavailable then, naming the setting.
    """

    def __init__(self, database: Database[Document], sealing: Sealing) -> None:
        self._identities = database["identities"]
        self._checks = database["identity_check"]
        self._sealing = sealing
        self._is_checked = False
        self._lock = threading.Lock()

    @staticmethod
    def create_indexes(database: Database[Document]) -> None:
        """What `Store.migrate` does for identities; it needs no secret."""
        with reachable():
            # Not unique: 128 bits of chance do not meet, and to keep watch made newcomers cost three times as much.
            database["identities"].create_index("pseudonym", name="pseudonym")

    def check(self) -> None:
        """See `Identities.check`. Once a process."""
        if self._is_checked:
            return
        with self._lock, reachable():
            own = self._sealing.look_up_key(_KEY_CHECK)
            # Whoever comes first leaves the check; the majority decides who that was.
            self._checks.bulk_write([UpdateOne({"_id": "secret"}, {"$setOnInsert": {"check": own}}, upsert=True)])
            held = self._checks.find_one({"_id": {"$eq": "secret"}})
            if held is None or held["check"] != own:
                raise Unavailable(
                    "identity_secret is not the secret that the listeners' pseudonyms were made with: give the server "
                    "that one (identity_secret_file; kept by default in home/identity/secret)"
                )
            self._is_checked = True

    def pseudonyms(self, listener_ids: Collection[str]) -> dict[str, str]:
        """See `Identities.pseudonyms`."""
        self.check()
        return self._found({self._sealing.look_up_key(one): one for one in listener_ids})

    def ensure(self, listener_ids: Collection[str]) -> dict[str, str]:
        """See `Identities.ensure`."""
        self.check()
        keys = {self._sealing.look_up_key(one): one for one in listener_ids}
        found = self._found(keys)
        missing = [(key, one) for key, one in keys.items() if one not in found]
        if missing:
            now = datetime.now(UTC)
            made: dict[str, Document] = {
                key: {"_id": key, "pseudonym": new_pseudonym(), "sealed": self._sealing.seal(one), "since": now}
                for key, one in missing
            }
            # Where another process was quicker its pseudonym holds.
            taken = self._insert_new(list(made.values()))
            found |= {keys[key]: document["pseudonym"] for key, document in made.items() if key not in taken}
            found |= self._found({key: keys[key] for key in taken}) if taken else {}
        if len(found) < len(keys):
            raise Unavailable("a listener was erased while a call made their identity: send it again")
        return found

    def listener_ids(self, pseudonyms: Collection[str]) -> dict[str, str]:
        """See `Identities.listener_ids`."""
        self.check()
        wanted = set(pseudonyms)
        if not wanted:
            return {}
        with reachable():
            is_much = len(wanted) * READ_ALL >= self._identities.estimated_document_count()
            asked: Document = {} if is_much else {"pseudonym": {"$in": sorted(wanted)}}
            found = [
                document
                for document in self._identities.find(asked, {"pseudonym": 1, "sealed": 1})
                if document["pseudonym"] in wanted
            ]
        return {document["pseudonym"]: self._sealing.opened(bytes(document["sealed"])) for document in found}

    def forget(self, pseudonym: str) -> bool:
        """See `Identities.forget`."""
        self.check()
        with reachable():
            return self._identities.delete_many({"pseudonym": {"$eq": pseudonym}}).deleted_count > 0

    def look_up_key(self, listener_id: str) -> str:
        """See `Identities.look_up_key`."""
        return self._sealing.look_up_key(listener_id)

    def _found(self, listener_of: dict[str, str]) -> dict[str, str]:
        """Pseudonyms by listener id, of those whose look-up keys are given."""
        with reachable():
            found = self._identities.find({"_id": {"$in": list(listener_of)}}, {"pseudonym": 1})
            return {listener_of[document["_id"]]: document["pseudonym"] for document in found}

    def _insert_new(self, documents: list[Document]) -> set[str]:
        """Insert them; the look-up keys of those that were there by then."""
        taken: set[str] = set()
        for start in range(0, len(documents), BULK):
            part = documents[start : start + BULK]
            with reachable():
                try:
                    self._identities.insert_many(part, ordered=False)
                except BulkWriteError as error:
                    refused = (error.details or {}).get("writeErrors", [])
                    if not refused or any(one.get("code") != _DUPLICATE for one in refused):
                        raise
                    taken |= {part[one["index"]]["_id"] for one in refused}
        return taken
