"""A real server on port 0 over small ports in memory, and stubs that reach it."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray
from segue.v1 import analytics_pb2_grpc, ingest_pb2_grpc, privacy_pb2_grpc, recommend_pb2_grpc

from backend.adapters.vectors.embedded import EmbeddedVectorIndex
from backend.domain.errors import Unavailable
from backend.domain.tracks import Artist, Track
from backend.ports.models import CONTENT_NAMESPACE, FACTORS_NAMESPACE, ModelVersion
from backend.ports.vectors import VectorIndex, Vectors
from backend.ranking.foldin import FoldIn
from backend.ranking.newcomers import Newcomers
from backend.ranking.weights import FusionWeights
from backend.room import Room
from backend.rpc.auth import Scope, issue_token
from backend.rpc.bound_tokens import FolderBoundTokens
from backend.rpc.server import Server
from backend.services.assembly import Services, assembled
from tests.memory import HandedModels, MemoryEventLog, MemoryStore

VERSION = "20260301-test"
WORDS = 1024
WORKERS = 4


class WordEncoder:
    """`TextEncoder` by words: each has its place, so texts that share words are near."""

    name = "words"
    dimension = WORDS

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.full((len(texts), WORDS), 0.001, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, int(hashlib.sha256(word.encode()).hexdigest(), 16) % WORDS] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def genre(number: int) -> str:
    """Even tracks are jazz, odd ones techno."""
    return ("jazz", "techno")[number % 2]


def catalogue() -> tuple[list[Track], list[Artist]]:
    """60 tracks by 20 artists, each artist of one genre."""
    artists = [Artist(artist_id=f"a{number}", name=f"Artist {number}") for number in range(20)]
    tracks = [
        Track(
            track_id=f"t{number}",
            title=f"{genre(number)} {number}",
            artist_ids=(f"a{number % 20}",),
            duration_milliseconds=200_000,
            tags=(genre(number),),
        )
        for number in range(60)
    ]
    return tracks, artists


def publish_model(vectors: VectorIndex, tracks: Sequence[Track]) -> ModelVersion:
    """A version whose factors and words both tell jazz from techno."""
    ids = [track.track_id for track in tracks]
    noise = np.random.default_rng(1).normal(scale=0.05, size=(len(ids), 2))
    factors = np.array([[1.0, 0.0] if number % 2 == 0 else [0.0, 1.0] for number in range(len(ids))]) + noise
    vectors.create(FACTORS_NAMESPACE.format(version=VERSION), ids, factors.astype(np.float32))
    words = WordEncoder().encode([track.title for track in tracks])
    vectors.create(CONTENT_NAMESPACE.format(version=VERSION), ids, words)
    fold_in = FoldIn(gram=factors.T @ factors, unobserved_weight=0.1, regularization=0.01, confidence_scale=1.0)
    return ModelVersion(
        version=VERSION,
        dimension=2,
        encoder_name=WordEncoder.name,
        encoder_dimension=WORDS,
        parts={"factors": fold_in},
        weights=FusionWeights(below={"factors": 0.6, "content": 0.3, "trend": 0.1}),
        manifest={},
        newcomers=newcomers(factors),
    )


def newcomers(factors: NDArray[np.float64]) -> Newcomers:
    """A new track stands a little farther out than its artist's tracks; without a known artist it stands nowhere."""
    by_artist = np.zeros((WORDS + 2 + 1, 2), dtype=np.float32)
    by_artist[WORDS : WORDS + 2] = 2 * np.eye(2)
    return Newcomers(
        by_artist=by_artist,
        by_words=np.zeros((WORDS + 1, 2), dtype=np.float32),
        artists={f"a{number}": number for number in range(20)},
        artist_factors=np.stack([factors[number::20].mean(axis=0) for number in range(20)]).astype(np.float32),
    )


