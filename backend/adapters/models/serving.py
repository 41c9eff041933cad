"""What a version may hold for serving beside its vectors: fusion by activity, track-to-track weights, newcomers."""

import io
import json
from pathlib import Path

import numpy as np

from backend.domain.errors import ModelRefused
from backend.domain.recommendations import CandidateSource
from backend.ports.models import FUSION_FILE, LINEAR_FILE, NEWCOMERS_FILE, FusionLevel, LinearModel, Newcomers


def fusion_levels(folder: Path) -> tuple[FusionLevel, ...]:
    """Fewest tracks first; () where the version has none. Raises ModelRefused."""
    file = folder / FUSION_FILE
    if not file.exists():
        return ()
    try:
        levels = [
            FusionLevel(
                tracks=int(level["tracks"]),
                weights={CandidateSource(source): float(weight) for source, weight in level["weights"].items()},
            )
            for level in json.loads(file.read_bytes())["levels"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelRefused(f"{file} is incomplete: {error!r}") from error
    return tuple(sorted(levels, key=lambda level: level.tracks))


def linear_model(folder: Path) -> LinearModel | None:
    """Raises ModelRefused."""
    file = folder / LINEAR_FILE
    if not file.exists():
        return None
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as held:
            track_ids = held["track_ids"].tolist()
            neighbours, weights = held["neighbours"], held["weights"]
    except (KeyError, ValueError, OSError) as error:
        raise ModelRefused(f"{file} is incomplete: {error!r}") from error
    if neighbours.shape != weights.shape or len(neighbours) != len(track_ids) or neighbours.dtype != np.int32:
        raise ModelRefused(f"{file}: its arrays do not fit each other")
    rows = {track_id: row for row, track_id in enumerate(track_ids)}
    return LinearModel(track_ids=track_ids, rows=rows, neighbours=neighbours, weights=weights)


def newcomers(folder: Path, *, dimension: int, words: int) -> Newcomers | None:
    """Raises ModelRefused, also where the matrices do not fit factors and content vectors of these lengths."""
    file = folder / NEWCOMERS_FILE
    if not file.exists():
        return None
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as held:
            artists = {artist_id: row for row, artist_id in enumerate(held["artist_ids"].tolist())}
            by_artist, by_words, factors = held["by_artist"], held["by_words"], held["artist_factors"]
    except (KeyError, ValueError, OSError) as error:
        raise ModelRefused(f"{file} is incomplete: {error!r}") from error
    wanted = ((words + dimension + 1, dimension), (words + 1, dimension), (len(artists), dimension))
    if (by_artist.shape, by_words.shape, factors.shape) != wanted:
        raise ModelRefused(f"{file}: its matrices must have the shapes {wanted}")
    return Newcomers(by_artist=by_artist, by_words=by_words, artists=artists, artist_factors=factors)
