"""One simulated day of listening: sessions, and the plays in them.

A day starts at 04:00 UTC, when the fewest listen, and depends on nothing but the seed and its own date. So a later run
with the same seed makes the same days again and adds only what came since.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
from numpy.typing import NDArray

from backend.domain.plays import LISTENED_MILLISECONDS
from training.simulate.catalogue import Catalogue
from training.simulate.chance import GroupedDraw, Ints, draw_columns, stream
from training.simulate.genres import SCENES, STYLES_PER_GENRE
from training.simulate.listeners import RHYTHMS, Listeners, hour_weights

DAY_STARTS_AT = time(4, tzinfo=UTC)
DAY_MILLISECONDS = 24 * 3_600_000
SURFACES = ("radio", "album", "playlist", "search")
DEVICES = ("android", "ios", "web", "speaker")

_WEEKDAY_FACTORS = (0.92, 0.92, 0.94, 0.97, 1.12, 1.16, 0.97)
"""How much a day of the week is listened to, from Monday; the mean is 1."""

_SESSION_PLAYS = 9.0
"""Mean plays of a session."""

_STAYS_IN_SCENE = 0.85
"""Probability that the next track is of the session's own scene; else the listener's whole taste decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlays:
    """A day's plays in time order, in columns of one length.

    `sessions` and `positions` name a play within its day for good; `started_at` is milliseconds since 1970 UTC.
    """

    sessions: Ints
    positions: Ints
    listeners: Ints
    tracks: Ints
    started_at: Ints
    milliseconds_played: Ints
    surfaces: Ints
    devices: Ints

    def where(self, chosen: NDArray[np.bool_] | Ints) -> "DayPlays":
        """The rows that a mask or an order of positions chooses."""
        return DayPlays(**{name: getattr(self, name)[chosen] for name in self.__slots__})


