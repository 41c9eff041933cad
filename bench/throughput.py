"""How fast the cluster works off plays, beside bare parsing: both live jobs, engagement alone, the archive alone.

And what each table costs: its job beside that of all the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import bounded
from bench.jobs import Finished, JobBench
from bench.rows import Pair, Row, row
from streaming import live_jobs
from streaming.spec import JobSpec

STATEMENT_SET, ENGAGEMENT, ARCHIVE = "statement_set", "engagement", "archive"
TABLES = live_jobs.TABLES.name
"""The job of all tables but the archive."""

JOBS: Mapping[str, Sequence[str]] = {
    ARCHIVE: live_jobs.ARCHIVE.tables,
    TABLES: live_jobs.TABLES.tables,
    ENGAGEMENT: ("artist_engagement",),
    **{table: tuple(other for other in live_jobs.TABLES.tables if other != table) for table in live_jobs.TABLES.tables},
}
"""What each measured job fills; that of a table's name leaves this one out."""

ROWS: Mapping[str, Sequence[str]] = {
    STATEMENT_SET: (ARCHIVE, TABLES),
    ENGAGEMENT: (ENGAGEMENT,),
    ARCHIVE: (ARCHIVE,),
    **{table: (TABLES, table) for table in live_jobs.TABLES.tables},
}
"""The jobs that each row needs. The whole is what runs: both live jobs, whose seconds are added."""

_UNIT = "events per second of a bounded streaming job, RUNNING to FINISHED"
_SUM_UNIT = "events per second of both live jobs, one after the other, each RUNNING to FINISHED"
_MARGINAL_UNIT = "microseconds a play: of the job of all tables, less those of the job without this one; beside all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """The rows, the seconds of every job that was measured, and what the vertices of one such job did."""

    rows: Sequence[Row]
    seconds: dict[str, list[float]]
    last: dict[str, Finished]


def jobs_of(names: Sequence[str], repeats: int) -> int:
    """How often `measure` calls `advance`: a reference and each job, once to warm up and `repeats` times."""
    return (1 + len(_needed(names))) * (1 + repeats)


def _needed(names: Sequence[str]) -> Sequence[str]:
    """The jobs of these rows, each once."""
    return list(dict.fromkeys(job for name in names for job in ROWS[name]))


def measure(
    jobs: JobBench,
    names: Sequence[str],
    *,
    plays: int,
    repeats: int,
    keep: str = "",
    advance: Callable[[str], None] = lambda _: None,
) -> Throughput:
    """Run the reference and the jobs of `names` in turns, every other round in the opposite order.

    The first round warms the JVMs up and is not counted; it leaves the result topics of the job of all tables, or of
    the last where that is not among them, under the prefix `keep`, where one is given. `advance` is told each job that
    has ended. Raises what `JobBench.run` raises.
    """
    needed = _needed(names)
    kept = TABLES if TABLES in needed else needed[-1]
    makes = {"reference": bounded.reference} | {name: _live(name) for name in needed}
    seconds: dict[str, list[float]] = {name: [] for name in makes}
    last: dict[str, Finished] = {}
    for nth in range(1 + repeats):
        for name in list(makes) if nth % 2 else reversed(makes):
            ended = jobs.run(makes[name], keep=keep if nth == 0 and name == kept else "")
            if nth:
                seconds[name].append(ended.seconds)
                last[name] = ended
            advance(name)
    return Throughput(rows=[rated(name, seconds, plays=plays) for name in names], seconds=seconds, last=last)


def rated(name: str, seconds: dict[str, list[float]], *, plays: int) -> Row:
    """Events per second of `name` beside the reference of the same round; of a table what it adds to all others.

    What a table adds can be less than nothing where rounds differ by more than it costs: look at the spread.
    """
    if name in live_jobs.TABLES.tables:
        return row(
            name,
            [
                Pair(ours=(whole - without) / plays * 1e6, reference=whole / plays * 1e6)
                for whole, without in zip(seconds[TABLES], seconds[name], strict=True)
            ],
            unit=_MARGINAL_UNIT,
        )
    rounds = zip(*(seconds[job] for job in ROWS[name]), strict=True)
    pairs = [
        Pair(ours=plays / sum(ours), reference=plays / reference)
        for ours, reference in zip(rounds, seconds["reference"], strict=True)
    ]
    return row(name, pairs, unit=_UNIT if len(ROWS[name]) == 1 else _SUM_UNIT)


def _live(name: str) -> bounded.Make:
    def make(spec: JobSpec, prefix: str) -> bounded.Job:
        return bounded.live(spec, prefix, JOBS[name])

    return make
