"""What a version's files say is what was written, and files that do not fit are refused by name."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backend.domain.errors import ModelRefused
from backend.ranking.foldin import FoldIn
from backend.ranking.newcomers import Newcomers
from backend.ranking.sources.linear import Links
from backend.ranking.stored import Files, arrays_bytes
from backend.ranking.weights import FusionLevel, FusionWeights
from backend.versions import codec
from backend.versions.codec import Ranking, VersionVectors

DIMENSION, WORDS = 2, 3
numbers = st.floats(-1e6, 1e6, width=32)
positive = st.floats(1e-3, 1e3)
ids = st.lists(st.text("abcé.:-_0", min_size=1, max_size=5), unique=True, min_size=1, max_size=4).map(sorted)
weights = st.dictionaries(st.sampled_from(["factors", "linear", "content", "trend"]), positive, min_size=1)
levels = st.lists(
    st.builds(FusionLevel, tracks=st.integers(1, 50), weights=weights), max_size=3, unique_by=lambda one: one.tracks
)


def matrix(rows: int, columns: int, dtype: Any = np.float32) -> st.SearchStrategy[Any]:
    """Any finite matrix of that shape."""
    return arrays(dtype, (rows, columns), elements=numbers)


@st.composite
def rankings(draw: st.DrawFn) -> Ranking:
    """Anything that ranks in a version."""
    tracks, artists = draw(ids), draw(ids)
    links = Links(
        track_ids=tracks,
        rows={track_id: row for row, track_id in enumerate(tracks)},
        neighbours=draw(arrays(np.int32, (len(tracks), 2), elements=st.integers(-1, len(tracks) - 1))),
        weights=draw(matrix(len(tracks), 2)),
    )
    fold_in = FoldIn(
        gram=draw(matrix(DIMENSION, DIMENSION, np.float64)),
        unobserved_weight=draw(positive),
        regularization=draw(positive),
        confidence_scale=draw(positive),
        frequency_offset=draw(positive),
        frequency_power=draw(positive),
    )
    newcomers = Newcomers(
        by_artist=draw(matrix(WORDS + DIMENSION + 1, DIMENSION)),
        by_words=draw(matrix(WORDS + 1, DIMENSION)),
        artists={artist_id: row for row, artist_id in enumerate(artists)},
        artist_factors=draw(matrix(len(artists), DIMENSION)),
    )
    by_tracks = sorted(draw(levels), key=lambda level: level.tracks)
    return Ranking(
        encoder_name="words",
        encoder_dimension=WORDS,
        parts={"factors": fold_in, **({"linear": links} if draw(st.booleans()) else {})},
        newcomers=newcomers if draw(st.booleans()) else None,
        weights=FusionWeights(levels=tuple(by_tracks), below=draw(weights)),
        notes=[{"listeners": 7} for _ in by_tracks],
    )


def files_of(files: Mapping[str, bytes], manifest: Mapping[str, object]) -> Files:
    """A version that holds these."""
    listed = {"version": "v1", **manifest, "files": dict.fromkeys(files, "")}
    return Files(manifest=json.loads(json.dumps(listed)), read=files.__getitem__, where="models/v1")


def told(value: object) -> object:
    """A value in terms that compare with ==."""
    if isinstance(value, np.ndarray):
        return (value.dtype.name, value.tolist())
    if hasattr(value, "__dataclass_fields__"):
        return {name: told(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {key: told(each) for key, each in value.items()}
    return value


@given(rankings())
def test_what_ranks_comes_back_as_it_was_stored(ranking: Ranking) -> None:
    """Parts, places for newcomers and weights, to the bit."""
    stored = codec.store(ranking)
    loaded = codec.load(files_of(stored.files, stored.manifest))
    expected = (ranking.parts, ranking.newcomers, ranking.weights, ranking.encoder_name, DIMENSION)
    found = (loaded.parts, loaded.newcomers, loaded.weights, loaded.encoder_name, loaded.dimension)
    assert told(list(map(told, expected))) == told(list(map(told, found)))


@given(ids, ids, st.data())
def test_vectors_come_back_as_they_were_stored(
    track_ids: list[str], listener_ids: list[str], data: st.DataObject
) -> None:
    """Ids in their order, numbers to the bit."""
    vectors = VersionVectors(
        track_ids=track_ids,
        listener_ids=listener_ids,
        tracks=data.draw(matrix(len(track_ids), DIMENSION)),
        listeners=data.draw(matrix(len(listener_ids), DIMENSION)),
        content=data.draw(matrix(len(track_ids), WORDS)),
    )
    manifest = {"factors": {"dimension": DIMENSION}, "encoder": {"name": "words", "dimension": WORDS}}
    assert told(vectors) == told(codec.read_vectors(files_of(dict(codec.vector_files(vectors)), manifest)))


def small() -> tuple[dict[str, bytes], dict[str, object]]:
    """Files and manifest of a version with everything."""
    one = np.ones((1, 1), dtype=np.float32)
    ranking = Ranking(
        encoder_name="words",
        encoder_dimension=WORDS,
        parts={
            "factors": FoldIn(gram=np.eye(2), unobserved_weight=1.0, regularization=1.0, confidence_scale=1.0),
            "linear": Links(track_ids=["a"], rows={"a": 0}, neighbours=np.array([[-1]], dtype=np.int32), weights=one),
        },
        newcomers=Newcomers(
            by_artist=np.zeros((WORDS + 3, 2), dtype=np.float32),
            by_words=np.zeros((WORDS + 1, 2), dtype=np.float32),
            artists={},
            artist_factors=np.zeros((0, 2), dtype=np.float32),
        ),
    )
    stored = codec.store(ranking)
    return dict(stored.files), dict(stored.manifest)


ONE = np.ones((1, 1), dtype=np.float32)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("fusion.json", b'{"levels": [{"tracks": 1, "weights": {"magic": 1}}]}', "no candidate source magic"),
        ("fusion.json", b'{"levels": [{}]}', "is incomplete"),
        ("linear.npz", b"PK", "is incomplete"),
        ("linear.npz", arrays_bytes(track_ids=np.array(["a"]), neighbours=ONE, weights=ONE), "do not fit"),
        (
            "linear.npz",
            arrays_bytes(track_ids=np.array(["a"]), neighbours=np.array([[7]], dtype=np.int32), weights=ONE),
            "does not name",
        ),
        ("newcomers.npz", arrays_bytes(artist_ids=np.array(["a"])), "is incomplete"),
        (
            "newcomers.npz",
            arrays_bytes(artist_ids=np.array(["a"]), artist_factors=ONE, by_artist=ONE, by_words=ONE),
            "must be float32 of the shapes",
        ),
        ("gram.npy", b"", "is incomplete"),
        ("gram.npy", codec.array_bytes(np.eye(3)), r"must be \(2, 2\) float64"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_its_name(name: str, content: bytes, said: str) -> None:
    """A version is refused whole."""
    files, manifest = small()
    with pytest.raises(ModelRefused, match=f"models/v1/{name}.*{said}"):
        codec.load(files_of(files | {name: content}, manifest))


def test_files_that_a_version_need_not_have_may_be_missing() -> None:
    """Without them it has no links, no places for newcomers, and one set of weights."""
    files, manifest = small()
    loaded = codec.load(files_of({"gram.npy": files["gram.npy"]}, manifest))
    assert (["factors"], None, ()) == (list(loaded.parts), loaded.newcomers, loaded.weights.levels)


def test_vectors_that_are_not_finite_are_never_stored() -> None:
    """A diverged training never becomes a version."""
    row = np.full((1, 2), np.nan, dtype=np.float32)
    vectors = VersionVectors(track_ids=["a"], listener_ids=["l"], tracks=row, listeners=row, content=row)
    with pytest.raises(ModelRefused, match=r"track_factors\.npy"):
        dict(codec.vector_files(vectors))
