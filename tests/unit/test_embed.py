"""Each text is embedded once, and the exported encoder says what sentence-transformers says."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from backend.adapters.encoder.onnx import OnnxTextEncoder
from backend.domain.tracks import Artist, Track
from backend.files import sha256
from backend.ports.vectors import Vectors
from training.content.embed import DIMENSION, EmbeddingCache, SentenceEncoder
from training.content.export import export_encoder, is_exported
from training.data.catalogue import read_catalogue


class CountingEncoder:
    """A text encoder that remembers what it was asked, and answers with vectors that tell the texts apart."""

    name = "length"
    dimension = DIMENSION

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One axis per length of text."""
        self.asked += texts
        return np.eye(DIMENSION, dtype=np.float32)[[len(text) for text in texts]]


def test_each_text_is_embedded_once_across_runs(tmp_path: Path) -> None:
    """A second run asks for the new text only; equal texts in one call are asked for once; order is kept."""
    encoder = CountingEncoder()
    first = EmbeddingCache(tmp_path).embed(["a", "bb", "a"], encoder)
    second = EmbeddingCache(tmp_path).embed(["ccc", "a"], encoder)
    assert ["a", "bb", "ccc"] == encoder.asked
    assert [1, 2, 1] == first.argmax(axis=1).tolist()
    assert [3, 1] == second.argmax(axis=1).tolist()


def test_nothing_to_embed_is_an_empty_table(tmp_path: Path) -> None:
    """No texts: no file, and (0, dimension)."""
    assert (0, DIMENSION) == EmbeddingCache(tmp_path).embed([], CountingEncoder()).shape
    assert [] == list(tmp_path.iterdir())


def test_pytorch_is_not_imported_where_every_text_is_known(tmp_path: Path) -> None:
    """A training whose catalogue did not change never pays for PyTorch."""
    EmbeddingCache(tmp_path).embed(["known"], CountingEncoder())
    code = (
        "import sys; from pathlib import Path; import training.train\n"
        "from training.content.embed import EmbeddingCache, SentenceEncoder\n"
        f"EmbeddingCache(Path({str(tmp_path)!r})).embed(['known'], SentenceEncoder())\n"
        "print([name for name in ('torch', 'transformers', 'sentence_transformers') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert "[]\n" == done.stdout


def test_withheld_tracks_and_artists_have_no_text() -> None:
    """No training right on the track or on any of its artists: neither text nor learning."""
    artists = [Artist(artist_id="x", name="Ann"), Artist(artist_id="y", name="Bob", allow_training=False)]
    tracks = [
        Track(track_id="1", title="One", artist_ids=("x",), album="First", tags=("folk",)),
        Track(track_id="2", title="Two", artist_ids=("x", "y")),
        Track(track_id="3", title="Three", artist_ids=("x",), allow_training=False),
    ]
    catalogue = read_catalogue(tracks, artists)
    assert {"1": "One by Ann; album First; folk"} == catalogue.texts
    assert {"1": ("tag folk", "artist x")} == catalogue.labels_of
    assert ({"3"}, {"2"}) == (catalogue.withheld, catalogue.of_withheld)


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    """The real model."""
    return SentenceEncoder()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_exported_encoder_agrees_with_sentence_transformers(tmp_path: Path, encoder: SentenceEncoder) -> None:
    """The server's encoder reads the export, and its vectors are within 1e-4 of the original's."""
    folder = tmp_path / "encoder"
    assert not is_exported(folder)
    export_encoder(encoder, folder)
    assert is_exported(folder)
    manifest = json.loads((folder / "encoder.json").read_text())
    assert {name: sha256(folder / name) for name in ("model.onnx", "tokenizer.json")} == manifest["files"]
    texts = ["Blue Train by John Coltrane; jazz", "slow piano for rainy evenings", "電子音楽 by Björk"]
    served = OnnxTextEncoder(folder)
    assert (encoder.name, encoder.dimension) == (served.name, served.dimension)
    assert np.abs(served.encode(texts) - encoder.encode(texts)).max() <= 1e-4
    assert np.linalg.norm(encoder.encode(texts), axis=1) == pytest.approx(np.ones(3), abs=1e-5)
