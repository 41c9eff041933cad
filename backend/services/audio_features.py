"""What becomes of tracks of the catalogue when somebody tells how they sound."""

from collections.abc import Sequence
from dataclasses import replace

from backend.domain.errors import Violation
from backend.domain.tracks import Track, TrackAudioFeatures, completed
from backend.services.catalogue import Lookup
from backend.services.outcomes import Outcome, Refused, Result


def completed_tracks(heard: Sequence[TrackAudioFeatures | Refused], known: Lookup[Track]) -> list[Track | Result]:
    """The tracks to write, or what has become of an element that leads to none; in order.

    Of several elements for one track each goes on from what the one before it led to.
    """
    now = dict(known.found)
    checked: list[Track | Result] = []
    for at, one in enumerate(heard):
        if isinstance(one, Refused):
            checked.append(one.result)
            continue
        track = now.get(one.track_id)
        if track is None:
            checked.append(_missing(one.track_id, at, is_read=one.track_id not in known.unread))
            continue
        features = completed(track.audio_features, one.audio_features)
        if features == track.audio_features:
            checked.append(Result(id=one.track_id, outcome=Outcome.DUPLICATE))
        else:
            now[one.track_id] = replace(track, audio_features=features)
            checked.append(now[one.track_id])
    return checked


def _missing(track_id: str, at: int, *, is_read: bool) -> Result:
    if not is_read:
        return Result(id=track_id, outcome=Outcome.UNCONFIRMED)
    text = f"unknown track '{track_id}': send it with UpsertTracks first"
    return Result(id=track_id, outcome=Outcome.REJECTED, violations=(Violation(f"tracks[{at}].track_id", text),))
