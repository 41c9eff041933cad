"""What an app's wishes come to for one listener: whom an answer leaves out, and the taste that it goes by."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from backend.domain.listeners import Profile
from backend.domain.tracks import Track
from backend.domain.wanted import TrackFilter, Wanted
from backend.ranking.profile import Taste, taste_of, with_seeds

RESTED: Final = timedelta(hours=3)
"""A track played within this time does not come again, whatever share of known tracks is asked for."""


def wished_taste(profile: Profile, wanted: Wanted, *, now: datetime) -> Taste:
    """What an answer goes by, and `unwanted`: tracks that were hidden, those heard before as `wanted` says, seeds."""
    taste = replace(taste_of(profile), unwanted=profile.hidden | _heard(profile, wanted, now))
    if not wanted.seeds:
        return taste
    weights = {seed.track_id: seed.weight for seed in wanted.seeds}
    return with_seeds(taste, weights, alone=wanted.session)


def _heard(profile: Profile, wanted: Wanted, now: datetime) -> frozenset[str]:
    within = RESTED if wanted.known_share is not None else wanted.heard_within
    return frozenset(play.track_id for play in profile.recent if within is None or play.played_at > now - within)


def without_known_artists(wanted: TrackFilter, tracks: Mapping[str, Track]) -> TrackFilter:
    """The filter that also leaves out every artist of these tracks, which the listener played or liked."""
    known = {artist_id for track in tracks.values() for artist_id in track.artist_ids}
    return replace(wanted, without_artist_ids=tuple(sorted(known.union(wanted.without_artist_ids))))
