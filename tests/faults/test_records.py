"""Records that no good client sends, among plays that one does: each costs itself only."""

import json
import random
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from segue.v1 import ingest_pb2, ingest_pb2_grpc

from backend import wiring
from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.ports.event_log import Record, Topic
from backend.ports.records import play_record
from backend.settings import Settings
from cli import reach
from importers import send
from importers.messages import play_message
from tests.faults import hurt
from tests.faults.conftest import Loaded
from tests.faults.figures import Figures, Row
from tests.faults.ledger import Fate
from tests.faults.load import Load
from tests.faults.oracle import archived, database, judge
from tests.rpc.test_ingest import ACCEPTED, DUPLICATE

pytestmark = pytest.mark.timeout(1800)

NEEDED = ("event_id", "listener_id", "track_id", "artist_id", "played_at_ms", "milliseconds_played", "ingested_at_ms")


def a_play(
    load: Load, chance: random.Random, *, listener: str = "l0", artist: str = "a0", at: datetime | None = None
) -> Play:
    """A play that would be counted, of the load's listener and catalogue; by its artist the verdict finds it."""
    return Play(
        event_id=str(chance.getrandbits(128)),
        listener_id=f"{load.name}-{listener}",
        track_id=f"{load.name}-t0",
        artist_id=f"{load.name}-{artist}",
        played_at=at or datetime.now(UTC),
        milliseconds_played=90_000,
        track_milliseconds=180_000,
        source=Source.FIRST_PARTY,
        allow_training=True,
    )


def malformed(sound: Record, chance: random.Random) -> Record:
    """A record that is no play: spoilt in one of the ways in which producers spoil them."""
    fields, missing = json.loads(sound.value), chance.choice(NEEDED)
    ways: list[Callable[[], bytes]] = [
        lambda: chance.randbytes(chance.randrange(1, 3_000)),
        lambda: sound.value[: chance.randrange(1, len(sound.value))],
        lambda: sound.value + chance.choice([b"}", b" x", b"\0", sound.value]),
        lambda: json.dumps({name: one for name, one in fields.items() if name != missing}).encode(),
        lambda: json.dumps(fields | {chance.choice(NEEDED[:4]): "x" * chance.randrange(129, 5_000)}).encode(),
        lambda: json.dumps(fields | {chance.choice(NEEDED[4:]): "soon"}).encode(),
        lambda: b"[" * chance.randrange(1, 3_000),
        lambda: json.dumps([fields]).encode(),
    ]
    return replace(sound, value=chance.choice(ways)())


def test_malformed_records_cost_themselves_only(
    settings: Settings, loaded: Loaded, figures: Figures, dose: int, seed: int
) -> None:
    """As many letters as were injected, no restart of the job, and every good play beside them counted once."""
    chance, number = random.Random(seed), 100 * dose
    with database(settings) as store, loaded("malformed") as load:
        began, before = time.time(), letters(store, "malformed")
        records = [
            malformed(play_record(a_play(load, chance, artist="spoilt"), ingested_at=datetime.now(UTC)), chance)
            for _ in range(number)
        ]
        for start in range(0, number, 25):
            hurt.append(settings, Topic.PLAYS, records[start : start + 25])
            time.sleep(0.3)
        hurt.within(120, lambda: letters(store, "malformed") - before >= number)
    verdict = judge(settings, load.ledger.account(), load.name)
    with database(settings) as store:
        written = letters(store, "malformed") - before
    failures = hurt.failures_since(settings, began)
    figures.add(
        Row(
            id="D14",
            fault="Malformed records straight onto the topic",
            dose=f"{number:,} among {verdict.events:,} plays",
            reach="0 restarts; dead letters = injected",
            seen=f"{len(failures)} restarts; {written:,} dead letters; {verdict}",
            held=(number, []) == (written, failures) and verdict.is_sound,
        )
    )
    assert (number, []) == (written, failures)
    assert verdict.is_sound, verdict


