"""Listeners' profiles as documents, one each."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from pymongo.database import Database

from backend.adapters.store.mongo_connection import Document, put, reachable
from backend.domain.feedback import FeedbackKind
from backend.domain.listeners import Profile, RecentPlay, Word

_LONG_AGO = datetime.fromtimestamp(0, tz=UTC)


class MongoProfileStore:
    """`ProfileStore` in the collection `profiles`; `_id` is the listener's pseudonym."""

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

    def drop_profiles(self, listener_ids: Sequence[str]) -> int:
        """See `ProfileStore.drop_profiles`."""
        with reachable():
            return self._profiles.delete_many({"_id": {"$in": list(listener_ids)}}).deleted_count


def _document(profile: Profile) -> Document:
    return {
        "_id": profile.listener_id,
        "recent": [asdict(play) for play in profile.recent],
        "words": [asdict(word) | {"kind": word.kind.value} for word in profile.words],
    }


def _profile(document: Document) -> Profile:
    # A play that was kept before profiles held the track's length comes back with the default, unknown.
    words = document["words"] if "words" in document else _words_without_moments(document)
    return Profile(
        listener_id=document["_id"],
        recent=tuple(RecentPlay(**play) for play in document["recent"]),
        words=tuple(Word(**word | {"kind": FeedbackKind(word["kind"])}) for word in words),
    )


def _words_without_moments(document: Document) -> list[Document]:
    """What profiles held before they remembered when a word was given: any word with a moment is later."""
    kinds = ((FeedbackKind.LIKE, document["liked"]), (FeedbackKind.HIDE, document["hidden"]))
    return [
        {"track_id": track_id, "kind": kind, "given_at": _LONG_AGO, "event_id": ""}
        for kind, track_ids in kinds
        for track_id in track_ids
    ]
