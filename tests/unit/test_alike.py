"""In what two tracks are alike, what mood words ask for, and how the approaches' weights are learned."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.domain.alike import same_sound, shared_tags
from backend.domain.errors import ModelRefused
from backend.domain.moods import GROUPS, MOODS, fits, folded, mood_words, ranges, told
from backend.domain.tracks import AUDIO_FEATURES, AudioFeatures, Track
from backend.ranking.sound import Sound, load, scale, store, unit
from backend.ranking.stored import Files
from training.data.dataset import PlayColumns
from training.data.together import GAP_MILLISECONDS, together
from training.ranking import alike

PIANO = AudioFeatures(
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
METAL = replace(PIANO, energy=0.95, acousticness=0.01, instrumentalness=0.2, tempo=165.0, loudness=-4.0, liveness=0.4)


def test_a_reason_names_the_most_telling_features_that_are_the_same() -> None:
    """Three at most, in the order of what tells most; estimated ones are called so."""
    assert "same tempo, energy and danceability" == same_sound(PIANO, replace(PIANO, tempo=85.0))
    assert "same danceability, valence and speechiness" == same_sound(PIANO, METAL)
    assert "same tempo, energy and danceability (energy estimated)" == same_sound(PIANO, PIANO, estimated={"energy"})
    assert "same tempo, energy and danceability (estimated)" == same_sound(PIANO, PIANO, estimated=AUDIO_FEATURES)
    assert "" == same_sound(PIANO, None)


def test_shared_tags_are_compared_without_case() -> None:
    """In the order and the letters of the track that was asked about."""
    one = Track(track_id="a", title="A", artist_ids=("x",), tags=("Jazz", "slow", "piano"))
    other = replace(one, track_id="b", tags=("piano", "JAZZ"))
    assert "shared tags: Jazz, piano" == shared_tags(one, other)
    assert "" == shared_tags(one, replace(other, tags=()))


def test_mood_words_ask_for_ranges_of_features() -> None:
    """Several words together ask for what all of them ask; words without a mood ask for nothing."""
    assert ["calm", "studying"] == mood_words("Calm piano for studying, calm")
    wanted = ranges(["calm", "studying"])
    assert (float("-inf"), 0.45) == wanted["energy"]
    assert fits(PIANO, wanted)
    assert not fits(METAL, wanted)
    assert "tempo at most 95" == told(ranges(["fast", "slow"]))
    assert [] == mood_words("Blue Train")
    assert "jóga 2" == folded("  JO\u0301GA, 2! ")


def test_the_table_of_mood_words_is_the_one_in_the_documents() -> None:
    """docs/search-words.md lists every word with what it asks for."""
    text = (Path(__file__).parents[2] / "docs" / "search-words.md").read_text()
    for words, wanted in GROUPS:
        assert f"| {', '.join(words)} | {told(wanted)} |" in text
    assert len(MOODS) == sum(len(words) for words, _ in GROUPS)


def plays(*rows: tuple[int, int, int]) -> PlayColumns:
    """Plays as listener, track, minutes."""
    listeners, tracks, minutes = np.array(rows).T
    return PlayColumns(
        listener_ids=[f"l{number}" for number in range(int(listeners.max()) + 1)],
        track_ids=[f"t{number:03}" for number in range(int(tracks.max()) + 1)],
        listeners=listeners.astype(np.int32),
        tracks=tracks.astype(np.int32),
        counts=np.ones(len(rows), dtype=np.float32),
        played_at=minutes.astype(np.int64) * 60_000 + 1,
    )


def test_tracks_of_one_sitting_were_played_together() -> None:
    """Both ways round; not over a pause, not over listeners, not with itself, not without a moment."""
    pause = GAP_MILLISECONDS // 60_000 + 1
    found = together(plays((0, 0, 1), (0, 1, 5), (0, 1, 9), (0, 2, 9 + pause), (1, 3, 1), (1, 0, 4)))
    assert [[0, 1], [0, 3], [1, 0], [3, 0]] == found.tolist()
    unknown = plays((0, 0, 0), (0, 1, 0))
    assert 0 == len(together(replace(unknown, played_at=np.zeros(2, dtype=np.int64))))


def test_the_hybrid_learns_which_approach_foretells_listening() -> None:
    """Listeners play within groups that the audio vectors know and the words do not: audio gets the weight."""
    rng = np.random.default_rng(0)
    group = np.arange(120) % 6
    ids = [f"t{number:03}" for number in range(120)]
    audio = unit((np.eye(6)[group] + rng.normal(scale=0.05, size=(120, 6))).astype(np.float32))
    words = unit(rng.normal(size=(120, 8)).astype(np.float32))
    rows = []
    for sitting in range(400):
        members = rng.permutation(np.flatnonzero(group == sitting % 6))[:6]
        rows += [(sitting, int(track), 5 * place) for place, track in enumerate(members)]
    found = alike.learn({"audio": (ids, audio), "content": (ids, words)}, plays(*rows), seed=1)
    recall = found.figures["recall@20"]
    assert isinstance(recall, dict)
    assert recall["audio"] > 0.9 > 0.5 > recall["content"]
    assert recall["hybrid"] >= recall["audio"] - 0.01
    assert found.weights["audio"] > found.weights["content"]
    assert pytest.approx(1.0, abs=1e-5) == sum(found.weights.values())


def test_with_too_little_held_out_the_approaches_weigh_the_same() -> None:
    """And the figures say of how many tracks there were."""
    ids = ["t000", "t001"]
    spaces = {"audio": (ids, np.eye(2, dtype=np.float32)), "content": (ids, np.eye(2, dtype=np.float32))}
    found = alike.learn(spaces, plays((0, 0, 1), (0, 1, 2)), seed=0)
    assert ({"audio": 0.5, "content": 0.5}, {"seeds": 2}) == (found.weights, found.figures)


def test_a_version_keeps_how_features_become_vectors() -> None:
    """What is stored is read back; other features make no approach, a deviation of 0 is refused."""
    table = np.array([[getattr(one, name) for name in AUDIO_FEATURES] for one in (PIANO, METAL)])
    sound = replace(scale(table), encoder=b"graph", latent=4, figures={"autoencoder": {"latent": 4}})
    kept = store(sound)
    manifest = {**kept.manifest, "files": dict.fromkeys(kept.files, "hash")}
    read = load(Files(manifest=manifest, read=kept.files.__getitem__, where="v"))
    assert Sound(means=sound.means, deviations=sound.deviations, encoder=b"graph", latent=4) == read
    assert load(Files(manifest={"files": {}}, read=kept.files.__getitem__, where="v")) is None
    other = {**manifest, "sound": {**manifest["sound"], "features": ["warmth"]}}  # type: ignore[dict-item]
    assert load(Files(manifest=other, read=kept.files.__getitem__, where="v")) is None
    broken = {**manifest, "sound": {**manifest["sound"], "deviations": [0.0] * 9}}  # type: ignore[dict-item]
    with pytest.raises(ModelRefused, match="deviation above 0"):
        load(Files(manifest=broken, read=kept.files.__getitem__, where="v"))
