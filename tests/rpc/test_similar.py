"""SimilarTracks by every approach and SearchTracks by name and mood, through a real server."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest
from segue.v1 import recommend_pb2

from backend.domain.tracks import AUDIO_FEATURES, AudioFeatures, Track
from backend.ports.models import NAMESPACE, ModelVersion
from backend.ranking.sound import scale, unit
from backend.services.names import Names
from tests.rpc.conftest import VERSION, World, catalogue, publish_model, running

AUDIO, LATENT, TEXT, LISTENING, HYBRID = (
    recommend_pb2.APPROACH_AUDIO,
    recommend_pb2.APPROACH_LATENT,
    recommend_pb2.APPROACH_TEXT,
    recommend_pb2.APPROACH_LISTENING,
    recommend_pb2.APPROACH_HYBRID,
)
CALM = AudioFeatures(
    danceability=0.3,
    energy=0.2,
    valence=0.4,
    acousticness=0.9,
    instrumentalness=0.8,
    liveness=0.1,
    speechiness=0.04,
    tempo=80.0,
    loudness=-18.0,
)
LOUD = replace(CALM, energy=0.9, acousticness=0.05, instrumentalness=0.0, tempo=150.0, loudness=-4.0)


def sounds(number: int) -> AudioFeatures:
    """The first half of the catalogue is calm, the second loud, whatever the genre; no two are the same."""
    features = CALM if number < 30 else LOUD
    return replace(features, valence=0.3 + 0.004 * number)


def with_sound(world: World) -> ModelVersion:
    """The world's version, with audio vectors and a learned hybrid; the store has the features."""
    tracks = [replace(track, audio_features=sounds(number)) for number, track in enumerate(catalogue()[0])]
    world.store.put_tracks(tracks)
    table = np.array([list(vars_of(sounds(number))) for number in range(len(tracks))])
    sound = scale(table)
    space = NAMESPACE.format(version=f"{VERSION}-sound", space="audio")
    version = replace(publish_model(world.vectors, tracks), sound=sound, alike={"audio": 0.7, "content": 0.3})
    for name in ("factors", "content"):
        ids = [track.track_id for track in tracks]
        held = world.vectors.fetch(NAMESPACE.format(version=VERSION, space=name), ids)
        world.vectors.create(
            NAMESPACE.format(version=f"{VERSION}-sound", space=name), ids, np.stack([held[one] for one in ids])
        )
    world.vectors.create(space, [track.track_id for track in tracks], unit(sound.standardised(table)))
    return replace(version, version=f"{VERSION}-sound")


def vars_of(features: AudioFeatures) -> Iterator[float]:
    """The nine numbers."""
    return (getattr(features, name) for name in AUDIO_FEATURES)


@pytest.fixture
def sounding(tmp_path: Path) -> Iterator[World]:
    """A server whose version has audio vectors and a hybrid, but no latent space."""
    with running(tmp_path, with_model=False) as world:
        world.models.hand_in(with_sound(world))
        until(lambda: world.services.model.version is not None)
        yield world


def until(condition: Callable[[], bool]) -> None:
    """Wait for at most ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def similar(world: World, track_id: str = "t0", **fields: object) -> list[recommend_pb2.RecommendedTrack]:
    """Tracks like it."""
    request = recommend_pb2.SimilarTracksRequest(track_id=track_id, **fields)
    return list(world.recommend.SimilarTracks(request).tracks)


def search(world: World, query: str) -> list[recommend_pb2.RecommendedTrack]:
    """What the words find."""
    return list(world.recommend.SearchTracks(recommend_pb2.SearchTracksRequest(query=query)).tracks)


def test_audio_finds_what_sounds_alike_and_says_in_what(sounding: World) -> None:
    """Calm tracks of both genres near a calm one, each with the features that are the same."""
    found = similar(sounding, approach=AUDIO, page_size=10)
    assert all(int(track.track_id[1:]) < 30 for track in found)
    assert {"jazz", "techno"} == {track.title.split()[0] for track in found}
    assert ["same tempo, energy and danceability"] == [reason.text for reason in found[0].reasons]
    assert recommend_pb2.CANDIDATE_SOURCE_AUDIO == found[0].reasons[0].source


def test_text_and_listening_answer_alone(sounding: World) -> None:
    """Each by its own source only, both of the track's own genre; words name the shared tags."""
    for approach, source, text in (
        (TEXT, recommend_pb2.CANDIDATE_SOURCE_CONTENT, "shared tags: jazz"),
        (LISTENING, recommend_pb2.CANDIDATE_SOURCE_FACTORS, "played by the same listeners"),
    ):
        found = similar(sounding, approach=approach, page_size=10)
        assert {(source, text)} == {(reason.source, reason.text) for track in found for reason in track.reasons}
        assert all(track.title.startswith("jazz") for track in found)


def test_without_an_approach_the_learned_hybrid_answers(sounding: World) -> None:
    """Its best are calm like the track and of its genre; naming HYBRID gives the same."""
    found = similar(sounding, page_size=10)
    assert [track.track_id for track in similar(sounding, approach=HYBRID, page_size=10)] == [
        track.track_id for track in found
    ]
    assert {recommend_pb2.CANDIDATE_SOURCE_AUDIO, recommend_pb2.CANDIDATE_SOURCE_CONTENT} == {
        reason.source for track in found for reason in track.reasons
    }


