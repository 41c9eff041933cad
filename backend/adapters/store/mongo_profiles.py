"""Listeners' profiles as documents, one each."""

from collections.abc import Sequence
from dataclasses import asdict

from pymongo.database import Database

from backend.adapters.store.mongo_connection import Document, put, reachable
from backend.domain.listeners import Profile, RecentPlay


class MongoProfileStore:
    """`ProfileStore` in the collection `profiles`; `_id` is the listener's id."""

    def __init__(self, database: Database[Document]) -> None:
        self._profiles = database["profiles"]

    def profiles(self, listener_ids: Sequence[str]) -> dict[str, Profile]:
        """See `ProfileStore.profiles`."""
        with reachable():
            found = self._profiles.find({"_id": {"$in": list(set(listener_ids))}})
            return {document["_id"]: _profile(document) for document in found}

    def put_profiles(self, profiles: Sequence[Profile]) -> None:
        """See `ProfileStore.put_profiles`."""
        put(self._profiles, [_document(profile) for profile in profiles])


def _document(profile: Profile) -> Document:
    return {
        "_id": profile.listener_id,
        "recent": [asdict(play) for play in profile.recent],
        "liked": sorted(profile.liked),
        "hidden": sorted(profile.hidden),
    }


def _profile(document: Document) -> Profile:
    # A play that was kept before profiles held the track's length comes back with the default, unknown.
    return Profile(
        listener_id=document["_id"],
        recent=tuple(RecentPlay(**play) for play in document["recent"]),
        liked=frozenset(document["liked"]),
        hidden=frozenset(document["hidden"]),
    )
