"""Fold-in and what a profile counts for."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from backend.adapters.vectors.embedded import EmbeddedVectorIndex
from backend.domain.feedback import FeedbackKind
from backend.domain.listeners import Profile, RecentPlay, Word
from backend.domain.tracks import Track
from backend.ports.models import ModelVersion
from backend.ranking.foldin import FoldIn
from backend.ranking.profile import LIKE_PLAYS, SEEDS, counted_plays, last_tracks, taste_of
from backend.ranking.sources import linear
from backend.ranking.sources.linear import Links
from backend.ranking.weights import FusionLevel, FusionWeights
from backend.services.arrivals import Arrivals
from backend.services.catalogue import Catalogue
from backend.services.model import CurrentModel
from backend.services.retrieve import Retriever
from tests.memory import HandedModels, MemoryStore
from tests.rpc.conftest import WordEncoder

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def recent(*track_ids: str, allow_training: bool = True) -> tuple[RecentPlay, ...]:
    """Plays, newest first."""
    return tuple(
        RecentPlay(
            event_id=f"{age}-{allow_training}",
            track_id=track_id,
            played_at=NOON - timedelta(minutes=age),
            milliseconds_played=200_000,
            track_milliseconds=200_000,
            allow_training=allow_training,
        )
        for age, track_id in enumerate(track_ids)
    )


def words(kind: FeedbackKind, *track_ids: str) -> tuple[Word, ...]:
    """The listener's last word on each of these tracks."""
    return tuple(Word(track_id=one, kind=kind, given_at=NOON, event_id=f"{kind}-{one}") for one in track_ids)


@pytest.mark.parametrize(("offset", "power"), [(0.0, 0.0), (2.0, 0.5)])
def test_fold_in_minimises_the_weighted_squares(offset: float, power: float) -> None:
    """Against the normal equations over every pair, written out with one row per track."""
    chance = np.random.default_rng(3)
    every = chance.normal(size=(50, 6))
    plays = np.array([1.0, 4.0, 9.0])
    formula = FoldIn(
        gram=every.T @ every,
        unobserved_weight=0.2,
        regularization=0.05,
        confidence_scale=1.7,
        frequency_offset=offset,
        frequency_power=power,
    )
    confidence = np.zeros(50)
    confidence[:3] = 1.7 * np.log1p(plays)
    weight = 0.2 + confidence
    ridge = 0.05 * (3 + offset) ** power
    rows = np.vstack([np.sqrt(weight)[:, None] * every, np.sqrt(ridge) * np.eye(6)])
    targets = np.concatenate([np.sqrt(weight) * (confidence > 0), np.zeros(6)])
    expected = np.linalg.lstsq(rows, targets, rcond=None)[0]
    found = formula.listener(every[:3], plays)
    assert np.float32 == found.dtype
    np.testing.assert_allclose(expected, found, rtol=1e-4, atol=1e-5)


def test_more_plays_pull_nearer() -> None:
    """A track played often scores higher than one played once."""
    every = np.eye(4)
    formula = FoldIn(gram=np.eye(4), unobserved_weight=0.1, regularization=0.1, confidence_scale=1.0)
    listener = formula.listener(every[:2], np.array([1.0, 20.0]))
    assert listener[1] > listener[0] > listener[2] == 0


def test_plays_are_counted_and_likes_weigh_as_some() -> None:
    """Without hidden tracks, and without plays that may not be learned from."""
    profile = Profile(
        listener_id="l",
        recent=(*recent("a", "b", "a", "h"), *recent("secret", allow_training=False)),
        words=(*words(FeedbackKind.LIKE, "b", "liked"), *words(FeedbackKind.HIDE, "h")),
    )
    assert {"a": 2, "b": 1 + LIKE_PLAYS, "liked": LIKE_PLAYS} == counted_plays(profile)


def test_the_last_distinct_tracks_are_the_seeds() -> None:
    """Newest first, at most five; likes stand in where nothing was played."""
    profile = Profile(
        listener_id="l", recent=recent("a", "b", "a", "c", "d", "e", "f"), words=words(FeedbackKind.HIDE, "b")
    )
    assert ["a", "c", "d", "e", "f"] == last_tracks(profile)
    assert SEEDS == len(last_tracks(profile))
    assert ["x", "y"] == last_tracks(Profile(listener_id="l", words=words(FeedbackKind.LIKE, "y", "x")))


def version(links: Links | None) -> ModelVersion:
    """Without vectors: links need none."""
    return ModelVersion(
        version="v",
        dimension=2,
        encoder_name="words",
        encoder_dimension=2,
        manifest={},
        parts={} if links is None else {linear.NAME: links},
    )


def test_links_add_up_over_the_listeners_tracks(tmp_path: Path) -> None:
    """Best sum first, without the excluded; the sentence names the track that gives most."""
    store, vectors = MemoryStore(), EmbeddedVectorIndex(tmp_path)
    store.put_tracks([Track(track_id=one, title=f"Song {one}", artist_ids=("a",)) for one in "abcd"])
    catalogue = Catalogue(store)
    model = CurrentModel(HandedModels(tmp_path / "models", version(None)))
    arrivals = Arrivals(store=store, catalogue=catalogue, vectors=vectors, model=model, encoder=WordEncoder)
    retriever = Retriever(vectors, catalogue, arrivals)
    links = Links(
        track_ids=["a", "b", "c", "d"],
        rows={"a": 0, "b": 1, "c": 2, "d": 3},
        neighbours=np.array([[2, 3, 1], [3, 0, -1], [0, -1, -1], [-1, -1, -1]], dtype=np.int32),
        weights=np.array([[0.3, 0.2, 0.1], [0.25, 0.1, 0], [0.1, 0, 0], [0, 0, 0]], dtype=np.float32),
    )
    profile = Profile(listener_id="l", recent=recent("a", "b", "unknown"))
    own = frozenset({"a", "b", "unknown"})
    found = retriever.candidates(linear.SOURCE, version(links), taste_of(profile), limit=5, exclude=own)
    assert (["d", "c"], pytest.approx([0.45, 0.3])) == (found.track_ids, found.scores)
    sentences = [told.text({"a": "Song a", "b": "Song b"}) for told in found.explain([0, 1])]
    assert ["who plays Song b plays it too", "who plays Song a plays it too"] == sentences
    assert ["who plays Song a plays it too"] == [told.text({"a": "Song a"}) for told in found.explain([1])]
    assert () == retriever.candidates(linear.SOURCE, version(None), taste_of(profile), limit=5, exclude=own).track_ids
    nobody = taste_of(Profile(listener_id="new"))
    assert () == retriever.candidates(linear.SOURCE, version(links), nobody, limit=5, exclude=frozenset()).track_ids


def test_fusion_follows_what_is_known_of_the_listener() -> None:
    """The level with most tracks that the listener reaches; below the first, the version's own weights."""
    levels = (FusionLevel(tracks=1, weights={"linear": 1.0}), FusionLevel(tracks=5, weights={"content": 1.0}))
    weights = FusionWeights(levels=levels, below={"factors": 1.0})
    found = [weights.of(tracks, by_version=True) for tracks in (0, 1, 4, 5, 100)]
    assert ["factors", "linear", "linear", "content", "content"] == [next(iter(each)) for each in found]
    assert {"trend": 1.0} == weights.of(100, by_version=False)
