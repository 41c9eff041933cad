"""The only composition root: settings in, parts out. A URL's scheme picks the technology.

Heavy libraries are imported where they are needed, so that the server starts quickly and a command that only needs
the store never loads the vector index.
"""

from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from backend import buckets, logins
from backend.domain.errors import InvalidInput, Violation
from backend.domain.retention import Retention
from backend.extras import explained
from backend.logins import KafkaLogin
from backend.ports.encoder import SoundEncoder, TextEncoder
from backend.ports.event_log import EventLog
from backend.ports.identity import Identities
from backend.ports.models import ModelRepository
from backend.ports.store import Store
from backend.ports.vectors import VectorIndex
from backend.room import MEGABYTE, SHARE, Room
from backend.sealing import ensure_secret
from backend.settings import Settings

if TYPE_CHECKING:
    from backend.rpc.issued import IssuedTokens
    from backend.rpc.server import Server
    from backend.services.assembly import Services


def event_log(settings: Settings) -> EventLog:
    """The event log at `kafka_servers`. Close it. Raises InvalidInput where the login is incomplete."""
    from backend.adapters.event_log.kafka import KafkaEventLog

    return KafkaEventLog(
        settings.kafka_servers,
        tenant=settings.tenant,
        partitions=settings.kafka_partitions,
        replication=settings.kafka_replication,
        login=kafka_login(settings),
        kept_days=retention(settings).of_topics(),
        topic_feeds=settings.topic_feeds,
    )


def retention(settings: Settings) -> Retention:
    """How long what is kept is kept."""
    return Retention(**{one.name: getattr(settings, f"retention_{one.name}_days") for one in fields(Retention)})


def kafka_login(settings: Settings) -> KafkaLogin:
    """How Kafka is entered, the password read. Raises InvalidInput, naming the setting."""
    return logins.kafka(
        protocol=settings.kafka_security_protocol,
        mechanism=settings.kafka_sasl_mechanism,
        user=settings.kafka_user,
        password=logins.password("kafka_password", settings.kafka_password, settings.kafka_password_file),
        ca_file=settings.kafka_ca_file,
    )


def store(settings: Settings) -> Store:
    """The store at `store_url`. Close it.

    Raises InvalidInput where that is no address of a MongoDB, or the login to it is incomplete.
    """
    from backend.adapters.store.mongo import MongoStore

    password = logins.store_password(
        settings.store_url,
        logins.password("store_password", settings.store_password, settings.store_password_file),
    )
    try:
        return MongoStore(settings.store_url, tenant=settings.tenant, password=password)
    except ValueError as error:
        # Never the address itself: it may hold a password.
        raise InvalidInput([Violation("store_url", f"must be mongodb://host:port and the like: {error}")]) from error


def identities(settings: Settings, store: Store) -> Identities:
    """Who is who, in the store. Raises InvalidInput where the secret is wrong or cannot be read."""
    from backend.adapters.store.mongo import MongoStore
    from backend.sealing import Sealing

    if not isinstance(store, MongoStore):
        raise InvalidInput([Violation("store_url", "must be a store that keeps identities: mongodb://…")])
    secret, file = _identity_secret(settings)
    try:
        return store.identities(Sealing(secret.encode(), tenant=settings.tenant))
    except ValueError as error:
        raise _bad_secret(error, file) from error


def _identity_secret(settings: Settings) -> tuple[str, Path | None]:
    """The secret, made where there was none, and the file that holds it, if one does. Raises InvalidInput."""
    given, file = settings.identity_secret, settings.identity_secret_file
    try:
        if given is None and file is None:
            file = settings.home / "identity" / "secret"
            ensure_secret(file)
        return logins.password("identity_secret", given, file), file
    except ValueError as error:
        raise _bad_secret(error, file) from error


def _bad_secret(error: ValueError, file: Path | None) -> InvalidInput:
    where = f" (in {file}): `openssl rand -hex 32` makes one" if file and file.exists() else ""
    return InvalidInput([Violation("identity_secret", f"{error}{where}")])


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


