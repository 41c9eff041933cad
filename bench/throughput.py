"""How fast the cluster works off plays, beside bare parsing: all live tables, engagement alone, the archive alone.

And what each table costs: the job of all tables beside that of all others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench import bounded
from bench.jobs import Finished, JobBench
from bench.rows import Pair, Row, row
from streaming.render import LIVE_TABLES
from streaming.spec import JobSpec

STATEMENT_SET, ENGAGEMENT, ARCHIVE = "statement_set", "engagement", "archive"
TABLES: Mapping[str, Sequence[str] | None] = {
    STATEMENT_SET: None,
    ENGAGEMENT: ("artist_engagement",),
    ARCHIVE: ("play_archive",),
    **{table: tuple(other for other in LIVE_TABLES if other != table) for table in LIVE_TABLES},
}
"""What the job of each row fills; None is all the live tables, and a table's own row leaves it out."""

_UNIT = "events per second of a bounded streaming job, RUNNING to FINISHED"
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
    """The jobs of these rows: a table's row needs the job of all tables, too."""
    tables = set(names) & set(LIVE_TABLES)
    return names if not tables or STATEMENT_SET in names else (STATEMENT_SET, *names)


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

    The first round warms the JVMs up and is not counted; it leaves the result topics of its first job under the prefix
    `keep`, where one is given. `advance` is told each job that has ended. Raises what `JobBench.run` raises.
    """
    makes = {"reference": bounded.reference} | {name: _live(name) for name in _needed(names)}
    seconds: dict[str, list[float]] = {name: [] for name in makes}
    last: dict[str, Finished] = {}
    for nth in range(1 + repeats):
        for name in list(makes) if nth % 2 else reversed(makes):
            ended = jobs.run(makes[name], keep=keep if nth == 0 and name == _needed(names)[0] else "")
            if nth:
                seconds[name].append(ended.seconds)
                last[name] = ended
            advance(name)
    return Throughput(rows=[rated(name, seconds, plays=plays) for name in names], seconds=seconds, last=last)


def rated(name: str, seconds: dict[str, list[float]], *, plays: int) -> Row:
    """Events per second of `name` beside the reference of the same round; of a table what it adds to all others.

    What a table adds can be less than nothing where rounds differ by more than it costs: look at the spread.
    """
    if name in LIVE_TABLES:
        return row(
            name,
            [
                Pair(ours=(whole - without) / plays * 1e6, reference=whole / plays * 1e6)
                for whole, without in zip(seconds[STATEMENT_SET], seconds[name], strict=True)
            ],
            unit=_MARGINAL_UNIT,
        )
    pairs = [
        Pair(ours=plays / ours, reference=plays / reference)
        for ours, reference in zip(seconds[name], seconds["reference"], strict=True)
    ]
    return row(name, pairs, unit=_UNIT)


def _live(name: str) -> bounded.Make:
    def make(spec: JobSpec, prefix: str) -> bounded.Job:
        return bounded.live(spec, prefix, TABLES[name])

    return make