def test_an_approach_that_the_version_lacks_is_refused_by_name(sounding: World, world: World) -> None:
    """FAILED_PRECONDITION with what makes it; without an approach an older version answers as it did."""
    for asked, approach, name in ((sounding, LATENT, "latent"), (world, AUDIO, "audio"), (world, HYBRID, "hybrid")):
        with pytest.raises(grpc.RpcError) as caught:
            similar(asked, approach=approach)
        assert grpc.StatusCode.FAILED_PRECONDITION == caught.value.code()
        assert f"'{name}'" in caught.value.details()
        assert "segue train" in caught.value.details()
    assert {recommend_pb2.CANDIDATE_SOURCE_FACTORS, recommend_pb2.CANDIDATE_SOURCE_CONTENT} == {
        reason.source for track in similar(world) for reason in track.reasons
    }


def test_several_seeds_count_by_their_weights(sounding: World) -> None:
    """The heavier seed's neighbours come first, no seed is in the answer, and the reason names the seed."""
    seeds = [recommend_pb2.SeedTrack(track_id="t59", weight=50)]
    found = similar(sounding, approach=AUDIO, seeds=seeds, page_size=5)
    assert all(int(track.track_id[1:]) >= 30 for track in found)
    assert "as techno 59" in found[0].reasons[0].text
    equal = similar(sounding, approach=AUDIO, seeds=[recommend_pb2.SeedTrack(track_id="t59")], page_size=10)
    assert {True, False} == {int(track.track_id[1:]) >= 30 for track in equal}
    assert not {"t0", "t59"} & {track.track_id for track in (*found, *equal)}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"seeds": [recommend_pb2.SeedTrack(track_id="nobody")]}, grpc.StatusCode.NOT_FOUND),
        ({"seeds": [recommend_pb2.SeedTrack(track_id="t1", weight=-1)]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"seeds": [recommend_pb2.SeedTrack(track_id="t1", weight=float("nan"))]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"seeds": [recommend_pb2.SeedTrack(track_id="t1")] * 21}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"approach": 99}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_seeds_and_approaches_that_mean_nothing_are_refused(
    sounding: World, fields: dict[str, object], code: grpc.StatusCode
) -> None:
    """With the code that says whose fault it is."""
    with pytest.raises(grpc.RpcError) as caught:
        similar(sounding, **fields)
    assert code == caught.value.code()


def test_a_new_track_of_an_unknown_artist_is_found_by_sound(sounding: World) -> None:
    """It came after the version, without a play, a tag or a known artist: near what sounds like it, and as a seed."""
    new = Track(track_id="fresh", title="zz", artist_ids=("nobody",), audio_features=sounds(1))
    sounding.services.catalogue.put_tracks([new])
    until(lambda: "fresh" in [track.track_id for track in similar(sounding, "t1", approach=AUDIO, page_size=5)])
    assert all(int(track.track_id[1:]) < 30 for track in similar(sounding, "fresh", approach=AUDIO, page_size=10))


def test_exact_titles_and_artists_come_first(sounding: World) -> None:
    """Whatever the case and the form of letters; an artist's name gives the artist's tracks; then come meanings."""
    until(lambda: search(sounding, "JAZZ 14")[0].track_id == "t14")
    found = search(sounding, "\uff4a\uff41zz 14")
    assert ("t14", "titled jazz 14") == (found[0].track_id, found[0].reasons[0].text)
    assert recommend_pb2.CANDIDATE_SOURCE_NAME == found[0].reasons[0].source
    assert len(found) > 1
    by = search(sounding, "artist 14")
    assert {"t14", "t34", "t54"} == {track.track_id for track in by[:3]}
    assert {"by Artist 14"} == {track.reasons[0].text for track in by[:3]}
    assert "t14" == search(sounding, "jazz 14 by artist 14")[0].track_id
    assert sorted((track.score for track in by), reverse=True) == [track.score for track in by]


def test_mood_words_ask_for_audio_features(sounding: World) -> None:
    """Calm brings the calm half, energetic the other; a reason tells the ranges."""
    for query, calm in (("calm jazz", True), ("energetic jazz", False)):
        found = search(sounding, query)[:10]
        assert all((int(track.track_id[1:]) < 30) is calm for track in found)
        assert all(track.title.startswith("jazz") for track in found)
    moods = [reason.text for track in found for reason in track.reasons if reason.source == 8]
    assert "energetic: energy at least 0.7" == moods[0]


@pytest.mark.parametrize("query", ["   ", "\u200b", " \u2060\u200b "])
def test_a_search_for_nothing_is_refused(query: str, world: World) -> None:
    """Blanks and signs that nobody sees are no words."""
    with pytest.raises(grpc.RpcError) as caught:
        search(world, query)
    assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()


def test_a_renamed_track_is_found_by_its_new_name_only(world: World) -> None:
    """What is remembered of names is compared with the track as it is."""
    names = Names(world.store, world.services.catalogue)
    names.refresh()
    assert ["t3"] == [track.track_id for track in names.find("techno 3")]
    world.services.catalogue.put_tracks([replace(catalogue()[0][3], title="Other")])
    names.refresh()
    assert [] == names.find("techno 3")
    assert ["t3"] == [track.track_id for track in names.find("OTHER")]
