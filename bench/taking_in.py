"""How fast plays are taken in beside a raw producer, and how soon the next answer shows one."""

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp
from segue.v1 import ingest_pb2, ingest_pb2_grpc, play_pb2, recommend_pb2, recommend_pb2_grpc

from backend.domain.errors import SegueError
from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.ports import records
from backend.settings import Settings
from bench.crowd import Crowd, track_id
from bench.rows import Pair, Row, row
from cli import reach

BATCH = 100
AT_ONCE = 4
LIMIT_SECONDS = 1.0
LOST_SECONDS = 30.0
LOOK_SECONDS = 0.01


def ingest(settings: Settings, made: Crowd, *, plays: int, repeats: int) -> Row:
    """Plays a second in batches of BATCH, AT_ONCE calls at once, beside the same records by a bare producer.

    The two run in turns, into the same broker. Raises SegueError where a play is not taken in.
    """
    chance = np.random.default_rng(made.seed)
    pairs = []
    with reach.channel(settings) as channel:
        stub = ingest_pb2_grpc.IngestServiceStub(channel)

        def call(batch: ingest_pb2.RecordPlaysRequest) -> int:
            answer = stub.RecordPlays(batch, timeout=60)
            return sum(one.outcome == ingest_pb2.INGEST_OUTCOME_ACCEPTED for one in answer.results)

        for nth in range(repeats + 1):
            sent = [_play(made, chance) for _ in range(plays)]
            batches = [
                ingest_pb2.RecordPlaysRequest(plays=sent[start : start + BATCH]) for start in range(0, plays, BATCH)
            ]
            with ThreadPoolExecutor(AT_ONCE) as calling:
                began = time.perf_counter()
                accepted = sum(calling.map(call, batches))
                ours = accepted / (time.perf_counter() - began)
            if accepted != plays:
                raise SegueError(f"{plays - accepted} of {plays} plays were not taken in; see the server's log")
            theirs = plays / _raw(settings, [_record(one) for one in sent])
            if nth:  # the first round warms up
                pairs.append(Pair(ours=ours, reference=theirs))
    return row("ingest", pairs, unit=f"plays a second in batches of {BATCH}; reference: a bare producer, acks=all")


def _raw(settings: Settings, values: Sequence[tuple[bytes, bytes]]) -> float:
    """Seconds until the broker has confirmed all of them, batch by batch, AT_ONCE batches under way."""
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient, NewTopic

    topic = f"raw-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": settings.kafka_servers})
    admin.create_topics([NewTopic(topic, settings.kafka_partitions, 1)])[topic].result(30)
    producer = Producer(
        {"bootstrap.servers": settings.kafka_servers, "acks": "all", "enable.idempotence": True, "linger.ms": 5}
    )
    failed: list[object] = []
    producer.list_topics(topic, timeout=10)
    began = time.perf_counter()
    for key, value in values:
        producer.produce(
            topic, value=value, key=key, on_delivery=lambda error, _: failed.append(error) if error else None
        )
        producer.poll(0)
    left = producer.flush(60)
    seconds = time.perf_counter() - began
    admin.delete_topics([topic])[topic].result(30)
    if left or failed:
        raise SegueError(f"the bare producer left {left + len(failed)} records behind; run the bench again")
    return seconds


def _play(made: Crowd, chance: np.random.Generator, *, listener: int = -1, track: int = -1) -> play_pb2.Play:
    listener = int(chance.integers(len(made.played))) if listener < 0 else listener
    track = int(chance.integers(len(made.group))) if track < 0 else track
    moment = Timestamp()
    moment.FromDatetime(datetime.now(UTC))
    return play_pb2.Play(
        event_id=str(uuid.uuid4()),
        listener_id=f"listener-{listener}",
        track_id=track_id(track),
        played_at=moment,
        milliseconds_played=190_000,
    )


def _record(message: play_pb2.Play) -> tuple[bytes, bytes]:
    play = Play(
        event_id=message.event_id,
        listener_id=message.listener_id,
        track_id=message.track_id,
        artist_id="artist-0",
        played_at=datetime.now(UTC),
        milliseconds_played=message.milliseconds_played,
        track_milliseconds=200_000,
        source=Source.FIRST_PARTY,
        allow_training=True,
    )
    record = records.play_record(play, ingested_at=datetime.now(UTC))
    return record.group or record.key, record.value or b""


def freshness(settings: Settings, made: Crowd, *, plays: int) -> Row:
    """Seconds from before a play is sent until an answer leaves its track out, p95 beside the limit.

    Each play is of the first track of its listener's last answer, and every look is over a connection of its own, so
    that it may come to any server process. Raises SegueError where a play is not seen.
    """
    chance = np.random.default_rng(made.seed)
    number_of = {one: number for number, one in enumerate(made.track_ids)}
    seconds = []
    with reach.channel(settings) as channel:
        stub = ingest_pb2_grpc.IngestServiceStub(channel)
        for nth in range(plays):
            listener = len(made.played) - 1 - nth
            first = _asked(settings, listener)[0]
            play = _play(made, chance, listener=listener, track=number_of[first])
            began = time.perf_counter()
            stub.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=[play]), timeout=30)
            seconds.append(_until(partial(_is_left_out, settings, listener, first), began))
    p95 = float(np.percentile(seconds, 95, method="higher"))
    ratios = sorted(one / LIMIT_SECONDS for one in seconds)
    return Row(
        name="freshness_p95_seconds",
        ours=p95,
        reference=LIMIT_SECONDS,
        ratio=p95 / LIMIT_SECONDS,
        unit=f"seconds from the play to the next answer, p95 of {plays}; reference: the limit",
        spread=ratios[-1] - ratios[0],
        ratios=ratios,
    )


def _is_left_out(settings: Settings, listener: int, track: str) -> bool:
    return track not in _asked(settings, listener)


def _asked(settings: Settings, listener: int) -> list[str]:
    with reach.channel(settings) as channel:
        stub = recommend_pb2_grpc.RecommendServiceStub(channel)
        request = recommend_pb2.RecommendRequest(listener_id=f"listener-{listener}")
        return [one.track_id for one in stub.Recommend(request, timeout=30).tracks]


def _until(is_seen: Callable[[], bool], began: float) -> float:
    while time.perf_counter() - began < LOST_SECONDS:
        if is_seen():
            return time.perf_counter() - began
        time.sleep(LOOK_SECONDS)
    raise SegueError(f"a play was not seen within {LOST_SECONDS:.0f} s; run the bench again")