def letters(store: Any, reason: str, **conditions: Any) -> int:
    """How many letters of the reason there are."""
    counted: int = store["dead_letters"].count_documents({"reason": reason, **conditions})
    return counted


def test_late_plays_are_told_and_plays_in_bound_are_not(
    settings: Settings, loaded: Loaded, figures: Figures, dose: int, seed: int
) -> None:
    """Behind the newest play of their partition by more than windows wait: as many letters as were sent so late."""
    chance, bound = random.Random(seed), settings.lateness_minutes
    with loaded("late") as load:
        with reach.channel(settings) as channel:
            for _ in range(4 * dose):
                now = datetime.now(UTC)
                ahead = [a_play(load, chance, listener="l-late", at=now)]
                minutes = [
                    *(chance.uniform(0, bound - 1) for _ in range(15)),
                    *(chance.uniform(bound + 1, 60) for _ in range(15)),
                ]
                told = [a_play(load, chance, listener="l-late", at=now - timedelta(minutes=one)) for one in minutes]
                told = [replace(play, event_id=uuid_of(chance)) for play in ahead + told]
                event_ids = [play.event_id for play in told]
                sent_at = load.ledger.sending(event_ids)
                assert 31 == send.send(channel, plays=told).plays.accepted
                load.ledger.told(dict.fromkeys(event_ids, Fate.OK), "OK", sent_at=sent_at)
        late = 4 * dose * 15
        with closing(wiring.store(settings)) as opened:
            named = f"{load.name}-l-late"
            listener = {"record_key": wiring.identities(settings, opened).pseudonyms([named])[named]}
        with database(settings) as store:
            hurt.within(120, lambda: letters(store, "too_late", **listener) >= late)
    verdict = judge(settings, load.ledger.account(), load.name)
    with database(settings) as store:
        written = letters(store, "too_late", **listener)
    figures.add(
        Row(
            id="D12",
            fault="Plays that come late",
            dose=f"{late:,} beyond the bound and as many within it, among {verdict.events:,} plays",
            reach="those within the bound are exact; late count = injected",
            seen=f"{written:,} letters of late plays; {verdict}",
            held=late == written and verdict.is_sound,
        )
    )
    assert late == written
    assert verdict.is_sound, verdict


def uuid_of(chance: random.Random) -> str:
    """An event id as the contract wants it."""
    import uuid

    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


def test_one_event_id_is_counted_once(
    settings: Settings, loaded: Loaded, figures: Figures, dose: int, seed: int
) -> None:
    """However often it is sent, through the service and straight onto the topic."""
    chance = random.Random(seed)
    through, straight = 2_000 * dose, 1_000 * dose
    with loaded("again") as load, reach.channel(settings) as channel:
        play = replace(a_play(load, chance), event_id=uuid_of(chance))
        sent_at = load.ledger.sending([play.event_id])
        stub = ingest_pb2_grpc.IngestServiceStub(channel)
        message = play_message(play)
        outcomes = [
            one.outcome
            for _ in range(through // 1_000)
            for one in stub.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=[message] * 1_000)).results
        ]
        load.ledger.told({play.event_id: Fate.OK}, "OK", sent_at=sent_at)
        hurt.append(settings, Topic.PLAYS, [play_record(play, ingested_at=play.played_at)] * straight)
    verdict = judge(settings, load.ledger.account(), load.name)
    stands = archived(settings, load.name).count(play.event_id)
    figures.add(
        Row(
            id="A11",
            fault="One event id again and again",
            dose=f"{through:,} times through the service, {straight:,} times straight onto the topic",
            reach="counted once",
            seen=f"accepted {outcomes.count(ACCEPTED)} time(s), in the archive {stands} time(s); {verdict}",
            held=(1, 1) == (outcomes.count(ACCEPTED), stands) and verdict.is_sound,
        )
    )
    assert {ACCEPTED: 1, DUPLICATE: through - 1} == {one: outcomes.count(one) for one in set(outcomes)}
    assert 1 == stands
    assert verdict.is_sound, verdict
