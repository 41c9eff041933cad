"""Every source keeps one contract: the checkerboard's exact answer, the same scores for the same seed, a real floor."""

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from backend.domain.errors import InvalidInput
from cli.formats.pairs import numbered, read_pairs
from training.compare import Round, compare
from training.dataset import Interactions, PlayColumns, interactions
from training.engines.trainer import AlsSettings
from training.side import SideInformation, friends_of, tagging_of
from training.sources.als import Als
from training.sources.ease import Ease
from training.sources.neighbours import ItemNeighbours, ListenerNeighbours
from training.sources.popularity import Popularity
from training.sources.registry import chosen
from training.sources.source import Source
from training.split import random_split

HETREC = Path(__file__).parents[2] / "../shared/data/lastfm-hetrec2011/user_artists.dat"
NOTHING = SideInformation()

SOURCES = [
    pytest.param(Als(als=AlsSettings(dimension=16)), 0.28, id="ials"),
    pytest.param(Ease(), 0.25, id="ease"),
    pytest.param(ItemNeighbours(), 0.24, id="item-knn"),
    pytest.param(ListenerNeighbours(), 0.22, id="user-knn"),
]


def columns(listeners: list[int], tracks: list[int]) -> Interactions:
    """Interactions of numbered listeners and tracks, one play each."""
    return interactions(
        PlayColumns(
            listener_ids=[str(number) for number in range(max(listeners) + 1)],
            track_ids=[str(number) for number in range(max(tracks) + 1)],
            listeners=np.array(listeners, dtype=np.int32),
            tracks=np.array(tracks, dtype=np.int32),
            counts=np.ones(len(listeners), dtype=np.float32),
            played_at=np.zeros(len(listeners), dtype=np.int64),
        )
    )


def checkerboard(listeners: int, tracks: int) -> Interactions:
    """Listener i played track j where i + j is even, but nobody met the track of their own number."""
    pairs = [(i, j) for i in range(listeners) for j in range(tracks) if (i + j) % 2 == 0 and i != j]
    return columns([i for i, _ in pairs], [j for _, j in pairs])


@pytest.mark.parametrize(("listeners", "tracks"), [(50, 50), (70, 40)])
@pytest.mark.parametrize(("source", "floor"), SOURCES)
def test_checkerboard_recommends_exactly_the_missing_square(
    source: Source, floor: float, listeners: int, tracks: int
) -> None:
    """Of the tracks a listener has not met, the one of their own number comes first: it has their colour."""
    board = checkerboard(listeners, tracks)
    scores = source.fit(board, NOTHING, seed=7)(np.arange(tracks, dtype=np.int32))
    scores[board.matrix()[:tracks].nonzero()] = -np.inf
    assert list(range(tracks)) == scores.argmax(axis=1).tolist()


@pytest.mark.parametrize(("source", "floor"), SOURCES)
def test_same_seed_gives_the_same_scores_in_fresh_arrays(source: Source, floor: float) -> None:
    """Whoever ranks overwrites what is known; the next call must not see that."""
    board = checkerboard(30, 20)
    listeners = np.array([3, 0], dtype=np.int32)
    scorer = source.fit(board, NOTHING, seed=1)
    first = scorer(listeners)
    kept = first.copy()
    first[:] = -np.inf
    assert (2, 20) == kept.shape
    assert kept.tolist() == scorer(listeners).tolist()
    assert kept.tolist() == source.fit(board, NOTHING, seed=1)(listeners).tolist()


@pytest.mark.parametrize(("source", "floor"), SOURCES)
def test_nothing_to_learn_from_is_said(source: Source, floor: float) -> None:
    """No interactions: an error with the next step instead of empty scores."""
    board = checkerboard(4, 4)
    with pytest.raises(InvalidInput, match="ingest plays first"):
        source.fit(board.where(np.zeros(len(board), dtype=bool)), NOTHING, seed=0)


@pytest.mark.skipif(not HETREC.exists(), reason="needs HetRec Last.fm in ../shared/data")
def test_sources_hold_their_floor_on_hetrec() -> None:
    """NDCG@20 of each source's defaults, 80/20 per listener, full ranking over 17,632 artists."""
    pairs = interactions(numbered(read_pairs(HETREC).pairs)[0])
    split = random_split(pairs, held_out=0.2, seed=0)
    sources = [Als(), *(parameter.values[0] for parameter in SOURCES[1:])]
    judged = compare([Round(split=split, side=NOTHING, seed=0)], sources, k=20)
    floors = {source.name: parameter.values[1] for source, parameter in zip(sources, SOURCES, strict=True)}
    reached = {each.model: each.metrics["ndcg@20"].value for each in judged}
    assert {} == {name: value for name, value in reached.items() if value < floors[name]}


