"""Takes in plays, feedback and the catalogue, each element for itself.

Outcomes of a play or feedback:
1. the log's delivery report came → ACCEPTED, remembered, told to the profiles (and plays to the heartbeat)
2. its event id was acknowledged before, here or (as the log's tail tells) elsewhere, or stands earlier in the batch, or
   another call that has it under way gets it confirmed → DUPLICATE, nothing written
3. it breaks a rule, is too far in the future, or names an unknown track → REJECTED with the field
4. no delivery report in time, or a bad one → UNCONFIRMED
5. the log's queue is full → Overloaded for the whole call, nothing written
6. its track or its listener is not remembered and the store cannot be read → UNCONFIRMED, nothing of it written; where
   that leaves nothing to write, Unavailable for the whole call
7. the disk is nearly full → NoRoom for the whole call, nothing written; answers are given as ever (backend/room.py)
A track or artist: 1 (then known here at once, and put in the store if that answers: the sink brings it there anyway),
3, 4, 5, 7 and, for a track's artists, 6; the last of those with one id wins. Audio features of a track: likewise, the
track itself being what 3 and 6 look for, and 2 where they tell nothing new.

Whether a play is live or history is decided here, by this clock (`backend.domain.plays.timing`). Callers name listeners
by the app's own ids; from here on a pseudonym stands for each (`backend/ports/identity.py`).
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from backend.domain.errors import Unavailable, Violation
from backend.domain.feedback import Feedback
from backend.domain.plays import Play, timing
from backend.domain.tracks import Artist, Track, TrackAudioFeatures
from backend.ports.event_log import EventLog, Record, Topic
from backend.ports.records import artist_record, feedback_record, play_record, track_record
from backend.services.audio_features import completed_tracks
from backend.services.catalogue import Catalogue
from backend.services.identities import KnownIdentities
from backend.services.once import Once
from backend.services.outcomes import Listening, Outcome, Refused, Result

FUTURE = timedelta(hours=1)
"""How far ahead a client's clock may be."""

EventT = TypeVar("EventT", Play, Feedback)
ItemT = TypeVar("ItemT", Track, Artist)
AnyT = TypeVar("AnyT", Play, Feedback, Track, Artist)


