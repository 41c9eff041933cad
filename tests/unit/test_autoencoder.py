"""The autoencoder of audio features: tags shape its space, and what was exported is served."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from backend.adapters.encoder.sound import OnnxSoundEncoder
from backend.domain.errors import ModelRefused
from backend.ranking.sound import unit
from training.content import autoencoder
from training.content.clusters import Float64

TRACKS, GROUPS = 240, 4


def noisy() -> tuple[list[str], Float64, dict[str, tuple[str, ...]]]:
    """Tracks of four tags; two features tell the tags, the other seven are noise."""
    rng = np.random.default_rng(0)
    group = np.arange(TRACKS) % GROUPS
    features = rng.normal(size=(TRACKS, 9))
    features[:, 0] = (group % 2) + rng.normal(scale=0.1, size=TRACKS)
    features[:, 1] = (group // 2) + rng.normal(scale=0.1, size=TRACKS)
    ids = [f"t{number}" for number in range(TRACKS)]
    labels = {one: (f"tag {group[number]}", "artist x") for number, one in enumerate(ids)}
    return ids, features, labels


def same_group(vectors: Float64) -> float:
    """The share of each track's ten nearest that carry its tag."""
    near = vectors @ vectors.T
    np.fill_diagonal(near, -2)
    group = np.arange(TRACKS) % GROUPS
    return float((group[np.argsort(-near, axis=1)[:, :10]] == group[:, None]).mean())


def test_tracks_of_a_tag_are_nearer_than_by_plain_features() -> None:
    """Features that tell nothing count for less; the same seed gives the same graph, and the graph is what serves."""
    ids, features, labels = noisy()
    found = autoencoder.learn(ids, features, labels=labels, seed=3, steps=250)
    assert same_group(found.latent.astype(np.float64)) > same_group(found.audio.astype(np.float64)) + 0.2
    np.testing.assert_allclose(1.0, np.linalg.norm(found.latent, axis=1), rtol=1e-5)
    served = OnnxSoundEncoder(found.sound.encoder).encode(found.sound.standardised(features))
    np.testing.assert_allclose(found.latent, served, atol=1e-6)
    again = autoencoder.learn(ids, features, labels=labels, seed=3, steps=250)
    assert found.sound == again.sound
    figures = found.sound.figures["autoencoder"]
    assert isinstance(figures, dict)
    assert 4 == figures["tags"]
    assert 0 < figures["reconstruction"] < 1


def test_without_tags_it_learns_from_the_features_alone() -> None:
    """And tells that there was no tag."""
    ids, features, _ = noisy()
    found = autoencoder.learn(ids, features, labels={}, seed=0, steps=20)
    assert (TRACKS, autoencoder.LATENT) == found.latent.shape
    assert {"audio", "latent"} == set(found.spaces)


def test_without_torch_or_tracks_the_plain_space_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said why; the audio vectors need neither."""
    assert "" == autoencoder.missing(autoencoder.LEAST_TRACKS)
    assert "3 tracks have audio features" in autoencoder.missing(3)
    found_spec = importlib.util.find_spec
    monkeypatch.setattr(autoencoder, "find_spec", lambda name: None if name == "torch" else found_spec(name))
    assert "PyTorch is not installed" in autoencoder.missing(1000)
    ids, features, _ = noisy()
    plain = autoencoder.standardised(ids[:3], features[:3])
    assert {"audio"} == set(plain.spaces)
    np.testing.assert_allclose(plain.audio, unit(plain.sound.standardised(features[:3])))
    assert replace(plain.sound, encoder=b"") == plain.sound


def test_bytes_that_are_no_graph_are_refused() -> None:
    """By name, not by a crash of the runtime."""
    with pytest.raises(ModelRefused, match="autoencoder"):
        OnnxSoundEncoder(b"not a graph")
