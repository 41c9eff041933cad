"""A whole simulated music service: `simulate` makes its catalogue, its plays, and the truth about its incidents."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from backend.domain.errors import InvalidInput, Violation
from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.domain.tracks import Artist, Track
from training.simulate.catalogue import Catalogue, make_catalogue
from training.simulate.chance import Ints
from training.simulate.incidents import (
    FARM_HOUR,
    FARM_HOURS,
    SPIKE_HOUR,
    SPIKE_HOURS,
    GroundTruth,
    IncidentPlay,
    latest,
    nearest_rank,
    release_spike,
    stream_farm,
)
from training.simulate.listeners import Listeners, make_listeners
from training.simulate.sessions import DEVICES, SURFACES, DayMaker, DayPlays, day_of

_NAMESPACE = uuid.UUID("6f1c1f5e-52a0-5b0e-9d57-0a4f5b7f5a53")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LEAST = {"seed": 0, "artists": 10, "tracks": 20, "listeners": 10, "days": 3, "plays": 1000}
"""Below these there is no long tail, and no past for an incident to stand out from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A simulated service as of `now`.

    `tracks` holds the release of the spike as its last; `plays` is in time order, none after `now`.
    """

    seed: int
    now: datetime
    artists: tuple[Artist, ...]
    tracks: tuple[Track, ...]
    plays: tuple[Play, ...]
    ground_truth: GroundTruth

    def newcomer_plays(self, genre: str = "jazz", *, listener_id: str = "") -> tuple[Play, ...]:
        """Five plays, in the last half hour, of a listener whom no model knows: by five artists of one genre.

        `listener_id` is `sim<seed>-newcomer` where not given. Raises InvalidInput where the catalogue has fewer than
        five artists of the genre.
        """
        listener_id = listener_id or f"sim{self.seed}-newcomer"
        first_tracks: dict[str, Track] = {}
        for track in self.tracks:
            if track.tags[1] == genre:
                first_tracks.setdefault(track.artist_ids[0], track)
        chosen = list(first_tracks.values())[:5]
        if len(chosen) < 5:
            raise InvalidInput([Violation("genre", f"{genre} has {len(chosen)} artists here; five are needed")])
        namespace = uuid.uuid5(_NAMESPACE, f"{self.seed}/{listener_id}/{self.now.isoformat()}")
        return tuple(
            Play(
                event_id=str(uuid.uuid5(namespace, track.track_id)),
                listener_id=listener_id,
                track_id=track.track_id,
                artist_id=track.artist_ids[0],
                played_at=self.now - timedelta(minutes=30 - 5 * nth),
                milliseconds_played=min(track.duration_milliseconds, 290_000),
                track_milliseconds=track.duration_milliseconds,
                source=Source.SIMULATOR,
                allow_training=True,
                surface="search",
                device="web",
            )
            for nth, track in enumerate(chosen)
        )


def simulate(
    seed: int,
    *,
    now: datetime,
    artists: int = 150,
    tracks: int = 1500,
    listeners: int = 600,
    days: int = 21,
    plays: int = 40_000,
) -> Simulation:
    """A music service of that size with `days` days of listening up to `now` (aware).

    `plays` is about how many ordinary plays there are; the incidents (one release spike, one stream farm, both within
    the last two days) come on top. The same arguments give the same values. Event ids depend on the seed, the
    sizes, `plays / days` and the day, not on `now`: a later run repeats the days it shares with an earlier one, so that
    they arrive as duplicates. Raises InvalidInput.
    """
    _check(
        now, {"seed": seed, "artists": artists, "tracks": tracks, "listeners": listeners, "days": days, "plays": plays}
    )
    catalogue = make_catalogue(seed, artists=artists, tracks=tracks, last_year=now.year - 1)
    people = make_listeners(seed, catalogue, listeners=listeners)
    maker = DayMaker(seed, catalogue, people, plays_per_day=plays / days)
    namespace = uuid.uuid5(_NAMESPACE, f"{seed}/{artists}/{tracks}/{listeners}/{plays / days}")
    history = _history(maker, now, days)
    ordinary = (play for day, part in history for play in _plays(catalogue, people, namespace, day, part))
    release, truth, extra = _incidents(seed, catalogue, people, history, now=now, namespace=namespace)
    return Simulation(
        seed=seed,
        now=now.astimezone(UTC),
        artists=catalogue.artists,
        tracks=(*catalogue.tracks, release),
        plays=tuple(sorted([*ordinary, *extra], key=lambda play: (play.played_at, play.event_id))),
        ground_truth=truth,
    )


def _check(now: datetime, sizes: dict[str, int]) -> None:
    violations = [Violation(name, f"must be at least {_LEAST[name]}") for name in sizes if sizes[name] < _LEAST[name]]
    if sizes["tracks"] < 2 * sizes["artists"]:
        violations.append(Violation("tracks", "must be at least twice the artists"))
    if now.tzinfo is None:
        violations.append(Violation("now", "must carry a time zone"))
    if violations:
        raise InvalidInput(violations)


def _history(maker: DayMaker, now: datetime, days: int) -> list[tuple[date, DayPlays]]:
    """The plays of each day that lie within the last `days` days and were over by `now`."""
    end = (now - _EPOCH) // timedelta(milliseconds=1)
    begin = now - timedelta(days=days)
    first = (begin - _EPOCH) // timedelta(milliseconds=1)
    history = []
    for ordinal in range(day_of(begin).toordinal(), day_of(now).toordinal() + 1):
        day = date.fromordinal(ordinal)
        part = maker.make(day)
        within = (part.started_at >= first) & (part.started_at + part.milliseconds_played <= end)
        history.append((day, part.where(within)))
    return history


def _plays(
    catalogue: Catalogue, listeners: Listeners, namespace: uuid.UUID, day: date, part: DayPlays
) -> Iterator[Play]:
    columns = (getattr(part, name).tolist() for name in DayPlays.__slots__)
    for session, position, listener, number, started_at, heard, surface, device in zip(*columns, strict=True):
        track = catalogue.tracks[number]
        yield Play(
            event_id=str(uuid.uuid5(namespace, f"{day}/{session}/{position}")),
            listener_id=listeners.listener_ids[listener],
            track_id=track.track_id,
            artist_id=track.artist_ids[0],
            played_at=_EPOCH + timedelta(milliseconds=started_at),
            milliseconds_played=heard,
            track_milliseconds=track.duration_milliseconds,
            source=Source.SIMULATOR,
            allow_training=True,
            surface=SURFACES[surface],
            device=DEVICES[device],
        )


def _incidents(
    seed: int,
    catalogue: Catalogue,
    listeners: Listeners,
    history: list[tuple[date, DayPlays]],
    *,
    now: datetime,
    namespace: uuid.UUID,
) -> tuple[Track, GroundTruth, list[Play]]:
    """The release of the spike, the truth, and both incidents' plays."""
    count = len(catalogue.artists)
    spike_at = latest(SPIKE_HOUR, until=now - timedelta(hours=SPIKE_HOURS))
    farm_at = latest(FARM_HOUR, until=now - timedelta(hours=FARM_HOURS + 1))
    known = _known_before(catalogue, history, spike_at)
    star = nearest_rank(known, wanted=count * 2 // 5)
    others = _known_before(catalogue, history, farm_at)
    farmed = nearest_rank(others[others != star], wanted=count - 1)
    spike, release, spike_plays = release_spike(seed, catalogue, listeners, artist=star, started_at=spike_at)
    farm, farm_plays = stream_farm(seed, catalogue, artist=farmed, started_at=farm_at)
    plays = [
        *_incident_plays(uuid.uuid5(namespace, f"spike/{spike_at}"), spike.artist_id, spike_plays),
        *_incident_plays(uuid.uuid5(namespace, f"farm/{farm_at}"), farm.artist_id, farm_plays),
    ]
    return release, GroundTruth(release_spike=spike, stream_farm=farm), plays


def _known_before(catalogue: Catalogue, history: list[tuple[date, DayPlays]], moment: datetime) -> Ints:
    """Artists played between six days and 30 hours before: with a past that an incident stands out from."""
    low = (moment - timedelta(days=6) - _EPOCH) // timedelta(milliseconds=1)
    high = (moment - timedelta(hours=30) - _EPOCH) // timedelta(milliseconds=1)
    played = [part.tracks[(part.started_at >= low) & (part.started_at < high)] for _, part in history]
    return np.unique(catalogue.track_artists[np.concatenate(played)])


def _incident_plays(namespace: uuid.UUID, artist_id: str, plays: list[IncidentPlay]) -> Iterator[Play]:
    for nth, play in enumerate(plays):
        yield Play(
            event_id=str(uuid.uuid5(namespace, str(nth))),
            listener_id=play.listener_id,
            track_id=play.track_id,
            artist_id=artist_id,
            played_at=_EPOCH + timedelta(milliseconds=play.started_at),
            milliseconds_played=play.milliseconds_played,
            track_milliseconds=play.length,
            source=Source.SIMULATOR,
            allow_training=True,
            surface="playlist",
            device="web",
        )
