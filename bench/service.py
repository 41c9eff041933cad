"""A synthetic music service as its log would hold it: catalogue, plays and likes, made with numpy from a seed.

Nothing here is measured data. The shape: popularity of tracks after Zipf, activity of listeners log-normal, ten days
with an evening peak, records in the order in which the server took them in (plays arrive some seconds after they
happened, seldom minutes), and a share of plays sent twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from backend.domain.clusters import TrackClusters
from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.rights import Source
from backend.domain.tracks import Artist, AudioFeatures, Track
from backend.ports import records

KeyValue = tuple[bytes, bytes]
"""A record's key and value."""

HOURS = np.array([2, 1, 1, 1, 1, 2, 4, 6, 7, 7, 6, 6, 7, 7, 7, 8, 9, 10, 11, 12, 12, 10, 7, 4], dtype=np.float64)
"""How busy each hour of the day is."""

SHARES = ("danceability", "energy", "valence", "acousticness", "instrumentalness", "liveness", "speechiness")
"""The audio features that are shares in 0..1."""

CLUSTERS = 12

DAY_MS = 86_400_000
DELAY_MS = 20_000.0
"""Mean of the exponential delay between a play and its arrival; one of half a million waits four minutes."""

AGAIN_MS = 60_000.0
"""A play sent twice comes again within this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How large the service is. `plays` counts records, those sent twice included."""

    plays: int = 500_000
    listeners: int = 20_000
    artists: int = 5_000
    tracks: int = 30_000
    days: int = 10
    duplicates: float = 0.01
    likes: float = 0.02
    zipf: float = 1.0


class Service:
    """One service: the same for the same shape, seed and `end`, the moment after its last day (aware)."""

    def __init__(self, shape: Shape, *, seed: int, end: datetime) -> None:
        self._shape = shape
        self._rng = np.random.default_rng(seed)
        self._start_ms = records.milliseconds(end - timedelta(days=shape.days))
        chance = self._rng
        self.artist_of = np.concatenate(
            [np.arange(shape.artists), chance.integers(0, shape.artists, max(0, shape.tracks - shape.artists))]
        )[: shape.tracks]
        self.length_ms = np.clip(chance.normal(210, 50, shape.tracks), 60, 600).astype(np.int64) * 1000
        self._features = chance.uniform(0, 1, (shape.tracks, 9))
        self._draw_plays()

    def _draw_plays(self) -> None:
        shape, chance = self._shape, self._rng
        again = round(shape.plays * shape.duplicates)
        count = shape.plays - again
        ranks = chance.permutation(shape.tracks) + 1
        activity = chance.lognormal(0, 1, shape.listeners)
        hours = chance.choice(24, count, p=HOURS / HOURS.sum()) * 3_600_000
        played = chance.integers(0, shape.days, count) * DAY_MS + hours + chance.integers(0, 3_600_000, count)
        twice = chance.choice(count, again, replace=False)
        nth = np.concatenate([np.arange(count), twice])
        ingested = played + np.ceil(chance.exponential(DELAY_MS, count)).astype(np.int64)
        arrival = np.concatenate([ingested, ingested[twice] + chance.integers(1, round(AGAIN_MS), again)])
        order = np.argsort(arrival, kind="stable")
        self._nth, self._ingested = nth[order], self._start_ms + arrival[order]
        self._played = self._start_ms + played
        self._track = chance.choice(shape.tracks, count, p=_shares(ranks.astype(np.float64) ** -shape.zipf))
        self._listener = chance.choice(shape.listeners, count, p=_shares(activity))
        self._share_heard = np.where(chance.random(count) < 0.8, 1.0, chance.random(count))
        self._id = chance.bytes(16 * count).hex()

    def plays(self) -> Iterator[KeyValue]:
        """Records of topic `plays` in log order, as `records.play_record` would write them."""
        track = self._track[self._nth]
        length = self.length_ms[track]
        heard = (length * self._share_heard[self._nth]).astype(np.int64)
        columns = (
            *(self._nth, self._listener[self._nth], track, self.artist_of[track], self._played[self._nth]),
            *(heard, length, self._ingested),
        )
        ids = self._id
        surfaces, devices = ("home", "search", "playlist", "radio"), ("phone", "web", "speaker")
        for nth, listener, at_track, artist, played, ms, of_ms, ingested in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            one = ids[32 * nth : 32 * nth + 32]
            key = f"listener-{listener}"
            yield (
                key.encode(),
                (
                    f'{{"event_id":"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}","listener_id":"{key}",'
                    f'"track_id":"track-{at_track}","artist_id":"artist-{artist}","played_at_ms":{played},'
                    f'"milliseconds_played":{ms},"track_milliseconds":{of_ms},"source":"first_party",'
                    f'"allow_training":true,"recommendation_id":"","surface":"{surfaces[nth % 4]}",'
                    f'"device":"{devices[nth % 3]}","ingested_at_ms":{ingested},"timing":"live"}}'
                ).encode(),
            )

    def feedback(self) -> Iterator[KeyValue]:
        """A like for some of the plays, given when the play began, in order of time."""
        count = round(len(self._track) * self._shape.likes)
        for nth in np.argsort(self._played, kind="stable")[:: max(1, len(self._track) // max(1, count))].tolist():
            track = int(self._track[nth])
            like = Feedback(
                event_id=f"like-{nth}",
                listener_id=f"listener-{self._listener[nth]}",
                track_id=f"track-{track}",
                artist_id=f"artist-{self.artist_of[track]}",
                kind=FeedbackKind.LIKE,
                given_at=datetime.fromtimestamp(int(self._played[nth]) / 1000, tz=UTC),
            )
            record = records.feedback_record(like)
            yield record.group or record.key, record.value or b""

    def tracks(self) -> Iterator[KeyValue]:
        """The catalogue's tracks, each with audio features."""
        for nth in range(self._shape.tracks):
            record = records.track_record(self.track(nth))
            yield record.group or record.key, record.value or b""

    def track(self, nth: int) -> Track:
        """Track number `nth`, from 0."""
        *shares, tempo, loudness = self._features[nth].tolist()
        return Track(
            track_id=f"track-{nth}",
            title=f"Synthetic {nth}",
            artist_ids=(f"artist-{self.artist_of[nth]}",),
            duration_milliseconds=int(self.length_ms[nth]),
            audio_features=AudioFeatures(
                **dict(zip(SHARES, shares, strict=True)), tempo=60 + 140 * tempo, loudness=-40 * loudness
            ),
            source=Source.FIRST_PARTY,
        )

    def clusters(self) -> Iterator[KeyValue]:
        """The topic clusters of a model that never was: centroids at random within the features' spread."""
        record = records.clusters_record(
            TrackClusters(
                version="synthetic",
                features=(*SHARES, "tempo", "loudness"),
                means=(0.5,) * len(SHARES) + (130.0, -20.0),
                deviations=(0.3,) * len(SHARES) + (40.0, 11.5),
                centroids=tuple(map(tuple, np.random.default_rng(0).normal(0, 1, (CLUSTERS, 9)).tolist())),
            )
        )
        yield record.key, record.value or b""

    def artists(self) -> Iterator[KeyValue]:
        """The catalogue's artists."""
        for nth in range(self._shape.artists):
            record = records.artist_record(Artist(artist_id=f"artist-{nth}", name=f"Synthetic {nth}"))
            yield record.group or record.key, record.value or b""


def _shares(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares
