"""An export of many plays: whole, quick, and never whole in memory."""

import dataclasses
import io
import json
import time
import tracemalloc
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend import scanning
from backend.adapters.archive.parquet import ParquetPlayArchive
from backend.domain.errors import Unavailable
from backend.ports.archive import ArchivedPlay
from backend.ports.event_log import Record, Topic
from backend.ports.records import play_record
from backend.rpc.bound_tokens import FolderBoundTokens
from backend.rpc.token_file import FILE
from backend.services import holdings
from backend.services.export import Exporter
from backend.services.identities import KnownIdentities
from backend.services.profiles import Profiles
from backend.services.zip_stream import CHUNK
from tests.contract.test_models import listener_version
from tests.memory import HandedModels, MemoryEventLog, MemoryStore
from tests.unit.test_listeners import NOON, play

PLAYS = 100_000
MOST_BYTES = 24 * 2**20
"""What a batch of records, the compressor and a chunk come to; the plays themselves are 30 MB of JSON."""


@pytest.fixture
def log() -> MemoryEventLog:
    """An empty log."""
    return MemoryEventLog()


@pytest.fixture
def store() -> MemoryStore:
    """A store that knows ann."""
    store = MemoryStore()
    store.identities.ensure(["ann"])
    return store


def exporter(log: MemoryEventLog, store: MemoryStore, folder: Path) -> Exporter:
    """Over these parts."""
    return Exporter(
        archive=ParquetPlayArchive((folder / "archive").as_uri()),
        log=log,
        tables=store,
        profiles=Profiles(store),
        models=HandedModels(folder / "models"),
        identities=KnownIdentities(store.identities),
        tokens=FolderBoundTokens(folder / "tokens"),
        now=lambda: NOON,
    )


def test_a_hundred_thousand_plays_in_bounded_memory(log: MemoryEventLog, store: MemoryStore, tmp_path: Path) -> None:
    """Of one listener, among as many of others; a chunk at a time goes out."""
    ann = store.identities.pseudonyms(["ann"])["ann"]
    for start in range(0, PLAYS, 5_000):
        for listener in (ann, "somebody-else"):
            records = [play_record(play(start + n, listener=listener), ingested_at=NOON) for n in range(5_000)]
            log.append(Topic.PLAYS, records, timeout_seconds=1)
    with (tmp_path / "ann.zip").open("wb") as file:
        tracemalloc.start()
        began, longest = time.monotonic(), 0
        for chunk in exporter(log, store, tmp_path).export("ann"):
            longest = max(longest, len(chunk))
            file.write(chunk)
        seconds, (_, peak) = time.monotonic() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert longest == CHUNK
    assert peak < MOST_BYTES
    assert seconds < 60  # with tracemalloc, which makes it several times slower
    with zipfile.ZipFile(tmp_path / "ann.zip") as zipped:
        plays = [json.loads(line) for line in zipped.open("plays.jsonl")]
    assert PLAYS == len({one["event_id"] for one in plays}) == len(plays)
    assert {"ann"} == {one["listener_id"] for one in plays}


def test_a_record_that_cannot_be_read_is_given_out_as_it_is(
    log: MemoryEventLog, store: MemoryStore, tmp_path: Path
) -> None:
    """Whatever names the listener is theirs; deletions, heartbeats and others' records are nobody's."""
    ann = store.identities.pseudonyms(["ann"])["ann"]
    values = [b'{"listener_id": "' + ann.encode() + b'", ', json.dumps([ann]).encode(), b"{}", None]
    log.append(Topic.PLAYS, [Record(key=b"k", value=value) for value in values], timeout_seconds=1)
    chunks = b"".join(exporter(log, store, tmp_path).export("ann"))
    with zipfile.ZipFile(io.BytesIO(chunks)) as zipped:
        lines = [json.loads(line) for line in zipped.read("plays.jsonl").splitlines()]
    assert [["unreadable"], ["unreadable"]] == [list(line) for line in lines]


def test_what_is_broken_costs_itself_only(log: MemoryEventLog, store: MemoryStore, tmp_path: Path) -> None:
    """A tokens file, a model version: each has a line that says so and names no folder; the rest is whole."""
    ann = store.identities.pseudonyms(["ann"])["ann"]
    parts = exporter(log, store, tmp_path)
    models = HandedModels(tmp_path / "models")
    for version in ("sound", "altered"):
        models.publish(listener_version(tmp_path, version, [ann]))
    (tmp_path / "models" / "versions" / "altered" / "listener_factors.npy").write_bytes(b"x")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / FILE).write_text("{")
    with zipfile.ZipFile(io.BytesIO(b"".join(parts.export("ann")))) as zipped:
        told = {name: _lines(zipped.read(name)) for name in ("tokens.jsonl", "models.jsonl")}
    assert [{"unreadable": "the file of tokens is broken"}] == told["tokens.jsonl"]
    by_version = {line["version"]: line for line in told["models.jsonl"]}
    assert [0.0, 0.25, 0.5] == by_version["sound"]["factors"]
    assert "the version is incomplete or altered" == by_version["altered"]["unreadable"]


