"""What `segue bench streaming` shows to people."""

from bench.streaming import Measured
from cli.output import Output

NAME_LENGTH = 90


def tell(output: Output, measured: Measured, *, vertices: bool) -> None:
    """What was measured with, the rows, each job's seconds, and with `vertices` where they went."""
    output.table("Measured with", ("what", "value"), [(name, str(value)) for name, value in measured.settings.items()])
    output.table(
        "Ours beside the reference",
        ("name", "ours", "reference", "ratio", "spread", "unit"),
        [
            (row.name, f"{row.ours:,.1f}", f"{row.reference:,.1f}", f"{row.ratio:.3f}", f"{row.spread:.3f}", row.unit)
            for row in measured.rows
        ],
    )
    if measured.seconds:
        output.table(
            "Seconds of each job, RUNNING to FINISHED, round by round",
            ("job", "seconds"),
            [(job, "  ".join(f"{one:.1f}" for one in rounds)) for job, rounds in measured.seconds.items()],
        )
    for job, found in measured.vertices.items() if vertices else ():
        output.table(
            f"Vertices of {job} in its last round, busiest first; milliseconds are sums over the subtasks",
            ("busy ms", "back-pressured ms", "idle ms", "records in", "records out", "subtasks", "vertex"),
            [
                (
                    round(one.busy_ms),
                    round(one.back_pressured_ms),
                    round(one.idle_ms),
                    one.records_in,
                    one.records_out,
                    one.parallelism,
                    one.name[:NAME_LENGTH],
                )
                for one in sorted(found, key=lambda one: one.busy_ms, reverse=True)
            ],
        )
