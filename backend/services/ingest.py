"""Takes in plays, feedback and the catalogue, each element for itself.

Outcomes of a play or feedback:
1. the log's delivery report came → ACCEPTED, remembered, told to the profiles (and plays to the heartbeat)
2. its event id was acknowledged before, or stands earlier in the batch → DUPLICATE, nothing written
3. it breaks a rule, is too far in the future, or names an unknown track → REJECTED with the field
4. no delivery report in time, or a bad one → UNCONFIRMED
5. the log's queue is full → Overloaded for the whole call, nothing written
6. the catalogue cannot be read → Unavailable for the whole call, nothing written
A track or artist: 1 (then also put in the store, so that the next call sees it), 3 and 4; the last of those with one
id wins.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from backend.domain.errors import Violation
from backend.domain.feedback import Feedback
from backend.domain.plays import Play
from backend.domain.tracks import Artist, Track
from backend.ports.event_log import EventLog, Record, Topic
from backend.ports.records import artist_record, feedback_record, play_record, track_record
from backend.services.bounded import BoundedMap
from backend.services.catalogue import Catalogue

FUTURE = timedelta(hours=1)
"""How far ahead a client's clock may be."""

REMEMBERED_IDS = 200_000
"""Acknowledged event ids known to be duplicates at once; older ones are found by the streaming jobs."""


class Outcome(StrEnum):
    """What became of an element."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One element's outcome; `violations` are empty unless it was rejected."""

    id: str
    outcome: Outcome
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An element that broke the contract at the door: its id as sent, and why."""

    id: str
    violations: tuple[Violation, ...]


class Listening(Protocol):
    """Who wants to know what was accepted."""

    def plays_accepted(self, plays: Sequence[Play]) -> None:
        """The log holds these plays."""
        ...

    def feedback_accepted(self, feedback: Sequence[Feedback]) -> None:
        """The log holds this feedback."""
        ...


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

    def upsert_tracks(self, tracks: Sequence[Track | Refused], *, timeout_seconds: float) -> list[Result]:
        """One result per track, in order. A track of an unknown artist is rejected."""
        named = {one for track in tracks if isinstance(track, Track) for one in track.artist_ids}
        known = self._catalogue.artists(named)
        checked: list[Track | Refused] = []
        for at, track in enumerate(tracks):
            violations = tuple(
                Violation(
                    f"tracks[{at}].artist_ids[{place}]", f"unknown artist '{one}': send it with UpsertArtists first"
                )
                for place, one in enumerate(track.artist_ids if isinstance(track, Track) else ())
                if one not in known
            )
            checked.append(
                Refused(id=track.track_id, violations=violations) if isinstance(track, Track) and violations else track
            )
        results = self._append(
            Topic.TRACKS, checked, lambda track: track.track_id, track_record, timeout_seconds=timeout_seconds
        )
        self._catalogue.put_tracks(_accepted(checked, results))
        return results

    def upsert_artists(self, artists: Sequence[Artist | Refused], *, timeout_seconds: float) -> list[Result]:
        """One result per artist, in order."""
        results = self._append(
            Topic.ARTISTS, artists, lambda artist: artist.artist_id, artist_record, timeout_seconds=timeout_seconds
        )
        self._catalogue.put_artists(_accepted(artists, results))
        return results

    def _checked(
        self,
        events: Sequence[EventT | Refused],
        path: str,
        moment_of: Callable[[EventT], tuple[str, datetime]],
        filled: Callable[[EventT, Track], EventT],
        *,
        now: datetime,
    ) -> list[EventT | Refused]:
        """Each event completed from the catalogue, or refused (outcome 3)."""
        tracks = self._catalogue.tracks(event.track_id for event in events if not isinstance(event, Refused))
        checked: list[EventT | Refused] = []
        for at, event in enumerate(events):
            if isinstance(event, Refused):
                checked.append(event)
                continue
            violations = []
            field, moment = moment_of(event)
            track = tracks.get(event.track_id)
            if moment > now + FUTURE:
                text = "more than one hour ahead of the server's clock: send UTC"
                violations.append(Violation(f"{path.format(at)}.{field}", text))
            if track is None:
                text = f"unknown track '{event.track_id}': send it with UpsertTracks first"
                violations.append(Violation(f"{path.format(at)}.track_id", text))
            refused = Refused(id=event.event_id, violations=tuple(violations))
            checked.append(refused if track is None or violations else filled(event, track))
        return checked

    def _append_events(
        self,
        topic: Topic,
        events: Sequence[EventT | Refused],
        record_of: Callable[[EventT], Record],
        seen: BoundedMap[str, bool],
        timeout_seconds: float,
    ) -> list[Result]:
        """Append each event id once; a repetition within the batch shares the fate of the first."""
        first: dict[str, int] = {}
        results: dict[int, Result] = {}
        for at, event in enumerate(events):
            if isinstance(event, Refused):
                results[at] = Result(id=event.id, outcome=Outcome.REJECTED, violations=event.violations)
            elif seen.get(event.event_id):
                results[at] = Result(id=event.event_id, outcome=Outcome.DUPLICATE)
            else:
                first.setdefault(event.event_id, at)
        records = [record_of(event) for at in first.values() if not isinstance(event := events[at], Refused)]
        stored = dict(zip(first, self._log.append(topic, records, timeout_seconds=timeout_seconds), strict=True))
        for event_id in (event_id for event_id, confirmed in stored.items() if confirmed):
            seen.put(event_id, True)
        for at, event in enumerate(events):
            if at not in results and not isinstance(event, Refused):
                confirmed = Outcome.ACCEPTED if first[event.event_id] == at else Outcome.DUPLICATE
                outcome = confirmed if stored[event.event_id] else Outcome.UNCONFIRMED
                results[at] = Result(id=event.event_id, outcome=outcome)
        return [results[at] for at in range(len(events))]

    def _append(
        self,
        topic: Topic,
        items: Sequence[ItemT | Refused],
        id_of: Callable[[ItemT], str],
        record_of: Callable[[ItemT], Record],
        *,
        timeout_seconds: float,
    ) -> list[Result]:
        records = [record_of(item) for item in items if not isinstance(item, Refused)]
        stored = iter(self._log.append(topic, records, timeout_seconds=timeout_seconds))
        return [
            Result(id=item.id, outcome=Outcome.REJECTED, violations=item.violations)
            if isinstance(item, Refused)
            else Result(id=id_of(item), outcome=Outcome.ACCEPTED if next(stored) else Outcome.UNCONFIRMED)
            for item in items
        ]


def _accepted(elements: Sequence[AnyT | Refused], results: Sequence[Result]) -> list[AnyT]:
    return [
        element
        for element, result in zip(elements, results, strict=True)
        if not isinstance(element, Refused) and result.outcome is Outcome.ACCEPTED
    ]