def test_ease_by_listeners_equals_ease_by_tracks() -> None:
    """Both systems solve the same problem: scores of new tracks agree with the textbook formula."""
    rng = np.random.default_rng(3)
    pairs = columns(rng.integers(0, 25, 300).tolist(), rng.integers(0, 40, 300).tolist())
    played = (pairs.matrix() > 0).toarray().astype(float)
    inverse = np.linalg.inv(played.T @ played + 10.0 * np.eye(40))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    listeners = np.arange(25, dtype=np.int32)
    assert (played @ weights) == pytest.approx(
        Ease(regularization=10.0).fit(pairs, NOTHING, seed=0)(listeners), abs=1e-5
    )
    turned = columns(pairs.tracks.tolist(), pairs.listeners.tolist())
    inverse = np.linalg.inv(played @ played.T + 10.0 * np.eye(25))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    scores = Ease(regularization=10.0).fit(turned, NOTHING, seed=0)(np.arange(40, dtype=np.int32))
    assert (played.T @ weights) == pytest.approx(scores, abs=1e-5)


def test_stacked_tags_place_a_track_that_nobody_played() -> None:
    """Two tastes; a new track with the tags of one of them ranks above one with the tags of the other."""
    pairs = [(i, j) for i in range(20) for j in range(20) if (i + j) % 2 == 0]
    board = columns([*(i for i, _ in pairs)], [*(j for _, j in pairs)])
    plays = interactions(
        PlayColumns(
            listener_ids=board.listener_ids,
            track_ids=[*board.track_ids, "even-new", "odd-new"],
            listeners=board.listeners,
            tracks=board.tracks,
            counts=board.plays,
            played_at=board.last_played_at,
        )
    )
    rows = [("nobody", name, "even" if place % 2 == 0 else "odd") for place, name in enumerate(plays.track_ids)] * 5
    side = SideInformation(tagging=tagging_of(rows, plays.listener_ids, plays.track_ids))
    scores = Als(als=AlsSettings(dimension=8), tag_weight=1.0).fit(plays, side, seed=0)(
        np.array([0, 1], dtype=np.int32)
    )
    assert scores[0, 20] > scores[0, 21]
    assert scores[1, 21] > scores[1, 20]


def test_friends_are_near_where_the_source_is_told_so() -> None:
    """Listener 3 shares nothing with anybody: only the friend's tracks can be found."""
    pairs = columns([0, 0, 1, 1, 2, 3], [0, 1, 1, 2, 3, 4])
    friends = friends_of([("3", "2"), ("3", "3"), ("3", "nobody")], pairs.listener_ids)
    assert [[2, 3], [3, 2]] == np.argwhere(friends.toarray()).tolist()
    scores = ListenerNeighbours(friendship=0.5).fit(pairs, SideInformation(friends=friends), seed=0)
    assert 3 == scores(np.array([3], dtype=np.int32))[0].argmax()


def test_tags_on_held_out_tracks_are_left_out() -> None:
    """The tag tells that the listener knows the track; other people's tags on it stay."""
    pairs = columns([0, 0, 1], [0, 1, 1])
    rows = [("0", "0", "rock"), ("0", "1", "rock"), ("1", "1", "rock"), ("guest", "1", "pop"), ("0", "unheard", "pop")]
    side = SideInformation(tagging=tagging_of(rows, pairs.listener_ids, pairs.track_ids))
    held_out = pairs.where((pairs.listeners == 0) & (pairs.tracks == 1))
    seen = side.without(held_out).track_tags(2)
    assert seen is not None
    assert [[0, 1], [1, 1]] == seen.toarray().tolist()
    assert isinstance(seen, sp.csr_matrix)


def test_unknown_model_is_named_with_those_there_are() -> None:
    """The most popular list is judged whatever is asked for."""
    with pytest.raises(InvalidInput, match="'als9' is not known; known are popular"):
        chosen(["als9"], threads=1)
    assert ["popular", "ease"] == [source.name for source in chosen(["ease"], threads=1)]
    assert isinstance(chosen([], threads=1)[0], Popularity)
