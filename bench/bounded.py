"""The SQL of a measured job: the live job's own statements, ended where its topics end, writing topics of its own.

And the reference: a bare job that parses every field of topic `plays` and writes it nowhere.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.ports.event_log import Topic
from streaming import render
from streaming.reading import record_schema
from streaming.spec import JobSpec

BOUNDED = ("scan.bounded.mode", "latest-offset")
"""A source option: the job ends where the topic ended when the job began."""

_CREATED = re.compile(r"^CREATE TABLE `?(\w+)`?", re.IGNORECASE)
_FILLED = re.compile(r"^INSERT INTO `?(\w+)`?", re.IGNORECASE)
_TOPIC = re.compile(r"('topic'\s*=\s*')([^']*)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Statements of one job: definitions in order, inserts, and the full names of the topics that it writes."""

    definitions: Sequence[str]
    inserts: Sequence[str]
    topics: Sequence[str]


def reference(spec: JobSpec, _prefix: str = "") -> Job:
    """Kafka → JSON → blackhole: what reading and parsing the plays costs by itself; no result topics."""
    columns = ",\n".join(f"  {column.name} {column.type}" for column in record_schema(Topic.PLAYS).columns)
    source = {
        "connector": "kafka",
        "topic": f"{spec.tenant}.plays",
        "properties.bootstrap.servers": spec.kafka_servers,
        "scan.startup.mode": "earliest-offset",
        BOUNDED[0]: BOUNDED[1],
        "format": "json",
    }
    options = ",\n".join(f"  '{key}' = '{value}'" for key, value in source.items())
    return Job(
        definitions=(
            f"CREATE TABLE parsed (\n{columns}\n) WITH (\n{options}\n)",
            f"CREATE TABLE nowhere (\n{columns}\n) WITH ('connector' = 'blackhole')",
        ),
        inserts=("INSERT INTO nowhere SELECT * FROM parsed",),
        topics=(),
    )


def live(spec: JobSpec, prefix: str, tables: Sequence[str]) -> Job:
    """A job that fills these tables as the live jobs do, its sources bounded, its result topics named PREFIX.table."""
    definitions, inserts = render.job_statements(spec, tables)
    return rewritten(definitions, inserts, prefix)


def rewritten(definitions: Sequence[str], inserts: Sequence[str], prefix: str) -> Job:
    """These statements with bounded Kafka sources; topics that the inserts fill start with `prefix` instead."""
    filled = {found[1] for insert in inserts if (found := _FILLED.match(insert))}
    topics: list[str] = []

    def renamed(topic: "re.Match[str]") -> str:
        topics.append(f"{prefix}.{topic[2].partition('.')[2]}")
        return f"{topic[1]}{topics[-1]}'"

    changed = []
    for definition in definitions:
        created = _CREATED.match(definition)
        bounded = with_bound(definition) if created else definition
        changed.append(_TOPIC.sub(renamed, bounded) if created and created[1] in filled else bounded)
    return Job(definitions=tuple(changed), inserts=tuple(inserts), topics=tuple(topics))


def with_bound(ddl: str) -> str:
    """A CREATE TABLE with BOUNDED added where it reads Kafka: connector kafka with a start, or upsert-kafka."""
    reads = re.search(r"'connector'\s*=\s*'upsert-kafka'", ddl) or (
        re.search(r"'connector'\s*=\s*'kafka'", ddl) and "'scan.startup.mode'" in ddl
    )
    if not reads or f"'{BOUNDED[0]}'" in ddl:
        return ddl
    return re.sub(r"\s*\)\s*$", f",\n  '{BOUNDED[0]}' = '{BOUNDED[1]}'\n)", ddl)


def options(spec: JobSpec, *, name: str, checkpoints: str) -> dict[str, str]:
    """The live job's options, for a job of this name that ends.

    Without the checkpoint that a job takes when all its tasks have ended: waiting for its turn would round every time
    up to a multiple of the checkpoint interval.
    """
    return render.job_settings(spec, checkpoints=checkpoints) | {
        "pipeline.name": name,
        "execution.runtime-mode": "STREAMING",
        "execution.checkpointing.checkpoints-after-tasks-finish": "false",
        "execution.checkpointing.externalized-checkpoint-retention": "DELETE_ON_CANCELLATION",
    }


Make = Callable[[JobSpec, str], Job]
"""A job of this spec whose result topics start with the given prefix."""
