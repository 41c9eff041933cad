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
from training.content.embed import EmbeddingCache
from training.content.export import DIMENSION, ENCODER_NAME, export_encoder, is_exported
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


def test_exporting_and_embedding_import_no_pytorch(tmp_path: Path) -> None:
    """A training never pays for it: the graph is written from the weights, and run by ONNX Runtime."""
    code = (
        "import sys; from pathlib import Path; import training.train\n"
        "from training.content.export import is_exported\n"
        f"folder = Path({str(tmp_path / 'encoder')!r})\n"
        "training.train.prepare_encoder(folder)\n"
        "from backend.adapters.encoder.onnx import OnnxTextEncoder\n"
        "assert is_exported(folder) and OnnxTextEncoder(folder).encode(['slow piano']).shape == (1, 384)\n"
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


TEXTS = [
    "Blue Train by John Coltrane; jazz",
    "slow piano for rainy evenings",
    "電子音楽 by Björk",
    "a",
    "In the Name of Love by Martin Garrix; album In the Name of Love; edm, pop edm",
    "calm " * 400,
]


@pytest.fixture(scope="module")
def said() -> Vectors:
    """What sentence-transformers says of TEXTS, in a process of its own: PyTorch stays out of this one."""
    code = (
        "import json, sys; from bench.sentences import SentenceEncoder\n"
        "print(json.dumps(SentenceEncoder().encode(json.loads(sys.argv[1])).tolist()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    return np.array(json.loads(done.stdout.splitlines()[-1]), dtype=np.float32)


def test_the_exported_encoder_agrees_with_sentence_transformers(tmp_path: Path, said: Vectors) -> None:
    """Written from the weights, read by the server, its vectors are within 1e-4 of the original's."""
    folder = tmp_path / "encoder"
    assert not is_exported(folder)
    export_encoder(folder)
    assert is_exported(folder)
    manifest = json.loads((folder / "encoder.json").read_text())
    assert {name: sha256(folder / name) for name in ("model.onnx", "tokenizer.json")} == manifest["files"]
    served = OnnxTextEncoder(folder)
    assert (ENCODER_NAME, DIMENSION) == (served.name, served.dimension)
    assert np.abs(served.encode(TEXTS) - said).max() <= 1e-4
    assert np.linalg.norm(said, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


def test_an_export_of_another_form_is_made_again(tmp_path: Path) -> None:
    """Also one of an earlier version, whose manifest does not say what it was made of."""
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "encoder.json").write_text(json.dumps({"name": ENCODER_NAME}))
    assert not is_exported(folder)
