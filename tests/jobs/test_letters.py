"""Every record of topic `plays` that is not counted has one letter: real Flink, over records of any bytes."""

import json
import random
from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from backend.domain.plays import Play
from backend.ports.fields import MalformedRecord
from backend.ports.records import heartbeat_record, play_from_record
from tests.jobs.conftest import RunJob, in_log, play_value
from tests.recount import Log, Recount

NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)
LONG = "x" * 900_000


def good(name: str, **fields: object) -> bytes:
    """A play of its own."""
    return play_value(name, "l", "a", NOON, **fields)


def changed(name: str, **fields: object) -> bytes:
    """A play's record with these fields put into it."""
    return json.dumps(json.loads(good(name)) | fields).encode()


COUNTED: dict[str, bytes] = {
    "plain": good("plain"),
    "blank-around": b" \n" + good("blank-around") + b"\r\t ",
    "blank-within": json.dumps(json.loads(good("blank-within")), indent=2).encode(),
    "not-ascii": good("not-ascii", device="Ünï\U0001f3a7 \ufffd"),
    "escaped": changed("escaped", device='Ünï\U0001f3a7 "\\/\n\0, "a": {1}'),
    "plain-names": changed("plain-names", more=-1.5e-3, **{"a,b:{}": ", "}),
    "much-more": changed("much-more", more="\u00e9x" * 200_000 + '\\"' * 100_000),
    "many-more": changed("many-more", **{f"more-{nth}": nth for nth in range(30_000)}),
    "no-length": changed("no-length", track_milliseconds=None),
    "first-of-two": good("first-of-two").replace(b'"artist_id"', b'"track_id":"b","artist_id"'),
    "longest-id": changed("longest-id", listener_id="l" * 128),
    "longest-text": changed("longest-text", surface="\U0001f3a7" * 128),
}
"""Records that count as one play: one flat object, in UTF-8."""

REFUSED: dict[str, bytes] = {
    "empty": b"",
    "blank": b"  ",
    "text": b"nope",
    "list": b"[1, 2]",
    "null": b"null",
    "number": b"7",
    "cut": good("cut")[:-9],
    "no-quotes": good("no-quotes").replace(b'"event_id"', b"event_id"),
    "not-a-number": good("nan").replace(b"180000", b"NaN"),
    "garbage-behind": good("garbage-behind") + b" x",
    "bytes-behind": good("bytes-behind") + b"\xff\xfe\x80",
    "nul-behind": good("nul-behind") + b"\0",
    "two-in-one": good("two-in-one") + good("never-seen"),
    "two-lines": good("two-lines") + b"\n" + good("never-seen"),
    "brace-behind": good("brace-behind") + b"}",
    "comma-behind": good("comma-behind")[:-1] + b",}",
    "byte-order-mark": "\ufeff".encode() + good("byte-order-mark"),
    "utf-16": good("utf-16").decode().encode("utf-16-le"),
    "utf-16-be": "\ufeff".encode("utf-16-be") + good("utf-16-be").decode().encode("utf-16-be"),
    "control-in-text": good("control-in-text", device="?").replace(b'"?"', b'"\x00\t\x1f"'),
    "overlong": good("overlong", device="?").replace(b'"?"', b'"\xc0\xaf"'),
    "surrogate": good("surrogate", device="?").replace(b'"?"', b'"\xed\xa0\x80"'),
    "escaped-surrogate": good("escaped-surrogate", device="?").replace(b'"?"', b'"\\ud800"'),
    "twice-and-odd": good("twice-and-odd").replace(b'"artist_id"', b'"track_id":7,"artist_id"'),
    "nested": changed("nested", more={"a": 1}),
    "blank-id": changed(" "),
    "empty-listener": changed("empty-listener", listener_id=""),
    "spaced-track": changed("spaced-track", track_id="t 1"),
    "listener-of-two-words": changed("listener-of-two-words", listener_id="a\nb"),
    "id-of-a-number": changed("id-of-a-number", event_id=7),
    "id-of-an-object": changed("id-of-an-object", event_id={"a": 1}),
    "negative-length": changed("negative-length", milliseconds_played=-1),
    "length-of-a-fraction": changed("length-of-a-fraction", milliseconds_played=1.5),
    "length-of-text": changed("length-of-text", milliseconds_played="180000"),
    "negative-track": changed("negative-track", track_milliseconds=-5),
    "another-source": changed("another-source", source="tape"),
    "no-rights": changed("no-rights", allow_training=None),
    "rights-of-a-number": changed("rights-of-a-number", allow_training=1),
    "heartbeat-of-somebody": changed("heartbeat-of-somebody", event_id=None),
    "long-text": changed("long-text", surface="x" * 129),
    "garbage-within": good("garbage-within").replace(b',"source"', b' x,"source"'),
    "bad-start": good("bad-start").replace(b'"bad-start"', b'"\xff"'),
    "bad-middle": good("bad-middle").replace(b'"bad-middle"', b'"\xc3("'),
    "bad-name": good("bad-name").replace(b'"surface"', b'"surf\x80ace"'),
    "latin-1": good("latin-1", device="é").decode().encode("latin-1"),
    "deep": b'{"a":' * 1_500 + b"1" + b"}" * 1_500,
    "deep-and-open": b'{"a":' * 1_500,
    "deep-within": changed("deep-within").replace(b'"device": ""', b'"device": ' + b"[" * 1_500 + b"]" * 1_500),
    "no-json-900-kB": LONG.encode(),
    "bytes-900-kB": random.Random(3).randbytes(900_000),
    "empty-object": b"{}",
    "no-id": changed("no-id", event_id=None),
    "no-track": changed("no-track", track_id=None),
    "time-of-text": changed("time-of-text", played_at_ms="noon"),
    "time-of-nobody": changed("time-of-nobody", played_at_ms=-(2**63)),
    "time-before-1970": changed("time-before-1970", played_at_ms=-1),
    "time-after-2199": changed("time-after-2199", played_at_ms=7_258_118_400_000, ingested_at_ms=7_258_118_400_000),
    "length-out-of-range": changed("length", milliseconds_played=2**31),
    "long-event-id": changed(LONG),
    "long-listener-id": changed("long-listener-id", listener_id=LONG),
    "long-track-id": changed("long-track-id", track_id="t" * 129),
    "long-artist-id": changed("long-artist-id", artist_id=LONG),
}
"""Records that count for nothing."""


