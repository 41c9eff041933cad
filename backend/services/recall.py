"""What an answer reads of the store, each within its share of the time, and what is remembered where it cannot."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from backend.domain.errors import Unavailable
from backend.domain.listeners import Profile
from backend.domain.recommendations import StandIn
from backend.domain.tracks import Track
from backend.ranking.profile import NO_TASTE, Taste, taste_of
from backend.services.catalogue import Catalogue
from backend.services.findings import Findings
from backend.services.identities import KnownIdentities
from backend.services.parts import Parts
from backend.services.profiles import Profiles
from backend.services.trending import Trending, TrendList

PROFILE_SHARE: Final = 0.25
TRENDS_SHARE: Final = 0.4
CATALOGUE_SHARE: Final = 0.5
"""Of the time that is left when a part begins."""

TITLES_SECONDS: Final = 1.0


class Recall:
    """The listener's profile, the charts and the catalogue.

    Where the store is down or slow, what was read last stands in and the answer says so; nothing here fails.
    """

    def __init__(
        self,
        *,
        identities: KnownIdentities,
        profiles: Profiles,
        trending: Trending,
        catalogue: Catalogue,
        parts: Parts,
    ) -> None:
        self._identities = identities
        self._profiles = profiles
        self._trending = trending
        self._catalogue = catalogue
        self._parts = parts

    def profile(self, listener_id: str, found: Findings) -> Profile:
        """Of one who is unknown an empty one, and so of nobody ("")."""
        if not listener_id:
            return Profile(listener_id="")
        try:
            return found.turn.ask("profile", lambda: self._read(listener_id), share=PROFILE_SHARE)
        except Unavailable as error:
            return self._last_known(listener_id, error, found)

    def taste(self, listener_id: str, found: Findings) -> tuple[str, Taste]:
        """Pseudonym and taste, in the same way; the same object as long as nothing came. Of the unknown "" and none."""
        if not listener_id:
            return "", NO_TASTE
        pseudonym = self._identities.remembered(listener_id)
        held = None if pseudonym is None else self._profiles.remembered_taste(pseudonym)
        if pseudonym is not None and held is not None:
            return pseudonym, held
        try:
            return found.turn.ask("profile", lambda: self._read_taste(listener_id), share=PROFILE_SHARE)
        except Unavailable as error:
            return pseudonym or "", taste_of(self._last_known(listener_id, error, found))

    def trends(self, found: Findings) -> TrendList:
        """What rises and what is popular; empty where that was never read."""
        held = self._trending.held()
        if held is None or held.stale:
            try:
                held = found.turn.ask("trends", self._trending.rising_and_popular, share=TRENDS_SHARE)
            except Unavailable as error:
                if held is None:
                    found.without_store(error, StandIn.OTHER_PARTS, "what needs no charts")
                    return TrendList((), stale=True)
        if held.stale:
            found.without_store(Unavailable("old charts"), StandIn.SNAPSHOT, "the charts as they were read last")
        return held

    def tracks(self, track_ids: Iterable[str], found: Findings) -> Mapping[str, Track]:
        """Those in the catalogue; where it cannot be read, those that are remembered."""
        asked = list(dict.fromkeys(track_ids))
        known = self._catalogue.remembered_tracks(asked)
        if not known.unread:
            return known.found
        try:
            return found.turn.ask("catalogue", lambda: self._catalogue.tracks(asked), share=CATALOGUE_SHARE)
        except Unavailable as error:
            found.without_store(error, StandIn.SNAPSHOT, "the tracks that are remembered of the catalogue")
            return self._catalogue.remembered_tracks(asked, old=True).found

    def first_artists(self, track_ids: Sequence[str], found: Findings) -> Sequence[str | None]:
        """The first artist of each track, None for one that is not in the catalogue, in the same way."""
        held = self._catalogue.held_first_artists(track_ids)
        if None not in held:
            return held
        try:
            return found.turn.ask("catalogue", lambda: self._catalogue.first_artists(track_ids), share=CATALOGUE_SHARE)
        except Unavailable as error:
            found.without_store(error, StandIn.SNAPSHOT, "the tracks that are remembered of the catalogue")
            old = self._catalogue.remembered_tracks(track_ids, old=True).found
            return [
                artist or (old[one].artist_ids[0] if one in old else None)
                for one, artist in zip(track_ids, held, strict=True)
            ]

    def titles(self, track_ids: Iterable[str]) -> Mapping[str, str]:
        """Titles of tracks, in the same way; for an answer that is read when its call may have ended."""
        found = Findings(self._parts.within(TITLES_SECONDS))
        return {one: track.title for one, track in self.tracks(track_ids, found).items()}

    def names(self, track_ids: Iterable[str], found: Findings) -> None:
        """Read the tracks of a page and their artists, so that they are remembered when it is written."""
        artist_ids = {one for track in self.tracks(track_ids, found).values() for one in track.artist_ids}
        unread = self._catalogue.remembered_artists(artist_ids).unread
        if unread:
            try:
                found.turn.ask("artists", lambda: self._catalogue.look_up_artists(unread), share=CATALOGUE_SHARE)
            except Unavailable as error:
                found.without_store(error, StandIn.SNAPSHOT, "ids in place of artists' names")

    def _last_known(self, listener_id: str, error: Exception, found: Findings) -> Profile:
        pseudonym = self._identities.remembered(listener_id)
        known = Profile(listener_id="") if pseudonym is None else self._profiles.last_known(pseudonym)
        if known.recent or known.words:
            found.without_store(error, StandIn.SNAPSHOT, "the listener's profile as it was read last")
        else:
            found.without_store(error, StandIn.OTHER_PARTS, "what needs no profile of the listener")
        return known

    def _read_taste(self, listener_id: str) -> tuple[str, Taste]:
        pseudonym = self._identities.pseudonym(listener_id)
        return (pseudonym, self._profiles.taste(pseudonym)) if pseudonym else ("", NO_TASTE)

    def _read(self, listener_id: str) -> Profile:
        pseudonym = self._identities.pseudonym(listener_id)
        return Profile(listener_id="") if pseudonym is None else self._profiles.of(pseudonym)
