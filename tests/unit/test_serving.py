"""What a version holds for serving: learned on the simulator, the same as what the server computes, safe to read."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from backend.adapters.models import serving as reader
from backend.domain.errors import ModelRefused
from backend.domain.recommendations import Candidate, CandidateSource
from backend.domain.tracks import catalogue_text
from backend.ports.models import FUSION_FILE, LINEAR_FILE, NEWCOMERS_FILE
from backend.services import rank, recommend, retrieve
from training.data.dataset import Float32, PlayColumns, compact, interactions
from training.data.side import SideInformation
from training.data.split import Split, time_split
from training.engines.local import LocalTrainer
from training.engines.trainer import AlsSettings, Factors
from training.evaluation.metrics import Float64, accuracy
from training.serving import extras, fusion, lists, newcomers
from training.serving.links import links
from training.simulate import simulate
from training.sources.ease import Ease

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
WORDS = 256
ALS = AlsSettings(dimension=32)
TRAINER = LocalTrainer(threads=1)


def words_of(text: str) -> Float32:
    """A unit vector by words: each has its place."""
    vector = np.zeros(WORDS, dtype=np.float32)
    for word in text.lower().replace(";", " ").replace(",", " ").split():
        vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % WORDS] += 1
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


@cache
def service() -> tuple[PlayColumns, extras.Words]:
    """Three weeks of a small music service; texts without artist and album, which would give the artist away."""
    made = simulate(3, now=NOW, artists=60, tracks=400, listeners=300, days=21, plays=20_000)
    tracks = sorted(made.tracks, key=lambda track: track.track_id)
    words = extras.Words(
        track_ids=[track.track_id for track in tracks],
        vectors=np.stack([words_of(catalogue_text(replace(track, album=""), ("somebody",))) for track in tracks]),
        artist_of={track.track_id: track.artist_ids[0] for track in tracks},
    )
    listener_ids = sorted({play.listener_id for play in made.plays})
    listener_of = {name: place for place, name in enumerate(listener_ids)}
    track_of = {name: place for place, name in enumerate(words.track_ids)}
    plays = PlayColumns(
        listener_ids=listener_ids,
        track_ids=words.track_ids,
        listeners=np.array([listener_of[play.listener_id] for play in made.plays], dtype=np.int32),
        tracks=np.array([track_of[play.track_id] for play in made.plays], dtype=np.int32),
        counts=np.ones(len(made.plays), dtype=np.float32),
        played_at=np.array([round(play.played_at.timestamp() * 1000) for play in made.plays], dtype=np.int64),
    )
    return compact(plays), words


def content_of(plays: PlayColumns, words: extras.Words) -> Float32:
    """Content vectors by the numbers of `plays`."""
    place = {track_id: row for row, track_id in enumerate(words.track_ids)}
    return words.vectors[[place[track_id] for track_id in plays.track_ids]]


def learned(plays: PlayColumns, words: extras.Words) -> tuple[Factors, extras.Extras]:
    """Factors and extras of these plays."""
    factors = TRAINER.fit(interactions(plays), settings=ALS, seed=0)
    return factors, extras.learn(plays, words, factors, trainer=TRAINER, settings=ALS, seed=0)


def test_the_lists_learned_from_are_as_long_as_those_that_serve() -> None:
    """Training may not import the services, so the numbers stand twice."""
    assert (rank.RANK_OFFSET, retrieve.SEEDS, recommend.PER_SOURCE) == (lists.RANK_OFFSET, lists.SEEDS, lists.LENGTH)


def test_learned_fusion_ranks_as_the_server_fuses() -> None:
    """The same candidates and weights give the same order through `backend.services.rank.fuse`."""
    rng = np.random.default_rng(0)
    scored = {source: rng.random((1, 300)) for source in lists.ORDER}
    scored[CandidateSource.CONTENT][0, :250] = -np.inf
    excluded = sp.csr_matrix(([1.0], ([0], [7])), shape=(1, 300))
    parts = lists.reciprocal_ranks(scored, excluded)[:, 0]
    weights = dict(zip(lists.ORDER, (0.4, 0.3, 0.2, 0.1), strict=True))
    candidates = []
    for source, scores in scored.items():
        order = [at for at in np.argsort(-scores[0]).tolist() if at != 7 and np.isfinite(scores[0, at])]
        candidates += [
            Candidate(track_id=f"{at:03}", source=source, rank=place, score=0.0, because="")
            for place, at in enumerate(order[: lists.LENGTH], 1)
        ]
    fused = rank.fuse(candidates, weights, exclude=frozenset())
    scores = lists.weights_array(weights) @ parts
    assert [f"{at:03}" for at in np.argsort(-scores, kind="stable")[:50].tolist()] == [
        one.track_id for one in fused[:50]
    ]


def ndcg(split: Split, known: lists.Knowledge, weights: Mapping[CandidateSource, float]) -> Float64:
    """NDCG@20 by listener of the fused list on the test plays."""
    listeners = np.unique(split.test.listeners)
    known_plays = split.train.matrix()[listeners]
    ranks = lists.reciprocal_ranks(lists.scores(known, split.train, listeners), known_plays)
    fused = np.tensordot(lists.weights_array(weights), ranks, axes=1)
    best = np.argsort(-fused, axis=1, kind="stable")[:, :20]
    wanted = split.test.matrix()[listeners].toarray() > 0
    return accuracy(np.take_along_axis(wanted, best, axis=1), wanted.sum(axis=1))["ndcg"]


def test_served_blend_is_not_below_its_best_source_on_later_plays() -> None:
    """Weights learned on the first four fifths of the plays, judged on the last: beside every source, the old default.

    The tolerance is half the distance from the paired difference to the end of its interval.
    """
    plays, words = service()
    split = time_split(plays, held_out=0.2)
    later = np.quantile(plays.played_at, 0.8, method="nearest")
    factors, found = learned(plays.where(plays.played_at <= later), words)
    known = lists.Knowledge(
        factors=factors,
        links=links(split.train).matrix(len(plays.track_ids)),
        content=content_of(plays, words),
        trend=np.bincount(split.train.tracks, minlength=len(plays.track_ids)).astype(np.float64),
    )
    assert {FUSION_FILE, LINEAR_FILE, NEWCOMERS_FILE} == found.files.keys()
    levels = json.loads(found.files[FUSION_FILE])["levels"]
    assert [1, 5, 20] == [level["tracks"] for level in levels]
    blended = ndcg(split, known, found.fusion)
    for other in (*({source: 1.0} for source in lists.ORDER), fusion.DEFAULT):
        difference = blended - ndcg(split, known, other)
        tolerance = 1.96 * difference.std() / np.sqrt(len(difference))
        assert difference.mean() >= -tolerance / 2, other


def test_new_tracks_reach_the_listeners_of_their_artist(tmp_path: Path) -> None:
    """One track of each artist with several taken out of training: its place by artist against its place by words.

    Of the listeners who play it, the share who get it among their first twenty of 400.
    """
    plays, words = service()
    artists = np.array([words.artist_of[track_id] for track_id in plays.track_ids])
    rng = np.random.default_rng(0)
    several = [np.flatnonzero(artists == artist) for artist in np.unique(artists)]
    new = np.array([rng.choice(tracks) for tracks in several if len(tracks) >= 3])
    rest = compact(plays.where(~np.isin(plays.tracks, new)))
    factors = TRAINER.fit(interactions(rest), settings=ALS, seed=0)
    known = newcomers.Known(
        factors=factors.tracks,
        words=content_of(rest, words),
        artist_ids=[words.artist_of[track_id] for track_id in rest.track_ids],
    )
    (tmp_path / NEWCOMERS_FILE).write_bytes(newcomers.to_file(newcomers.learn(known)))
    newcomer = reader.newcomers(tmp_path, dimension=ALS.dimension, words=WORDS)
    assert newcomer is not None
    content = content_of(plays, words)
    recall = {}
    for way in ("artist", "words"):
        vectors = [newcomer.place(content[track], artists[track] if way == "artist" else "") for track in new]
        recall[way] = recall_of(plays, rest, factors, new, np.stack(vectors))
    assert recall["artist"] > 0.7
    assert recall["artist"] > recall["words"] + 0.05


def recall_of(plays: PlayColumns, rest: PlayColumns, factors: Factors, new: np.ndarray, vectors: Float32) -> float:
    """The share of (listener, new track played) with the track among the listener's first twenty unheard ones."""
    held_out = interactions(plays.where(np.isin(plays.tracks, new)))
    place = {listener: row for row, listener in enumerate(rest.listener_ids)}
    heard = interactions(rest).matrix()
    hits = []
    for listener, track in zip(held_out.listeners, held_out.tracks, strict=True):
        row = place.get(plays.listener_ids[listener])
        if row is not None:
            scores = np.concatenate([factors.tracks, vectors]) @ factors.listeners[row]
            scores[heard[row].indices] = -np.inf
            own = scores[len(factors.tracks) + int(np.flatnonzero(new == track)[0])]
            hits.append(int((scores > own).sum()) < 20)
    return float(np.mean(hits))


