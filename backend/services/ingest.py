"""Takes in plays, feedback and the catalogue, each element for itself.

Outcomes of a play or feedback:
1. the log's delivery report came → ACCEPTED, remembered, told to the profiles (and plays to the heartbeat)
2. its event id was acknowledged before, here or (as the log's tail tells) elsewhere, or stands earlier in the batch
   → DUPLICATE, nothing written
3. it breaks a rule, is too far in the future, or names an unknown track → REJECTED with the field
4. no delivery report in time, or a bad one → UNCONFIRMED
5. the log's queue is full → Overloaded for the whole call, nothing written
6. its track is not remembered and the catalogue cannot be read → UNCONFIRMED, nothing of it written; where that leaves
   nothing to write, Unavailable for the whole call
A track or artist: 1 (then known here at once, and put in the store if that answers: the sink brings it there anyway),
3, 4, 5 and, for a track's artists, 6; the last of those with one id wins.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from backend.domain.errors import Unavailable, Violation
from backend.domain.feedback import Feedback
from backend.domain.plays import Play
from backend.domain.tracks import Artist, Track
from backend.ports.event_log import EventLog, Record, Topic
from backend.ports.records import artist_record, feedback_record, play_record, track_record
from backend.services.bounded import BoundedMap
from backend.services.catalogue import Catalogue
from backend.services.outcomes import Listening, Outcome, Refused, Result

FUTURE = timedelta(hours=1)
"""How far ahead a client's clock may be."""

REMEMBERED_IDS = 200_000
"""Acknowledged event ids known to be duplicates at once; older ones are found by the streaming jobs."""

EventT = TypeVar("EventT", Play, Feedback)
ItemT = TypeVar("ItemT", Track, Artist)
AnyT = TypeVar("AnyT", Play, Feedback, Track, Artist)


class IngestService:
    """See the module's docstring for the outcomes. `now` is aware UTC; `new_id` makes event ids."""

    def __init__(
        self,
        log: EventLog,
        catalogue: Catalogue,
        *,
        listening: Sequence[Listening] = (),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._log = log
        self._catalogue = catalogue
        self._listening = listening
        self._now = now
        self._new_id = new_id
        self._plays_seen: BoundedMap[str, bool] = BoundedMap(REMEMBERED_IDS)
        self._feedback_seen: BoundedMap[str, bool] = BoundedMap(REMEMBERED_IDS)

    def record_plays(self, plays: Sequence[Play | Refused], *, timeout_seconds: float) -> list[Result]:
        """One result per play, in order. `artist_id` and `track_milliseconds` are filled in from the catalogue."""
        now = self._now()

        def filled(play: Play, track: Track) -> Play:
            return replace(
                play,
                event_id=play.event_id or self._new_id(),
                artist_id=track.artist_ids[0],
                track_milliseconds=track.duration_milliseconds,
            )

        checked = self._checked(plays, "plays[{}]", lambda play: ("played_at", play.played_at), filled, now=now)
        results = self._append_events(
            Topic.PLAYS, checked, lambda play: play_record(play, ingested_at=now), self._plays_seen, timeout_seconds
        )
        accepted = _accepted(checked, results)
        if accepted:
            for listener in self._listening:
                listener.plays_accepted(accepted)
        return results

    def record_feedback(self, feedback: Sequence[Feedback | Refused], *, timeout_seconds: float) -> list[Result]:
        """One result per word, in order. `artist_id` is filled in from the catalogue."""

        def filled(word: Feedback, track: Track) -> Feedback:
            return replace(word, event_id=word.event_id or self._new_id(), artist_id=track.artist_ids[0])

        checked = self._checked(
            feedback, "feedback[{}]", lambda word: ("given_at", word.given_at), filled, now=self._now()
        )
        results = self._append_events(Topic.FEEDBACK, checked, feedback_record, self._feedback_seen, timeout_seconds)
        accepted = _accepted(checked, results)
        if accepted:
            for listener in self._listening:
                listener.feedback_accepted(accepted)
        return results

    def plays_followed(self, plays: Sequence[Play]) -> None:
        """The log holds these plays, whoever took them in: their event ids are duplicates from now on."""
        for play in plays:
            self._plays_seen.put(play.event_id, True)

    def feedback_followed(self, feedback: Sequence[Feedback]) -> None:
        """The log holds this feedback, in the same way."""
        for word in feedback:
            self._feedback_seen.put(word.event_id, True)

    def upsert_tracks(self, tracks: Sequence[Track | Refused], *, timeout_seconds: float) -> list[Result]:
        """One result per track, in order. A track of an unknown artist is rejected."""
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
        checked = [artist.result if isinstance(artist, Refused) else artist for artist in artists]
        results = self._append(
            Topic.ARTISTS, checked, lambda artist: artist.artist_id, artist_record, timeout_seconds=timeout_seconds
        )
        self._catalogue.put_artists(_accepted(checked, results))
        return results

    def _checked(
        self,
        events: Sequence[EventT | Refused],
        path: str,
        moment_of: Callable[[EventT], tuple[str, datetime]],
        filled: Callable[[EventT, Track], EventT],
        *,
        now: datetime,
    ) -> list[EventT | Result]:
        """Each event completed from the catalogue, or what has become of it (outcomes 3 and 6)."""
        tracks = self._catalogue.look_up_tracks(event.track_id for event in events if not isinstance(event, Refused))
        checked: list[EventT | Result] = []
        for at, event in enumerate(events):
            if isinstance(event, Refused):
                checked.append(event.result)
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
                checked.append(Result(id=event.event_id, outcome=Outcome.REJECTED, violations=tuple(violations)))
            elif track is None:
                checked.append(Result(id=event.event_id or self._new_id(), outcome=Outcome.UNCONFIRMED))
            else:
                checked.append(filled(event, track))
        _require_something(checked, unread=tracks.unread)
        return checked

    def _append_events(
        self,
        topic: Topic,
        events: Sequence[EventT | Result],
        record_of: Callable[[EventT], Record],
        seen: BoundedMap[str, bool],
        timeout_seconds: float,
    ) -> list[Result]:
        """Append each event id once; a repetition within the batch shares the fate of the first."""
        first: dict[str, int] = {}
        results: dict[int, Result] = {}
        for at, event in enumerate(events):
            if isinstance(event, Result):
                results[at] = event
            elif seen.get(event.event_id):
                results[at] = Result(id=event.event_id, outcome=Outcome.DUPLICATE)
            else:
                first.setdefault(event.event_id, at)
        records = [record_of(event) for at in first.values() if not isinstance(event := events[at], Result)]
        stored = dict(zip(first, self._log.append(topic, records, timeout_seconds=timeout_seconds), strict=True))
        for event_id in (event_id for event_id, confirmed in stored.items() if confirmed):
            seen.put(event_id, True)
        for at, event in enumerate(events):
            if at not in results and not isinstance(event, Result):
                confirmed = Outcome.ACCEPTED if first[event.event_id] == at else Outcome.DUPLICATE
                outcome = confirmed if stored[event.event_id] else Outcome.UNCONFIRMED
                results[at] = Result(id=event.event_id, outcome=outcome)
        return [results[at] for at in range(len(events))]

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
        raise Unavailable("the catalogue cannot be read, and nothing of this call is remembered")


def _accepted(elements: Sequence[AnyT | Result], results: Sequence[Result]) -> list[AnyT]:
    return [
        element
        for element, result in zip(elements, results, strict=True)
        if not isinstance(element, Result) and result.outcome is Outcome.ACCEPTED
    ]