class DayMaker:
    """Makes the plays of any day of one world."""

    def __init__(self, seed: int, catalogue: Catalogue, listeners: Listeners, *, plays_per_day: float) -> None:
        self._seed = seed
        self._catalogue = catalogue
        self._listeners = listeners
        self._plays_per_day = plays_per_day
        self._artists = GroupedDraw(catalogue.scenes, catalogue.popularity, group_count=len(SCENES))
        self._tracks = GroupedDraw(catalogue.track_artists, catalogue.track_weights, group_count=len(catalogue.artists))
        self._genres = catalogue.scenes // STYLES_PER_GENRE

    def make(self, day: date) -> DayPlays:
        """The plays of that day, in time order."""
        rng = stream(self._seed, "day", day.toordinal())
        sessions = rng.poisson(self._plays_per_day * _WEEKDAY_FACTORS[day.weekday()] / _SESSION_PLAYS)
        who = np.searchsorted(np.cumsum(self._listeners.activity), rng.random(sessions)).astype(np.int64)
        who = np.minimum(who, len(self._listeners.listener_ids) - 1)
        starts = self._starts(rng, who, day)
        lengths = np.minimum(rng.geometric(1 / _SESSION_PLAYS, sessions), 60)
        owner = np.repeat(np.arange(sessions), lengths)
        tracks, liked = self._choose(rng, who, owner)
        heard = self._heard(rng, tracks, liked)
        offsets = _within_session(heard + rng.integers(800, 4_000, len(owner)), owner, lengths)
        plays = DayPlays(
            sessions=owner,
            positions=_within_session(np.ones(len(owner), dtype=np.int64), owner, lengths),
            listeners=who[owner],
            tracks=tracks,
            started_at=starts[owner] + offsets,
            milliseconds_played=heard,
            surfaces=rng.choice(len(SURFACES), sessions, p=(0.4, 0.2, 0.3, 0.1))[owner],
            # A listener's own device, with now and then the speaker at home.
            devices=np.where(rng.random(sessions) < 0.9, who % 3, 3)[owner],
        )
        plays = plays.where(_without_overlap(who, starts, plays)[owner] & (plays.started_at < _start(day, 1)))
        return plays.where(np.lexsort((plays.positions, plays.sessions, plays.started_at)))

    def _starts(self, rng: np.random.Generator, who: Ints, day: date) -> Ints:
        """When each session starts, by the rhythm of its listener."""
        weekend = day.weekday() >= 5
        weights = np.stack([hour_weights(rhythm, weekend=weekend) for rhythm in range(len(RHYTHMS))])
        hours = draw_columns(weights[self._listeners.rhythms[who]], rng.random(len(who)))
        # Hours before 04:00 belong to the night that ends the day.
        hours = (hours - DAY_STARTS_AT.hour) % 24
        starts: Ints = _start(day) + ((hours + rng.random(len(who))) * 3_600_000).astype(np.int64)
        return starts

    def _choose(self, rng: np.random.Generator, who: Ints, owner: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """A track for each play, and whether it is by one of the listener's favourites."""
        taste, listener = self._listeners.taste, who[owner]
        scenes = draw_columns(taste[who], rng.random(len(who)))[owner]
        elsewhere = draw_columns(taste[listener], rng.random(len(owner)))
        scenes = np.where(rng.random(len(owner)) < _STAYS_IN_SCENE, scenes, elsewhere)
        artists = self._artists.draw(scenes, rng.random(len(owner)))
        favourites = self._listeners.favourites[listener]
        fits = self._genres[favourites] == (scenes // STYLES_PER_GENRE)[:, None]
        weights = fits / np.arange(1, favourites.shape[1] + 1) ** 0.5
        dear = favourites[np.arange(len(owner)), draw_columns(weights, rng.random(len(owner)))]
        liked = (rng.random(len(owner)) < self._listeners.loyalty[listener]) & fits.any(axis=1)
        return self._tracks.draw(np.where(liked, dear, artists), rng.random(len(owner))), liked

    def _heard(self, rng: np.random.Generator, tracks: Ints, liked: NDArray[np.bool_]) -> Ints:
        """Milliseconds of each play: skipped early (favourites seldom), left in the middle, or heard to the end."""
        lengths, chance = self._catalogue.lengths[tracks], rng.random(len(tracks))
        skip = np.where(liked, 0.06, 0.28)
        skipped = rng.integers(2_000, LISTENED_MILLISECONDS, len(tracks))
        part = (lengths * rng.uniform(0.4, 0.98, len(tracks))).astype(np.int64)
        return np.where(chance < skip, skipped, np.where(chance < skip + 0.1, part, lengths))


def day_of(moment: datetime) -> date:
    """The simulated day that a moment falls in."""
    shifted = moment.astimezone(UTC)
    ordinal = shifted.date().toordinal() - (shifted.timetz() < DAY_STARTS_AT)
    return date.fromordinal(ordinal)


def _start(day: date, days_later: int = 0) -> int:
    """The day's start in milliseconds since 1970 UTC."""
    start = datetime.combine(day, DAY_STARTS_AT)
    return int(start.timestamp()) * 1000 + days_later * DAY_MILLISECONDS


def _within_session(steps: Ints, owner: Ints, lengths: Ints) -> Ints:
    """Sum of the steps before each play within its session; plays are grouped by session."""
    before = np.cumsum(steps) - steps
    first = np.cumsum(lengths) - lengths
    offsets: Ints = before - before[first[owner]]
    return offsets


def _without_overlap(who: Ints, starts: Ints, plays: DayPlays) -> NDArray[np.bool_]:
    """Sessions that start after all earlier ones of the same listener have ended: nobody hears two at once."""
    ends = np.zeros(len(who), dtype=np.int64)
    np.maximum.at(ends, plays.sessions, plays.started_at + plays.milliseconds_played)
    order = np.lexsort((starts, who))
    # Listeners are set far apart in time, so that one running maximum serves them all.
    apart = who[order] * (100 * DAY_MILLISECONDS)
    shift = starts.min(initial=0)
    latest = np.maximum.accumulate(ends[order] - shift + apart)
    free = np.ones(len(who), dtype=np.bool_)
    free[order[1:]] = starts[order[1:]] - shift + apart[1:] > latest[:-1]
    return free