def test_links_read_back_rank_as_ease_does(tmp_path: Path) -> None:
    """With every neighbour kept, the sums of a listener's rows are EASE's scores."""
    plays, _ = service()
    pairs = interactions(plays)
    found = links(pairs, regularization=50.0, kept=len(plays.track_ids))
    (tmp_path / LINEAR_FILE).write_bytes(found.to_file(np.array(plays.track_ids)))
    read = reader.linear_model(tmp_path)
    assert read is not None
    scores = Ease(regularization=50.0).fit(pairs, SideInformation(), seed=0)(np.array([0], dtype=np.int32))[0]
    own = pairs.tracks[pairs.listeners == 0]
    scores[own] = -np.inf
    sums = np.zeros(len(plays.track_ids))
    for track in own.tolist():
        row = read.rows[plays.track_ids[track]]
        held = read.neighbours[row] >= 0
        np.add.at(sums, read.neighbours[row][held], read.weights[row][held])
    assert list(plays.track_ids) == list(read.track_ids)
    best = np.argsort(-scores, kind="stable")[:5]
    sums[own] = -np.inf
    assert len(set(best.tolist()) & set(np.argsort(-sums, kind="stable")[:10].tolist())) >= 4


def test_extras_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """A version is refused whole, with the file's name; one without extras is none."""
    assert () == reader.fusion_levels(tmp_path)
    assert reader.linear_model(tmp_path) is None
    assert reader.newcomers(tmp_path, dimension=2, words=3) is None
    (tmp_path / FUSION_FILE).write_text('{"levels": [{"tracks": 1, "weights": {"magic": 1}}]}')
    with pytest.raises(ModelRefused, match=r"fusion\.json is incomplete"):
        reader.fusion_levels(tmp_path)
    (tmp_path / LINEAR_FILE).write_bytes(b"PK")
    with pytest.raises(ModelRefused, match=r"linear\.npz is incomplete"):
        reader.linear_model(tmp_path)
    known = newcomers.Known(
        factors=np.eye(2, dtype=np.float32), words=np.eye(2, 3, dtype=np.float32), artist_ids=["a", ""]
    )
    (tmp_path / NEWCOMERS_FILE).write_bytes(newcomers.to_file(newcomers.learn(known)))
    assert reader.newcomers(tmp_path, dimension=2, words=3) is not None
    with pytest.raises(ModelRefused, match="must have the shapes"):
        reader.newcomers(tmp_path, dimension=4, words=3)
