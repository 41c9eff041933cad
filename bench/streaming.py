"""`segue bench streaming`: what the live tables cost beside the least that the same parts could do."""

import platform
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial

import grpc

from backend import wiring
from backend.domain.errors import InvalidInput, Violation
from backend.ports.event_log import Topic
from bench import bounded, freshness, sink, stacks, throughput
from bench.jobs import JobBench, Vertex
from bench.rows import Row
from bench.service import Service, Shape
from bench.topics import Topics
from cli import reach
from cli.output import Output
from streaming.live_jobs import TABLES
from streaming.wiring import cluster, job_spec

THROUGHPUT = tuple(throughput.ROWS)
USUAL = (throughput.STATEMENT_SET, throughput.ENGAGEMENT, throughput.ARCHIVE, sink.SINK, freshness.FRESHNESS)
"""What is measured unless other rows are named: a table's own row takes a run of nearly the whole job a round."""

ROWS = (*USUAL, *(name for name in THROUGHPUT if name not in USUAL))
"""Every row."""

FRESHNESS_PARTS = ("kafka", "mongo", "flink", "server", "sink", "keeper")
"""What a play passes through on its way to a reader."""

KEPT = "bench-kept"
"""Starts the names of the result topics that the sink is measured with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure, and how long. Raises InvalidInput for a row that is none of ROWS."""

    rows: Sequence[str] = USUAL
    plays: int = 500_000
    repeats: int = 5
    sink_rows: int = 50_000
    fresh_plays: int = 60
    heap_megabytes: int = 1536
    seed: int = 0

    def __post_init__(self) -> None:
        if unknown := [name for name in self.rows if name not in ROWS]:
            raise InvalidInput([Violation("--row", f"{', '.join(unknown)}: not among {', '.join(ROWS)}")])


@dataclass(slots=True, kw_only=True)
class Measured:
    """The rows, what they were measured with, and behind them: seconds of every job, vertices, ages of plays.

    `seconds` is by job ("reference" or a row's name), in the order of the rounds; `vertices` are those of each job's
    last run; `ages` are sorted, in seconds.
    """

    settings: dict[str, object]
    rows: list[Row] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    vertices: dict[str, Sequence[Vertex]] = field(default_factory=dict)
    ages: Sequence[float] = ()


def measure(plan: Plan, output: Output) -> Measured:
    """Start what the rows need, measure, and leave nothing behind. Raises SegueError where a part fails."""
    measured = Measured(settings=_told(plan))
    if sink.SINK in plan.rows or set(THROUGHPUT) & set(plan.rows):
        parts = ("kafka", "mongo", "flink") if sink.SINK in plan.rows else ("kafka", "flink")
        with stacks.stack(output, parts, flink_heap_megabytes=plan.heap_megabytes) as settings:
            topics = Topics(settings.kafka_servers, partitions=settings.kafka_partitions)
            prepare(topics, settings.tenant, Shape(plays=plan.plays), seed=plan.seed, output=output)
            flinks = cluster(settings)
            jobs = JobBench(flinks, job_spec(settings), topics, folder=settings.home / "runs")
            _jobs(plan, jobs, measured, output)
            if sink.SINK in plan.rows:
                carried = sink.SinkBench(
                    topics,
                    KEPT,
                    log=wiring.event_log(settings.model_copy(update={"tenant": sink.TENANT})),
                    stores=lambda tenant: wiring.store(settings.model_copy(update={"tenant": tenant})),
                    store_url=settings.store_url,
                    limit=plan.sink_rows,
                )
                _sink(plan, carried, measured, output)
    if freshness.FRESHNESS in plan.rows:
        with stacks.stack(output, FRESHNESS_PARTS) as settings, reach.channel(settings) as channel:
            _freshness(plan, channel, measured, output)
    return measured


def _jobs(plan: Plan, jobs: JobBench, measured: Measured, output: Output) -> None:
    names = [name for name in THROUGHPUT if name in plan.rows]
    if not names:  # the sink still needs the rows of one run
        with output.step("running the live tables' job once", "the live tables' job has ended"):
            jobs.run(partial(bounded.live, tables=TABLES.tables), keep=KEPT)
        return
    with output.bar("running jobs", throughput.jobs_of(names, plan.repeats)) as bar:
        found = throughput.measure(
            jobs,
            names,
            plays=plan.plays,
            repeats=plan.repeats,
            keep=KEPT if sink.SINK in plan.rows else "",
            advance=lambda _: bar.advance(bar.task_ids[0]),
        )
    _add(measured, found.rows, output)
    measured.seconds |= found.seconds
    measured.vertices |= {name: ended.vertices for name, ended in found.last.items()}


def _sink(plan: Plan, carried: sink.SinkBench, measured: Measured, output: Output) -> None:
    with (
        closing(carried) as bench,
        output.bar(f"carrying {bench.rows:,} rows", sink.steps(plan.repeats)) as bar,
    ):
        row = bench.measure(repeats=plan.repeats, advance=lambda: bar.advance(bar.task_ids[0]))
    _add(measured, [row], output)


def _freshness(plan: Plan, channel: grpc.Channel, measured: Measured, output: Output) -> None:
    with output.bar("waiting for plays to be seen", plan.fresh_plays) as bar:
        fresh = freshness.Freshness(channel, seed=plan.seed)
        row, measured.ages = fresh.measure(plays=plan.fresh_plays, advance=lambda: bar.advance(bar.task_ids[0]))
    _add(measured, [row], output)


def _add(measured: Measured, rows: Sequence[Row], output: Output) -> None:
    """Take rows over, and tell them: what is measured later may take long, or fail."""
    measured.rows += rows
    for row in rows:
        output.say(f"{row.name}: {row.ours:,.1f} beside {row.reference:,.1f}, ratio {row.ratio:.3f}")


def prepare(topics: Topics, tenant: str, shape: Shape, *, seed: int, output: Output) -> None:
    """The tenant's source topics, filled with a synthetic service whose last day ended at midnight."""
    end = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    service = Service(shape, seed=seed, end=end)
    filled = {
        Topic.ARTISTS: service.artists(),
        Topic.TRACKS: service.tracks(),
        Topic.CLUSTERS: service.clusters(),
        Topic.FEEDBACK: service.feedback(),
        Topic.PLAYS: service.plays(),
    }
    topics.make(f"{tenant}.{topic}" for topic in filled)
    with output.bar("writing synthetic plays", shape.plays) as bar:
        for topic, records in filled.items():
            advance = partial(bar.advance, bar.task_ids[0]) if topic is Topic.PLAYS else _unseen
            topics.fill(f"{tenant}.{topic}", records, advance=advance)


def _unseen(_: int) -> None:
    """The other topics are written in a moment."""


def _told(plan: Plan) -> dict[str, object]:
    return {
        "data": "synthetic, see bench/service.py",
        "shape": asdict(Shape(plays=plan.plays)),
        "seed": plan.seed,
        "repeats": plan.repeats,
        "warm_up": "one round of every job, not counted",
        "spread": "highest minus lowest ratio",
        "pinned": stacks.PINNED,
        "heap_megabytes": plan.heap_megabytes,
        "machine": platform.platform(),
    }
