"""A server over a catalogue of 2,000 tracks that differ in all that a filter may ask for; 1 % of them are rare."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from backend.domain.rights import Source
from backend.domain.topics import Topic
from backend.domain.tracks import AUDIO_FEATURES, Artist, AudioFeatures, Track
from backend.ports.models import TRACK_FACTORS_FILE, TRACK_IDS_FILE
from backend.ranking.stored import array_bytes, lines_bytes
from backend.ranking.topics import TopicTracks, TrackIds
from tests.memory import HandedModels, MemoryEventLog, MemoryStore
from tests.rpc.conftest import VERSION, BreakableVectorIndex, World, genre, publish_model, served

TRACKS, ARTISTS, ALBUMS = 2_000, 200, 5


def track(number: int) -> Track:
    """Even ones are jazz, odd ones techno, by artists of one of both; every hundredth is rare, in every way."""
    rare = number % 100 == 7
    return Track(
        track_id=f"t{number}",
        title=f"{genre(number)} {number}",
        artist_ids=("rare",) if rare else (f"a{number % ARTISTS}",),
        album=f"album {number % ALBUMS}",
        released_on="1959-08-17" if rare else str(1990 + number % 30),
        duration_milliseconds=900_000 if rare else 200_000,
        tags=(genre(number), *(("Rare",) if rare else ())),
        source=Source.LASTFM if rare else Source.FIRST_PARTY,
    )


RARE = frozenset(f"t{number}" for number in range(7, TRACKS, 100))
"""Twenty tracks."""


def topic_tracks() -> TopicTracks:
    """Jazz, techno, and what is rare; a track was played as many times as its number says."""
    centre = AudioFeatures(**dict.fromkeys(AUDIO_FEATURES, 0.5))
    topics = [
        Topic(topic_id=name, parent_id="", cluster=at, name=name, tracks=1, centre=centre, tags=(name,))
        for at, name in enumerate(("jazz", "techno", "rare"))
    ]
    track_ids = sorted(f"t{number}" for number in range(TRACKS))
    numbers = [int(one[1:]) for one in track_ids]
    return TopicTracks(
        topics=topics,
        track_ids=TrackIds(lines_bytes(track_ids)),
        places=np.array([2 if f"t{n}" in RARE else n % 2 for n in numbers], dtype=np.int16),
        plays=np.array(numbers, dtype=np.int32),
    )


@contextmanager
def wide(
    home: Path, *, vectors: BreakableVectorIndex | None = None, store: MemoryStore | None = None
) -> Iterator[World]:
    """The server; its version has topics and a file of factors."""
    log, store = MemoryEventLog(), store or MemoryStore()
    tracks = [track(number) for number in range(TRACKS)]
    store.put_tracks(tracks)
    names = ["rare", *(f"a{number}" for number in range(ARTISTS))]
    store.put_artists([Artist(artist_id=one, name=f"Artist {one}") for one in names])
    vectors = vectors or BreakableVectorIndex(home / "vectors")
    model = replace(publish_model(vectors, tracks), topics=topic_tracks())
    models = HandedModels(home / "models", model)
    ids = [one.track_id for one in tracks]
    factors = vectors.fetch(f"{VERSION}.factors", ids)
    models.files[VERSION, TRACK_IDS_FILE] = lines_bytes(ids)
    models.files[VERSION, TRACK_FACTORS_FILE] = array_bytes(np.stack([factors[one] for one in ids]))
    with served(home, log, store, vectors, models) as world:
        yield world