class IngestService:
    """See the module's docstring for the outcomes. `now` is aware UTC; `new_id` makes event ids."""

    def __init__(
        self,
        log: EventLog,
        catalogue: Catalogue,
        identities: KnownIdentities,
        *,
        listening: Sequence[Listening] = (),
        require_room: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._log = log
        self._catalogue = catalogue
        self._identities = identities
        self._listening = listening
        self._require_room = require_room
        self._now = now
        self._new_id = new_id
        self._plays_once, self._feedback_once = Once(), Once()

    def record_plays(self, plays: Sequence[Play | Refused], *, timeout_seconds: float) -> list[Result]:
        """One result per play, in order. `artist_id` and `track_milliseconds` are filled in from the catalogue."""
        self._require_room()
        now = self._now()

        def filled(play: Play, track: Track, pseudonym: str) -> Play:
            return replace(
                play,
                listener_id=pseudonym,
                event_id=play.event_id or self._new_id(),
                artist_id=track.artist_ids[0],
                track_milliseconds=track.duration_milliseconds,
                timing=timing(play.timing, played_at=play.played_at, told_at=now),
            )

        checked = self._checked(plays, "plays[{}]", lambda play: ("played_at", play.played_at), filled, now=now)
        results = self._append_events(
            Topic.PLAYS, checked, lambda play: play_record(play, ingested_at=now), self._plays_once, timeout_seconds
        )
        accepted = _accepted(checked, results)
        if accepted:
            for listener in self._listening:
                listener.plays_accepted(accepted)
        return results

    def record_feedback(self, feedback: Sequence[Feedback | Refused], *, timeout_seconds: float) -> list[Result]:
        """One result per word, in order. `artist_id` is filled in from the catalogue."""
        self._require_room()

        def filled(word: Feedback, track: Track, pseudonym: str) -> Feedback:
            return replace(
                word,
                listener_id=pseudonym,
                event_id=word.event_id or self._new_id(),
                artist_id=track.artist_ids[0],
            )

        checked = self._checked(
            feedback, "feedback[{}]", lambda word: ("given_at", word.given_at), filled, now=self._now()
        )
        results = self._append_events(Topic.FEEDBACK, checked, feedback_record, self._feedback_once, timeout_seconds)
        accepted = _accepted(checked, results)
        if accepted:
            for listener in self._listening:
                listener.feedback_accepted(accepted)
        return results

    def plays_followed(self, plays: Sequence[Play]) -> None:
        """The log holds these plays, whoever took them in: their event ids are duplicates from now on."""
        self._plays_once.note(play.event_id for play in plays)

    def feedback_followed(self, feedback: Sequence[Feedback]) -> None:
        """The log holds this feedback, in the same way."""
        self._feedback_once.note(word.event_id for word in feedback)

    def upsert_tracks(self, tracks: Sequence[Track | Refused], *, timeout_seconds: float) -> list[Result]:
        """One result per track, in order. A track of an unknown artist is rejected."""
        self._require_room()
        artists = self._catalogue.look_up_artists(
            one for track in tracks if isinstance(track, Track) for one in track.artist_ids
        )
        checked: list[Track | Result] = []
        for at, track in enumerate(tracks):
            if isinstance(track, Refused):
                checked.append(track.result)
                continue
            violations = tuple(
                Violation(
                    f"tracks[{at}].artist_ids[{place}]", f"unknown artist '{one}': send it with UpsertArtists first"
                )
                for place, one in enumerate(track.artist_ids)
                if one not in artists.found and one not in artists.unread
            )
            if violations:
                checked.append(Result(id=track.track_id, outcome=Outcome.REJECTED, violations=violations))
            elif artists.unread.isdisjoint(track.artist_ids):
                checked.append(track)
            else:
                checked.append(Result(id=track.track_id, outcome=Outcome.UNCONFIRMED))
        _require_something(checked, unread=artists.unread)
        results = self._append(
            Topic.TRACKS, checked, lambda track: track.track_id, track_record, timeout_seconds=timeout_seconds
        )
        self._catalogue.put_tracks(_accepted(checked, results))
        return results

    def upsert_artists(self, artists: Sequence[Artist | Refused], *, timeout_seconds: float) -> list[Result]:
        """One result per artist, in order."""
        self._require_room()
        checked = [artist.result if isinstance(artist, Refused) else artist for artist in artists]
        results = self._append(
            Topic.ARTISTS, checked, lambda artist: artist.artist_id, artist_record, timeout_seconds=timeout_seconds
        )
        self._catalogue.put_artists(_accepted(checked, results))
        return results

    def upsert_audio_features(
        self, heard: Sequence[TrackAudioFeatures | Refused], *, timeout_seconds: float
    ) -> list[Result]:
        """One result per track, in order: its features are `completed` (backend/domain/tracks.py), the rest stays.

        What changes nothing is a DUPLICATE, a track that is unknown is rejected. The track is read before it is
        written: an UpsertTracks of the same track in that moment may be undone.
        """
        self._require_room()
        tracks = self._catalogue.look_up_tracks(one.track_id for one in heard if not isinstance(one, Refused))
        checked = completed_tracks(heard, tracks)
        _require_something(checked, unread=tracks.unread)
        results = self._append(
            Topic.TRACKS, checked, lambda track: track.track_id, track_record, timeout_seconds=timeout_seconds
        )
        self._catalogue.put_tracks(_accepted(checked, results))
        return results

    def _checked(
        self,
        events: Sequence[EventT | Refused],
        path: str,
        moment_of: Callable[[EventT], tuple[str, datetime]],
        filled: Callable[[EventT, Track, str], EventT],
        *,
        now: datetime,
    ) -> list[EventT | Result]:
        """Each event completed from catalogue and identities, or what has become of it (outcomes 3 and 6)."""
        tracks = self._catalogue.look_up_tracks(event.track_id for event in events if not isinstance(event, Refused))
        judged: list[tuple[EventT, Track] | Result] = []
        for at, event in enumerate(events):
            if isinstance(event, Refused):
                judged.append(event.result)
                continue
            violations = []
            field, moment = moment_of(event)
            track = tracks.found.get(event.track_id)
            if moment > now + FUTURE:
                text = "more than one hour ahead of the server's clock: send UTC"
                violations.append(Violation(f"{path.format(at)}.{field}", text))
            if track is None and event.track_id not in tracks.unread:
                text = f"unknown track '{event.track_id}': send it with UpsertTracks first"
                violations.append(Violation(f"{path.format(at)}.track_id", text))
            if violations:
                judged.append(Result(id=event.event_id, outcome=Outcome.REJECTED, violations=tuple(violations)))
            elif track is None:
                judged.append(Result(id=event.event_id or self._new_id(), outcome=Outcome.UNCONFIRMED))
            else:
                judged.append((event, track))
        # Only for what will be written: a call that is refused leaves nobody a pseudonym.
        listeners = self._identities.ensured(one[0].listener_id for one in judged if not isinstance(one, Result))
        checked: list[EventT | Result] = []
        for one in judged:
            if isinstance(one, Result):
                checked.append(one)
            elif one[0].listener_id in listeners.found:
                checked.append(filled(*one, listeners.found[one[0].listener_id]))
            else:
                checked.append(Result(id=one[0].event_id or self._new_id(), outcome=Outcome.UNCONFIRMED))
        _require_something(checked, unread=tracks.unread | listeners.unread)
        return checked

    def _append_events(
        self,
        topic: Topic,
        checked: Sequence[EventT | Result],
        record_of: Callable[[EventT], Record],
        once: Once,
        timeout_seconds: float,
    ) -> list[Result]:
        """Append each event id once; a repetition within the batch shares the fate of the first."""
        events = [one for one in checked if not isinstance(one, Result)]

        def append(places: Sequence[int]) -> list[bool]:
            records = [record_of(events[place]) for place in places]
            return self._log.append(topic, records, timeout_seconds=timeout_seconds)

        told = iter(once.write([event.event_id for event in events], append, timeout_seconds=timeout_seconds))
        return [one if isinstance(one, Result) else Result(id=one.event_id, outcome=next(told)) for one in checked]

    def _append(
        self,
        topic: Topic,
        items: Sequence[ItemT | Result],
        id_of: Callable[[ItemT], str],
        record_of: Callable[[ItemT], Record],
        *,
        timeout_seconds: float,
    ) -> list[Result]:
        records = [record_of(item) for item in items if not isinstance(item, Result)]
        stored = iter(self._log.append(topic, records, timeout_seconds=timeout_seconds))
        return [
            item
            if isinstance(item, Result)
            else Result(id=id_of(item), outcome=Outcome.ACCEPTED if next(stored) else Outcome.UNCONFIRMED)
            for item in items
        ]


def _require_something(checked: Sequence[AnyT | Result], *, unread: frozenset[str]) -> None:
    """Raises Unavailable where what cannot be read leaves nothing to write."""
    if unread and all(isinstance(one, Result) for one in checked):
        raise Unavailable("the store cannot be read, and tracks, artists or listeners of this call are not remembered")


def _accepted(elements: Sequence[AnyT | Result], results: Sequence[Result]) -> list[AnyT]:
    return [
        element
        for element, result in zip(elements, results, strict=True)
        if not isinstance(element, Result) and result.outcome is Outcome.ACCEPTED
    ]
