"""The only composition root: settings in, parts out. A URL's scheme picks the technology.

Heavy libraries are imported where they are needed, so that the server starts quickly and a command that only needs
the store never loads the vector index.
"""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from backend import buckets
from backend.domain.errors import InvalidInput, Violation
from backend.extras import explained
from backend.ports.encoder import TextEncoder
from backend.ports.event_log import EventLog
from backend.ports.models import ModelRepository
from backend.ports.store import Store
from backend.ports.vectors import VectorIndex
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.rpc.server import Server
    from backend.services.assembly import Services


def event_log(settings: Settings) -> EventLog:
    """The event log at `kafka_servers`. Close it."""
    from backend.adapters.event_log.kafka import KafkaEventLog

    return KafkaEventLog(
        settings.kafka_servers,
        tenant=settings.tenant,
        partitions=settings.kafka_partitions,
        replication=settings.kafka_replication,
    )


def store(settings: Settings) -> Store:
    """The store at `store_url`. Close it."""
    from backend.adapters.store.mongo import MongoStore

    return MongoStore(settings.store_url, tenant=settings.tenant)


def vector_index(settings: Settings) -> VectorIndex:
    """The vector index at `vectors`: a folder (file://…) or Pinecone (pinecone://index). ValueError otherwise."""
    scheme = urlsplit(settings.vectors).scheme
    if scheme == "file":
        from backend.adapters.vectors.embedded import EmbeddedVectorIndex

        return EmbeddedVectorIndex(_folder(settings.vectors, settings.tenant))
    if scheme == "pinecone":
        with explained():
            from backend.adapters.vectors.pinecone import PineconeVectorIndex

        if settings.pinecone_api_key is None:
            raise ValueError("vectors_url is pinecone://…: set SEGUE_PINECONE_API_KEY")
        return PineconeVectorIndex(
            settings.pinecone_api_key.get_secret_value(),
            index=urlsplit(settings.vectors).netloc,
            tenant=settings.tenant,
        )
    raise ValueError(f"vectors_url {settings.vectors!r}: file:///folder or pinecone://index")


def encoder(settings: Settings) -> TextEncoder:
    """The exported text encoder. Raises Unavailable, saying how to export it, where it is not there yet."""
    from backend.adapters.encoder.onnx import OnnxTextEncoder

    return OnnxTextEncoder(settings.encoder)


def models(settings: Settings) -> ModelRepository:
    """The published models at `models`: file:///folder or s3://bucket/folder. Raises InvalidInput, MissingExtra."""
    scheme = urlsplit(settings.models).scheme
    if scheme == "file":
        from backend.adapters.models.folder import FolderModelRepository

        return FolderModelRepository(_folder(settings.models, settings.tenant))
    if scheme == buckets.SCHEME:
        bucket, folder = buckets.bucket_and_folder(settings.models, setting="models_url")
        with explained():
            from backend.adapters.models.bucket import BucketModelRepository

        return BucketModelRepository(bucket, f"{folder}/{settings.tenant}".lstrip("/"))
    raise InvalidInput([Violation("models_url", "must be file:///folder or s3://bucket/folder")])


def services(settings: Settings) -> "Services":
    """The use cases over the parts that the settings name, not started yet; nothing is connected to before its use."""
    from backend.services.assembly import assembled

    return assembled(
        event_log=event_log(settings),
        store=store(settings),
        vectors=vector_index(settings),
        models=models(settings),
        encoder=lambda: encoder(settings),
    )


def server(settings: Settings, services: "Services") -> "Server":
    """The gRPC door of the services, bound to `server_address`, not started yet."""
    from backend.rpc.server import Server

    return Server(
        services,
        address=settings.server_address,
        tokens=settings.tokens,
        workers=settings.server_workers,
        tls_certificate=settings.tls_certificate,
        tls_key=settings.tls_key,
        reflection=settings.server_reflection,
    )


def _folder(url: str, tenant: str) -> Path:
    return Path(unquote(urlsplit(url).path)) / tenant
