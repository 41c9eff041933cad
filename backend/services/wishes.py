"""What an app's wishes come to for one listener: whom an answer leaves out, and the taste that it goes by."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from backend.domain.listeners import Profile
from backend.domain.tracks import Track
from backend.domain.wanted import TrackFilter, Wanted
from backend.ranking.profile import Taste, with_seeds

RESTED: Final = timedelta(hours=3)
"""A track played within this time does not come again, whatever share of known tracks is asked for."""


def needs_profile(wanted: Wanted) -> bool:
    """Whether it asks for more of a listener than their taste."""
    return wanted.heard_within is not None or wanted.known_share is not None or wanted.new_artists_only


def heard_before(profile: Profile, wanted: Wanted, *, now: datetime) -> frozenset[str]:
    """What an answer leaves out of the profile's tracks: those that were hidden, and those heard as `wanted` says."""
    within = RESTED if wanted.known_share is not None else wanted.heard_within
    heard = (play.track_id for play in profile.recent if within is None or play.played_at > now - within)
    return profile.hidden.union(heard)


def wished_taste(taste: Taste, wanted: Wanted) -> Taste:
    """What an answer goes by: the listener's taste, and the seeds where there are any."""
    if not wanted.seeds:
        return taste
    return with_seeds(taste, {seed.track_id: seed.weight for seed in wanted.seeds}, alone=wanted.session)


def without_known_artists(wanted: TrackFilter, tracks: Mapping[str, Track]) -> TrackFilter:
    """The filter that also leaves out every artist of these tracks, which the listener played or liked."""
    known = {artist_id for track in tracks.values() for artist_id in track.artist_ids}
    return replace(wanted, without_artist_ids=tuple(sorted(known.union(wanted.without_artist_ids))))
