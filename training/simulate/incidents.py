"""Two things out of the ordinary, with the truth about them: a release that many want to hear, and a stream farm."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from backend.domain.tables import AnomalyKind
from backend.domain.tracks import Track
from training.simulate.catalogue import Catalogue, new_track
from training.simulate.chance import Floats, Ints, stream
from training.simulate.listeners import Listeners

SPIKE_HOUR, SPIKE_HOURS = 17, 6
FARM_HOUR, FARM_HOURS = 1, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What happened in truth: who played what in [started_at, ended_at), aware UTC, both on the hour."""

    kind: AnomalyKind
    artist_id: str
    track_ids: tuple[str, ...]
    listener_ids: tuple[str, ...]
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruth:
    """The incidents that the anomaly table is to find."""

    release_spike: Incident
    stream_farm: Incident


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentPlay:
    """One play of an incident; `started_at` is milliseconds since 1970 UTC, `length` the track's milliseconds."""

    listener_id: str
    track_id: str
    started_at: int
    milliseconds_played: int
    length: int


def release_spike(
    seed: int, catalogue: Catalogue, listeners: Listeners, *, artist: int, started_at: datetime
) -> tuple[Incident, Track, list[IncidentPlay]]:
    """The artist releases a track at that hour and more than half of all listeners hear it within `SPIKE_HOURS`.

    Half of those come within the first hour; every second one hears it twice.
    """
    start = _milliseconds(started_at)
    rng = stream(seed, "release spike", start)
    artist_id = catalogue.artists[artist].artist_id
    track = new_track(
        seed,
        catalogue,
        artist,
        track_id=f"{artist_id}-release-{started_at:%Y%m%d}",
        released_on=started_at.date().isoformat(),
    )
    length, end = track.duration_milliseconds, SPIKE_HOURS * 3_600_000
    count = round(0.55 * len(listeners.listener_ids))
    fans = rng.choice(len(listeners.listener_ids), size=count, replace=False, p=_evened(listeners.activity))
    first = np.minimum(rng.exponential(1.4 * 3_600_000, count), end - 3 * length).astype(np.int64)
    again = first + length + rng.integers(0, 1_800_000, count)
    twice = rng.random(count) < 0.5
    who = np.concatenate([fans, fans[twice]])
    offsets = np.concatenate([first, again[twice]])
    heard = np.where(rng.random(len(who)) < 0.08, rng.integers(5_000, 30_000, len(who)), length)
    plays = [
        IncidentPlay(
            listener_id=listeners.listener_ids[listener],
            track_id=track.track_id,
            started_at=start + offset,
            milliseconds_played=milliseconds,
            length=length,
        )
        for listener, offset, milliseconds in zip(who.tolist(), offsets.tolist(), heard.tolist(), strict=True)
        if offset < end
    ]
    incident = _incident(AnomalyKind.RELEASE_SPIKE, artist_id, plays, started_at=started_at, hours=SPIKE_HOURS)
    return incident, track, plays


def stream_farm(
    seed: int, catalogue: Catalogue, *, artist: int, started_at: datetime
) -> tuple[Incident, list[IncidentPlay]]:
    """Three to five made-up listeners play the artist's tracks without pause for `FARM_HOURS`, about 35 s each time.

    35 s is just beyond the 30 s from which a play is paid for.
    """
    start = _milliseconds(started_at)
    rng = stream(seed, "stream farm", start)
    tracks = catalogue.tracks_of(artist)
    bots = [f"sim{seed}-farm-{started_at:%Y%m%d}-{number}" for number in range(int(rng.integers(3, 6)))]
    end = FARM_HOURS * 3_600_000
    plays = []
    for bot in bots:
        heard = rng.integers(33_000, 38_000, end // 33_000)
        offsets = np.cumsum(heard + rng.integers(300, 1_500, len(heard))) - heard[0]
        for nth, (offset, milliseconds) in enumerate(zip(offsets.tolist(), heard.tolist(), strict=True)):
            if offset >= end:
                break
            track = tracks[nth % len(tracks)]
            plays.append(
                IncidentPlay(
                    listener_id=bot,
                    track_id=track.track_id,
                    started_at=start + offset,
                    milliseconds_played=milliseconds,
                    length=track.duration_milliseconds,
                )
            )
    artist_id = catalogue.artists[artist].artist_id
    return _incident(AnomalyKind.STREAM_FARM, artist_id, plays, started_at=started_at, hours=FARM_HOURS), plays


def latest(hour: int, *, until: datetime) -> datetime:
    """The last time that it was `hour` o'clock UTC, at or before `until`."""
    moment = until.astimezone(UTC).replace(hour=hour, minute=0, second=0, microsecond=0)
    return moment if moment <= until else moment - timedelta(days=1)


def nearest_rank(known: Ints, *, wanted: int) -> int:
    """The artist among `known` whose popularity rank is nearest to `wanted`."""
    return int(known[np.argmin(np.abs(known - wanted))])


def _incident(
    kind: AnomalyKind, artist_id: str, plays: list[IncidentPlay], *, started_at: datetime, hours: int
) -> Incident:
    return Incident(
        kind=kind,
        artist_id=artist_id,
        track_ids=tuple(sorted({play.track_id for play in plays})),
        listener_ids=tuple(sorted({play.listener_id for play in plays})),
        started_at=started_at,
        ended_at=started_at + timedelta(hours=hours),
    )


def _evened(activity: Floats) -> Floats:
    """A release reaches the idle too: chances follow the square root of activity."""
    weights = np.sqrt(activity)
    evened: Floats = weights / weights.sum()
    return evened


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
