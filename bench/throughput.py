"""How fast the cluster works off a topic of plays: all live tables, and engagement alone, beside bare parsing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import bounded
from bench.jobs import Finished, JobBench
from bench.rows import Pair, Row, row
from streaming.spec import JobSpec

STATEMENT_SET, ENGAGEMENT = "statement_set", "engagement"
TABLES = {STATEMENT_SET: None, ENGAGEMENT: ("artist_engagement",)}
"""What each row fills; None is all the live tables."""

_UNIT = "events per second of a bounded streaming job, RUNNING to FINISHED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """The rows, the seconds of every job that was measured, and what the vertices of one such job did."""

    rows: Sequence[Row]
    seconds: dict[str, list[float]]
    last: dict[str, Finished]


def jobs_of(names: Sequence[str], repeats: int) -> int:
    """How often `measure` calls `advance`: a reference and each of `names`, once to warm up and `repeats` times."""
    return (1 + len(names)) * (1 + repeats)


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
    makes = {"reference": bounded.reference} | {name: _live(name) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in makes}
    last: dict[str, Finished] = {}
    for nth in range(1 + repeats):
        for name in list(makes) if nth % 2 else reversed(makes):
            ended = jobs.run(makes[name], keep=keep if nth == 0 and name == names[0] else "")
            if nth:
                seconds[name].append(ended.seconds)
                last[name] = ended
            advance(name)
    return Throughput(rows=[rated(name, seconds, plays=plays) for name in names], seconds=seconds, last=last)


def rated(name: str, seconds: dict[str, list[float]], *, plays: int) -> Row:
    """Events per second of `name` beside the reference of the same round."""
    pairs = [
        Pair(ours=plays / ours, reference=plays / reference)
        for ours, reference in zip(seconds[name], seconds["reference"], strict=True)
    ]
    return row(name, pairs, unit=_UNIT)


def _live(name: str) -> bounded.Make:
    def make(spec: JobSpec, prefix: str) -> bounded.Job:
        return bounded.live(spec, prefix, TABLES[name])

    return make