def sound_encoder(graph: bytes) -> SoundEncoder:
    """A version's autoencoder. Raises ModelRefused."""
    from backend.adapters.encoder.sound import OnnxSoundEncoder

    return OnnxSoundEncoder(graph)


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


def room(settings: Settings) -> Room:
    """Room on the disks that hold, on this machine, the log, the store, Flink's files, checkpoints and the archive.

    Where these parts run elsewhere they have no folder here: their own refusal is what a call is answered by.
    """
    urls = [url for url in (settings.checkpoints, settings.archive) if urlsplit(url).scheme == "file"]
    kept = [settings.home / name for name in ("kafka", "mongo", "flink")]
    kept += [Path(unquote(urlsplit(url).path)) for url in urls]
    return Room(
        lambda: [folder for folder in kept if folder.is_dir()],
        reserve=settings.disk_reserve_megabytes * MEGABYTE,
        share=1 if "disk_reserve_megabytes" in settings.model_fields_set else SHARE,
    )


def services(settings: Settings) -> "Services":
    """The use cases over the parts that the settings name, not started yet; nothing is connected to before its use."""
    from backend.adapters.archive.parquet import ParquetPlayArchive
    from backend.rpc.bound_tokens import FolderBoundTokens
    from backend.services.assembly import assembled

    opened = store(settings)
    return assembled(
        event_log=event_log(settings),
        store=opened,
        identities=identities(settings, opened),
        tokens=FolderBoundTokens(settings.tokens),
        vectors=vector_index(settings),
        models=models(settings),
        encoder=lambda: encoder(settings),
        sound_encoder=sound_encoder,
        archive=ParquetPlayArchive(settings.archive),
        disks=room(settings),
        erased_within=timedelta(hours=settings.erasure_hours),
    )


def server(settings: Settings, services: "Services") -> "Server":
    """The gRPC door of the services, bound to `server_address`, not started yet."""
    from backend.rpc.rates import Rates
    from backend.rpc.server import Server

    return Server(
        services,
        address=settings.server_address,
        tokens=settings.tokens,
        workers=settings.server_workers,
        tls_certificate=settings.tls_certificate,
        tls_key=settings.tls_key,
        issued=issued_tokens(settings),
        rates=Rates(per_token=settings.rate_per_token, per_listener=settings.rate_per_listener),
        reflection=settings.server_reflection,
        shared=settings.server_processes > 1,
    )


def issued_tokens(settings: Settings) -> "IssuedTokens | None":
    """The tokens of `oidc_issuer`; None where there is none. Raises InvalidInput, naming the setting."""
    if not settings.oidc_issuer:
        return None
    from backend.rpc import issued, issuer_source
    from backend.rpc.issuer_keys import IssuerKeys

    words = issued.scopes_of(settings.oidc_scopes)
    claims = issued.Claims(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        algorithms=tuple(one.strip() for one in settings.oidc_algorithms.split(",")),
        leeway_seconds=settings.oidc_leeway_seconds,
        listener_claim=settings.oidc_listener_claim,
        scopes_claim=settings.oidc_scopes_claim,
        unbound_scope=settings.oidc_unbound_scope,
        **({"scopes": words} if words else {}),
    )
    read = issuer_source.keys_of(settings.oidc_issuer, settings.oidc_keys_url)
    return issued.IssuedTokens(claims, IssuerKeys(read, claims.algorithms))


def prepare_server(settings: Settings) -> None:
    """What several server processes would make at the same time: the operator's token and the identity secret.

    Raises InvalidInput, also where the server may not listen at that address.
    """
    from backend.listening import require_protection
    from backend.rpc.auth import ensure_operator_token

    require_protection(settings.server_address, settings.tls_certificate, settings.tls_key)
    ensure_operator_token(settings.tokens)
    _identity_secret(settings)


def _folder(url: str, tenant: str) -> Path:
    return Path(unquote(urlsplit(url).path)) / tenant