def random_damage(seed: int) -> list[bytes]:
    """Plays of which one to three bytes are others, or are gone."""
    chance = random.Random(seed)
    found = []
    for nth in range(300):
        value = bytearray(good(f"damaged-{nth}", device="é"))
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(1, len(value) - 1)
            if chance.random() < 0.8:
                value[at] = chance.choice(range(256))
            else:
                del value[at]
        found.append(bytes(value))
    return found


BEFORE = [good("first"), good("first"), heartbeat_record(NOON + timedelta(minutes=1)).value, None]
"""A play, the same again, a heartbeat, a deletion."""

VALUES: Sequence[bytes | None] = [*BEFORE, *COUNTED.values(), *REFUSED.values()]


@pytest.fixture(scope="module")
def log() -> Log:
    """All of them, and at the end those that chance made."""
    values: list[Any] = [*VALUES, *random_damage(20261126)]
    return Log(plays=in_log("plays", values))


@pytest.fixture(scope="module")
def rows(run_job: RunJob, log: Log) -> dict[str, list[dict[str, Any]]]:
    """Letters and archive after one run over the log."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir("/tmp")
        return run_job(log, ["dead_letters", "play_archive"])


def letters(rows: dict[str, list[dict[str, Any]]]) -> dict[int, dict[str, Any]]:
    """The letters of records, by their place."""
    found = [row for row in rows["dead_letters"] if row["reason"] == "malformed"]
    assert len(found) == len({row["source_offset"] for row in found})
    return {row["source_offset"]: row for row in found}


def test_what_is_refused_has_a_letter_and_what_counts_has_none(rows: dict[str, list[dict[str, Any]]]) -> None:
    """Case by case."""
    begin = len(BEFORE) + len(COUNTED)
    named = {begin + nth: name for nth, name in enumerate(REFUSED)}
    lettered = {offset for offset in letters(rows) if offset < len(VALUES)}
    assert set(REFUSED) == {named.get(offset, VALUES[offset]) for offset in lettered}
    archived = [row["event_id"] for row in rows["play_archive"] if not row["event_id"].startswith("damaged")]
    assert sorted(["first", *COUNTED]) == sorted(set(archived) & {"first", *COUNTED})


def test_every_record_is_a_play_a_duplicate_a_heartbeat_a_deletion_or_a_letter(
    rows: dict[str, list[dict[str, Any]]], log: Log
) -> None:
    """The sum of all five is the number of records on the topic."""
    counted, duplicates, heartbeats, deletions = len(rows["play_archive"]), 1, 1, 1
    assert len(log.plays) == counted + duplicates + heartbeats + deletions + len(letters(rows))


def test_a_recount_finds_the_same_letters(rows: dict[str, list[dict[str, Any]]], log: Log) -> None:
    """By the definitions alone."""
    expected = {row["source_offset"] for row in Recount(log).dead_letters() if row["reason"] == "malformed"}
    assert expected == set(letters(rows))


def test_python_refuses_the_same_records_and_reads_the_same_of_the_others(
    rows: dict[str, list[dict[str, Any]]], log: Log
) -> None:
    """The server and the sink take in what Flink counts, field by field."""
    read: dict[str, Play] = {}
    refused = set()
    for record in (one for one in log.plays if one.value is not None):
        try:
            if play := play_from_record(record):
                read.setdefault(play.event_id, play)
        except MalformedRecord:
            refused.add(record.offset)
    assert refused == set(letters(rows))
    archived = {row["event_id"]: row for row in rows["play_archive"]}
    assert read.keys() == archived.keys()
    for event_id, play in read.items():
        row = archived[event_id]
        for name in row.keys() - {"played_at", "ingested_at", "day"}:
            assert getattr(play, name) == row[name], (event_id, name)
        assert f"{play.played_at:%Y-%m-%dT%H:%M}" == row["played_at"][:16]


def test_a_letter_keeps_the_beginning_of_a_long_record_its_size_and_its_hash(
    rows: dict[str, list[dict[str, Any]]],
) -> None:
    """A letter of all of it would be longer than Kafka takes, and the job would fail of it for ever."""
    begin = len(BEFORE) + len(COUNTED)
    for nth, value in enumerate(REFUSED.values()):
        letter = letters(rows)[begin + nth]
        assert len(json.dumps(letter)) < 8_192
        if letter["record"] is not None:
            assert value[:4096] == b64decode(letter["record"])
        if len(value) > 4096 and letter["record"] is not None:
            assert f"{len(value)} bytes" in letter["detail"]
            assert sha256(value).hexdigest() in letter["detail"]


def test_a_letter_names_the_identifier_that_is_too_long(rows: dict[str, list[dict[str, Any]]]) -> None:
    """It is a key of tables, whose rows would be longer than Kafka takes."""
    begin = len(BEFORE) + len(COUNTED)
    told = {name: letters(rows)[begin + nth]["detail"] for nth, name in enumerate(REFUSED)}
    for name in ("event", "listener", "track", "artist"):
        assert f"a field is missing or not what it should be: {name}_id" == told[f"long-{name}-id"]
