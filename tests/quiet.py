"""When the stack is done with what its log held: read off the parts, never guessed from silence."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as Place

from backend import wiring
from backend.ports.event_log import TopicPartition
from backend.settings import Settings
from streaming.schema import result_tables

LONGEST_SECONDS = 400.0


def await_(condition: Callable[[], bool], what: str, *, seconds: float = LONGEST_SECONDS, every: float = 0.3) -> None:
    """Until the condition holds; fails, naming `what`, after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(every)


def settle(settings: Settings) -> None:
    """Until the rows of every record that the live job has read stand in the store, and its archive's files are there.

    A checkpoint that began after the call is complete: what was read before it went through every operator, and rows
    that waited were written. The next one is complete as well: the files of the first are renamed by then. And the sink
    is past the ends that the result topics had then. Wait first for what shows that the job has read all (the archive's
    plays, say): the job does not tell.
    """
    _await_checkpoints(settings, 2)
    ends = _ends(settings)
    store = wiring.store(settings)
    try:
        await_(
            lambda: all(store.offsets().get(where, 0) >= end for where, end in ends.items()),
            "the sink is past the ends of the result topics",
        )
    finally:
        store.close()


def _await_checkpoints(settings: Settings, count: int) -> None:
    began_ms = datetime.now(UTC).timestamp() * 1000
    seen: set[int] = set()

    def complete() -> bool:
        for job in _get(settings, "/jobs/overview")["jobs"]:
            if job["state"] == "RUNNING":
                completed = _get(settings, f"/jobs/{job['jid']}/checkpoints").get("latest", {}).get("completed")
                if completed and completed["trigger_timestamp"] >= began_ms:
                    seen.add(completed["trigger_timestamp"])
        return len(seen) >= count

    await_(complete, f"{count} checkpoints of the live job")


def _get(settings: Settings, path: str) -> Any:
    return httpx.get(f"{settings.flink_url}{path}", timeout=10).raise_for_status().json()


def _ends(settings: Settings) -> dict[TopicPartition, int]:
    """Where each partition of the result topics ends now."""
    consumer = Consumer({"bootstrap.servers": settings.kafka_servers, "group.id": "tests.quiet"})
    try:
        topics = {table: f"{settings.tenant}.{table}" for table in result_tables()}
        places = {
            TopicPartition(table, partition): Place(topic, partition)
            for table, topic in topics.items()
            for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions
        }
        return {where: consumer.get_watermark_offsets(place, timeout=10)[1] for where, place in places.items()}
    finally:
        consumer.close()