def test_the_archives_rows_are_given_out_too(log: MemoryEventLog, store: MemoryStore, tmp_path: Path) -> None:
    """Of every day and file that is finished, of that listener alone; where there is no archive a line says so."""
    ann = store.identities.pseudonyms(["ann"])["ann"]

    def archived() -> list[dict[str, Any]]:
        with zipfile.ZipFile(io.BytesIO(b"".join(exporter(log, store, tmp_path).export("ann")))) as zipped:
            return _lines(zipped.read("archive.jsonl"))

    assert [["unreadable"]] == [list(line) for line in archived()]
    (tmp_path / "archive").mkdir()
    assert [] == archived()
    for day in ("2026-03-01", "2026-03-02"):
        for name in ("part-0", "part-1", ".part-2.inprogress"):
            archive_file(tmp_path / "archive" / f"day={day}", name, [ann, "somebody-else"])
    found = archived()
    assert [f"{day}.{name}" for day in ("2026-03-01", "2026-03-02") for name in ("part-0", "part-1")] == sorted(
        line["event_id"] for line in found
    )
    assert {"ann"} == {line["listener_id"] for line in found}
    assert {field.name for field in dataclasses.fields(ArchivedPlay)} == set(found[0])
    assert (NOON.isoformat(), None) == (found[0]["played_at"], found[0]["device"])


def archive_file(folder: Path, name: str, listeners: list[str]) -> None:
    """A file as Flink writes it: a play of each listener, and the day in the folder's name alone."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "event_id": f"{folder.name.removeprefix('day=')}.{name}",
            "listener_id": listener,
            **dict.fromkeys(("track_id", "artist_id", "source", "recommendation_id", "surface"), "x"),
            "played_at": NOON,
            "milliseconds_played": 1,
            "track_milliseconds": 2,
            "allow_training": True,
            "device": None,
            "ingested_at": NOON,
        }
        for listener in listeners
    ]
    kinds = {
        **dict.fromkeys(("played_at", "ingested_at"), pa.timestamp("ms", "UTC")),
        **dict.fromkeys(("milliseconds_played", "track_milliseconds"), pa.int32()),
        "allow_training": pa.bool_(),
    }
    schema = pa.schema([(column, kinds.get(column, pa.string())) for column in rows[0]])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / name)


def test_it_ends_where_the_log_ended_when_it_began(log: MemoryEventLog, store: MemoryStore, tmp_path: Path) -> None:
    """However much is told of the listener meanwhile."""
    ann = store.identities.pseudonyms(["ann"])["ann"]

    def tell(number: int) -> None:
        log.append(Topic.PLAYS, [play_record(play(number, listener=ann), ingested_at=NOON)], timeout_seconds=1)

    for number in range(3):
        tell(number)
    parts = exporter(log, store, tmp_path)
    held = holdings.Holdings(
        "ann",
        ann,
        log=log,
        archive=None,
        tables=store,
        profiles=Profiles(store),
        models=HandedModels(tmp_path / "models"),
        tokens=FolderBoundTokens(tmp_path / "tokens"),
        is_wanted=lambda: True,
    )
    seen = []
    for line in held.records(Topic.PLAYS):
        seen.append(line["event_id"])
        tell(100 + len(seen))
    assert ["e0000", "e0001", "e0002"] == seen
    with zipfile.ZipFile(io.BytesIO(b"".join(parts.export("ann")))) as zipped:
        assert 6 == len(zipped.read("plays.jsonl").splitlines())


def test_a_log_that_owes_records_and_gives_none_is_down(
    log: MemoryEventLog, store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not an export that lacks them."""
    ann = store.identities.pseudonyms(["ann"])["ann"]
    log.append(Topic.PLAYS, [play_record(play(1, listener=ann), ingested_at=NOON)], timeout_seconds=1)
    monkeypatch.setattr("tests.memory.MemoryEventReader.poll", lambda *_, **__: [])
    monkeypatch.setattr(scanning, "SILENCE_SECONDS", 0.1)
    with pytest.raises(Unavailable, match="nothing of topic plays"):
        list(exporter(log, store, tmp_path).export("ann"))


def test_who_hangs_up_ends_the_reading(log: MemoryEventLog, store: MemoryStore, tmp_path: Path) -> None:
    """Between two batches; the place is free again."""
    ann = store.identities.pseudonyms(["ann"])["ann"]
    at = datetime.now(UTC)
    log.append(Topic.PLAYS, [play_record(play(1, listener=ann), ingested_at=at)], timeout_seconds=1)
    parts = exporter(log, store, tmp_path)
    for _ in range(5):
        with pytest.raises(holdings.HungUp):
            list(parts.export("ann", is_wanted=lambda: False))
    assert b"".join(parts.export("ann"))


def _lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]
