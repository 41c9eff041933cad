"""A music service of any size, made up: a published version, its catalogue, and listeners whom the store knows."""

import hashlib
import json
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend import wiring
from backend.domain.listeners import Profile, RecentPlay
from backend.domain.live_tables import TRACK_POPULARITY
from backend.domain.tracks import Artist, Track
from backend.ports.models import NAMESPACE
from backend.ports.store import TableRow
from backend.ranking.foldin import FoldIn
from backend.ranking.learning import Learning
from backend.ranking.lists import CONTENT_SPACE, FACTORS_SPACE, Vectors
from backend.ranking.sources import ALL
from backend.ranking.weights import FusionWeights
from backend.settings import Settings
from backend.versions import codec
from backend.versions.codec import Ranking, VersionVectors
from backend.versions.manifest import FORMAT

VERSION = "20260101T000000Z-crowd0"
DIMENSION, WORDS = 64, 384
GROUPS = 200
"""Tracks are near those of their group, by factors and by words; a listener plays those of two groups."""

PLAYS = 40
"""Of each listener; their profile holds them all."""

TRACKS_OF_ARTIST = 5
POPULAR = 500
BATCH = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The service, tracks and listeners by number.

    `group` (tracks,) says where a track belongs, `played` (listeners, PLAYS) what a listener played, newest first.
    """

    group: NDArray[np.int64]
    played: NDArray[np.int64]
    seed: int

    @property
    def listener_ids(self) -> list[str]:
        """The apps' own ids."""
        return [f"listener-{number}" for number in range(len(self.played))]

    @property
    def track_ids(self) -> list[str]:
        """Sorted."""
        return [track_id(number) for number in range(len(self.group))]


def track_id(number: int) -> str:
    """The id of track `number`."""
    return f"track-{number:07}"


def crowd(*, tracks: int, listeners: int, seed: int) -> Crowd:
    """Made up by chance: within a group a few tracks have most of the plays."""
    chance = np.random.default_rng(seed)
    group = np.sort(chance.integers(0, GROUPS, tracks))
    first = np.searchsorted(group, np.arange(GROUPS))
    size = np.bincount(group, minlength=GROUPS)
    of = chance.integers(0, GROUPS, (listeners, 2))[
        np.arange(listeners)[:, None], chance.integers(0, 2, (listeners, PLAYS))
    ]
    within = np.minimum((size[of] * chance.random((listeners, PLAYS)) ** 3).astype(np.int64), size[of] - 1)
    return Crowd(group=group, played=np.maximum(first[of] + within, 0), seed=seed)


def publish(settings: Settings, made: Crowd) -> None:
    """Write the version and its vectors, and point to it. EASE's part is learned: a minute for 6,000 tracks."""
    chance = np.random.default_rng(made.seed)
    factors: Vectors = _near_groups(chance, made.group, DIMENSION) / np.float32(8)
    words = _near_groups(chance, made.group, WORDS)
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    vectors = VersionVectors(
        track_ids=made.track_ids,
        listener_ids=sorted(made.listener_ids),
        tracks=factors,
        listeners=factors[made.played].mean(axis=1),
        content=words,
    )
    learning = _learning(made, factors)
    parts = {source.name: source.learn(learning) for source in ALL}
    ranking = Ranking(
        encoder_name="made up",
        encoder_dimension=WORDS,
        parts={name: part for name, part in parts.items() if part is not None},
        weights=FusionWeights(),
    )
    index, models = wiring.vector_index(settings), wiring.models(settings)
    for space, rows in ((FACTORS_SPACE, factors), (CONTENT_SPACE, words)):
        index.create(NAMESPACE.format(version=VERSION, space=space), made.track_ids, rows)
    with TemporaryDirectory(prefix="segue-bench-version-") as folder:
        _write(Path(folder), vectors, ranking)
        models.publish(Path(folder))
    models.point(VERSION)