class BreakableVectorIndex(EmbeddedVectorIndex):
    """The embedded index with a switch, for the path on which it is down."""

    down = False

    def search(self, *args: Any, **kwargs: Any) -> Any:
        if self.down:
            raise Unavailable("the vector index is down, as the test asked")
        return super().search(*args, **kwargs)

    def near_tracks(self, *args: Any, **kwargs: Any) -> Any:
        if self.down:
            raise Unavailable("the vector index is down, as the test asked")
        return super().near_tracks(*args, **kwargs)


@dataclass
class World:
    """A running server, its parts, and stubs that carry the operator's token."""

    tokens: Path
    log: MemoryEventLog
    store: MemoryStore
    vectors: BreakableVectorIndex
    models: HandedModels
    services: Services
    server: Server
    channels: list[grpc.Channel] = field(default_factory=list)

    def channel(self, token: str = "") -> grpc.Channel:
        """A channel that carries `token`, the operator's where none is given."""
        token = token or (self.tokens / "operator.token").read_text().strip()
        plain = grpc.insecure_channel(f"127.0.0.1:{self.server.port}")
        self.channels.append(plain)
        return grpc.intercept_channel(plain, _Bearer(token))

    def token(self, *scopes: Scope, listener_id: str = "") -> str:
        """A new token of these scopes."""
        return issue_token(self.tokens, f"test {listener_id}", scopes, listener_id=listener_id)

    @property
    def ingest(self) -> Any:
        return ingest_pb2_grpc.IngestServiceStub(self.channel())

    @property
    def recommend(self) -> Any:
        return recommend_pb2_grpc.RecommendServiceStub(self.channel())

    @property
    def privacy(self) -> Any:
        return privacy_pb2_grpc.PrivacyServiceStub(self.channel())

    @property
    def analytics(self) -> Any:
        return analytics_pb2_grpc.AnalyticsServiceStub(self.channel())


class _Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def __init__(self, token: str) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),)

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(details._replace(metadata=self._metadata), request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(details._replace(metadata=self._metadata), request)


@contextmanager
def running(home: Path, *, with_model: bool, disks: Room | None = None) -> Iterator[World]:
    """A server with a catalogue; nobody has played anything yet."""
    log, store = MemoryEventLog(), MemoryStore()
    tracks, artists = catalogue()
    store.put_artists(artists)
    store.put_tracks(tracks)
    vectors = BreakableVectorIndex(home / "vectors")
    models = HandedModels(home / "models", publish_model(vectors, tracks) if with_model else None)
    with served(home, log, store, vectors, models, disks) as world:
        yield world


def services_in_memory(folder: Path) -> Services:
    """The use cases over empty parts in memory, not started."""
    store = MemoryStore()
    return assembled(
        event_log=MemoryEventLog(),
        store=store,
        identities=store.identities,
        tokens=FolderBoundTokens(folder / "tokens"),
        vectors=BreakableVectorIndex(folder / "vectors"),
        models=HandedModels(folder / "models"),
        encoder=WordEncoder,
    )


@contextmanager
def served(
    home: Path,
    log: MemoryEventLog,
    store: MemoryStore,
    vectors: BreakableVectorIndex,
    models: HandedModels,
    disks: Room | None = None,
) -> Iterator[World]:
    """A server over these parts, which other servers may share."""
    tokens = home / "tokens"
    services = assembled(
        event_log=log,
        store=store,
        identities=store.identities,
        tokens=FolderBoundTokens(tokens),
        vectors=vectors,
        models=models,
        encoder=WordEncoder,
        disks=disks,
    )
    server = Server(services, address="127.0.0.1:0", tokens=tokens, workers=WORKERS, reflection=True)
    services.start()
    server.start()
    world = World(tokens, log, store, vectors, models, services, server)
    yield world
    for channel in world.channels:
        channel.close()
    server.stop()
    assert 0 == services.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A server with a published model."""
    with running(tmp_path, with_model=True) as world:
        yield world


@pytest.fixture
def cold_world(tmp_path: Path) -> Iterator[World]:
    """A server before the first training."""
    with running(tmp_path, with_model=False) as world:
        yield world
