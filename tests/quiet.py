"""When the stack is done with what its log held: read off the parts, never guessed from silence."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import httpx
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as Place

from backend import wiring
from backend.ports.event_log import Topic, TopicPartition
from backend.settings import Settings
from streaming.live_jobs import LIVE_JOBS
from streaming.schema import result_tables

LONGEST_SECONDS = 400.0


def await_(condition: Callable[[], bool], what: str, *, seconds: float = LONGEST_SECONDS, every: float = 0.3) -> None:
    """Until the condition holds; fails, naming `what`, after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(every)


def settle(settings: Settings) -> None:
    """Until the rows of every play that the log holds now stand in the store, and the archive's files are there.

    Both live jobs have read the plays. A checkpoint of each that began after that is complete: what was read before it
    went through every operator, and rows that waited were written. A second is, too, that began `refresh_seconds`
    later: watermarks, which end windows, are handed on as often as that; and files of the first are renamed by then.
    And the sink is past the ends that the result topics had then.
    """
    plays = {where.partition: end for where, end in _ends(settings, [Topic.PLAYS]).items() if end}
    for job in LIVE_JOBS:
        await_(
            lambda job=job: _has_read(settings, job.on_cluster(settings.tenant), plays),
            f"{job.name} has read the plays",
        )
    _checkpoint(settings)
    time.sleep(settings.refresh_seconds)
    _checkpoint(settings)
    ends = _ends(settings, result_tables())
    store = wiring.store(settings)
    try:
        await_(
            lambda: all(store.offsets().get(where, 0) >= end for where, end in ends.items()),
            "the sink is past the ends of the result topics",
        )
    finally:
        store.close()


def _has_read(settings: Settings, name: str, ends: Mapping[int, int]) -> bool:
    """Whether a job of this name runs whose sources have handed on the plays before these ends, by partition."""
    reading = re.compile(rf"\d+\..*KafkaSourceReader\.topic\.{settings.tenant}.plays\.partition\.(\d+)\.currentOffset")
    read: dict[int, int] = {}
    for job in _get(settings, "/jobs/overview")["jobs"]:
        if job["name"] == name and job["state"] == "RUNNING":
            for vertex in _get(settings, f"/jobs/{job['jid']}")["vertices"]:
                metrics = f"/jobs/{job['jid']}/vertices/{vertex['id']}/metrics"
                if named := [one["id"] for one in _get(settings, metrics) if reading.fullmatch(one["id"])]:
                    for one in _get(settings, f"{metrics}?get={quote(','.join(named))}"):
                        found = reading.fullmatch(one["id"])
                        assert found
                        read[int(found[1])] = max(int(one["value"]) + 1, read.get(int(found[1]), 0))
    return all(read.get(partition, 0) >= end for partition, end in ends.items())


def _checkpoint(settings: Settings) -> None:
    """A checkpoint of each live job; asked for, not waited for."""
    pending = dict.fromkeys((job.on_cluster(settings.tenant) for job in LIVE_JOBS), "")
    await_(lambda: _are_taken(settings, pending), "a checkpoint of each live job")


def _are_taken(settings: Settings, pending: dict[str, str]) -> bool:
    """Whether each of these jobs has taken the checkpoint that was asked of it; asks where none is under way."""
    running = {job["name"]: job["jid"] for job in _get(settings, "/jobs/overview")["jobs"] if job["state"] == "RUNNING"}
    for name in list(pending):
        if name not in running:
            continue
        checkpoints = f"/jobs/{running[name]}/checkpoints"
        asked = httpx.get(f"{settings.flink_url}{pending[name]}", timeout=10) if pending[name] else None
        if asked is None or asked.is_error:  # of a job that is gone by now; one that has just begun refuses, too
            answer = httpx.post(f"{settings.flink_url}{checkpoints}", json={"checkpointType": "CONFIGURED"}, timeout=10)
            pending[name] = f"{checkpoints}/{answer.json()['request-id']}" if answer.is_success else ""
        elif (told := asked.json())["status"]["id"] == "COMPLETED":
            pending[name] = ""
            if told["operation"].get("checkpointId"):
                del pending[name]
    return not pending


def _get(settings: Settings, path: str) -> Any:
    return httpx.get(f"{settings.flink_url}{path}", timeout=10).raise_for_status().json()


def _ends(settings: Settings, names: Sequence[str]) -> dict[TopicPartition, int]:
    """Where each partition of these topics ends now."""
    consumer = Consumer({"bootstrap.servers": settings.kafka_servers, "group.id": "tests.quiet"})
    try:
        topics = {table: f"{settings.tenant}.{table}" for table in names}
        places = {
            TopicPartition(table, partition): Place(topic, partition)
            for table, topic in topics.items()
            for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions
        }
        return {where: consumer.get_watermark_offsets(place, timeout=10)[1] for where, place in places.items()}
    finally:
        consumer.close()