def _near_groups(chance: np.random.Generator, group: NDArray[np.int64], dimension: int) -> Vectors:
    middles = chance.normal(size=(GROUPS, dimension)).astype(np.float32)
    spread = chance.normal(scale=0.8, size=(len(group), dimension)).astype(np.float32)
    return np.asarray(middles[group] + spread, dtype=np.float32)


def _learning(made: Crowd, factors: Vectors) -> Learning:
    from scipy.sparse import csr_matrix

    rows = np.repeat(np.arange(len(made.played)), PLAYS)
    plays: Any = csr_matrix(
        (np.ones(made.played.size, dtype=np.float32), (rows, made.played.ravel())),
        shape=(len(made.played), len(made.group)),
    )
    plays.sum_duplicates()
    gram = factors.astype(np.float64).T @ factors.astype(np.float64)
    fold_in = FoldIn(gram=gram, unobserved_weight=0.1, regularization=0.1, confidence_scale=1.0)
    return Learning(
        track_ids=made.track_ids, plays=plays, last_played_at=np.zeros(plays.nnz, dtype=np.int64), fold_in=fold_in
    )


def _write(folder: Path, vectors: VersionVectors, ranking: Ranking) -> None:
    stored = codec.store(ranking)
    for name, content in (*codec.vector_files(vectors), *stored.files.items()):
        (folder / name).write_bytes(content)
    told = {
        "format": FORMAT,
        "version": VERSION,
        "created_at": datetime.now(UTC).isoformat(),
        "engine": "made up",
        "metrics": {},
        "files": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()},
        **stored.manifest,
    }
    (folder / codec.MANIFEST).write_text(json.dumps(told))


def fill(settings: Settings, made: Crowd) -> None:
    """Bring catalogue, profiles and a chart into the store, as the sink would."""
    now = datetime.now(UTC)
    ids = made.listener_ids
    artists = [f"artist-{number}" for number in range(len(made.group) // TRACKS_OF_ARTIST + 1)]
    tracks = [
        Track(
            track_id=one,
            title=f"Song {number}",
            artist_ids=(artists[number // TRACKS_OF_ARTIST],),
            duration_milliseconds=200_000,
        )
        for number, one in enumerate(made.track_ids)
    ]
    with closing(wiring.store(settings)) as store:
        identities = wiring.identities(settings, store)
        for start in range(0, len(artists), BATCH):
            store.put_artists([Artist(artist_id=one, name=one.title()) for one in artists[start : start + BATCH]])
        for start in range(0, len(tracks), BATCH):
            store.put_tracks(tracks[start : start + BATCH])
        for start in range(0, len(ids), BATCH):
            pseudonym_of = identities.ensure(ids[start : start + BATCH])
            store.put_profiles(
                [
                    _profile(pseudonym_of[one], made.played[start + at], now)
                    for at, one in enumerate(ids[start : start + BATCH])
                ]
            )
        store.write(_chart(made, now), {})


def _profile(pseudonym: str, played: NDArray[np.int64], now: datetime) -> Profile:
    recent = tuple(
        RecentPlay(
            event_id=f"{pseudonym}-{age}",
            track_id=track_id(track),
            played_at=now - timedelta(minutes=5 * (age + 1)),
            milliseconds_played=190_000,
            track_milliseconds=200_000,
        )
        for age, track in enumerate(played.tolist())
    )
    return Profile(listener_id=pseudonym, recent=recent)


def _chart(made: Crowd, now: datetime) -> list[TableRow]:
    listeners = np.bincount(made.played.ravel(), minlength=len(made.group))
    best = np.argsort(-listeners, kind="stable")[:POPULAR].tolist()
    end = now.replace(minute=0, second=0, microsecond=0)
    return [
        TableRow(
            table=TRACK_POPULARITY.name,
            key=f"24h|{track_id(track)}",
            columns={
                "span": "24h",
                "track_id": track_id(track),
                "artist_id": f"artist-{track // TRACKS_OF_ARTIST}",
                "window_end": end,
                "rank": rank,
                "plays": int(listeners[track]),
                "listeners": int(listeners[track]),
            },
        )
        for rank, track in enumerate(best, 1)
    ]
