"""Writes docs/faults.md from the rows of a run: `python -m tests.faults.report FIGURES`, printed."""

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.faults.figures import Row, told

FAULTS = {
    "D1": "SIGKILL the broker",
    "D2": "SIGKILL the server",
    "D3": "SIGKILL Flink",
    "D4": "SIGKILL the store, the sink, the keeper",
    "D5": "SIGKILL everything, cold start",
    "D6": "SIGSTOP of each process",
    "D7": "Toxiproxy: latency, bandwidth, slicer, reset, timeout, down",
    "D8": "Disk full",
    "D9": "SIGKILL during a model publish",
    "D10": "Model swap under load",
    "D11": "Replay from offset 0, twice",
    "D12": "Late plays",
    "D13": "Future, skewed, idle",
    "D14": "Malformed records straight onto the topic",
    "D15": "Old and new producers and consumers",
    "D16": "State of the last release",
    "D17": "SIGTERM under load",
    "D18": "Broker away under load",
    "D20": "Soak at half capacity",
    "A1": "Overload",
    "A2": "Retry storm",
    "A4": "Random and structured requests",
    "A6": "Oversize, gzip bombs",
    "A7": "Connections, floods of pings and resets",
    "A8": "Every RPC with every kind of wrong token",
    "A9": "Calls across listeners",
    "A10": "Injection",
    "A11": "One event id again and again",
    "A12": "Invented ids",
    "A13": "Stream farm",
    "A14": "Canary secrets in every slot",
    "A15": "Export of listeners",
    "A16": "Erasure of listeners",
    "A17": "Corrupted model, manifest mismatch",
    "A18": "Listeners beyond loopback",
}
"""Every row of the plan."""

ELSEWHERE = {
    "D11": "e2e/test_operating.py",
    "D13": "e2e/test_main_job.py",
    "A8": "rpc/test_access.py",
    "A9": "rpc/test_access.py",
    "A10": "rpc/test_extremes.py, unit/test_plain_text.py",
}
"""Tests of another kind that hold some of a row, at a small dose and without figures."""


def report(rows: Sequence[Row], *, machine: str) -> str:
    """The page. `rows` in the order in which they were seen."""
    order = list(FAULTS)
    placed = sorted(rows, key=lambda row: _place(row, order))
    runs = sorted({(row.commit, row.seed, row.at[:10]) for row in rows})
    run = {part for row in rows for part in _ids(row)}
    left_out = [f"| {one} | {fault} | {_elsewhere(one)} |" for one, fault in FAULTS.items() if one not in run]
    missed = sum(not row.held for row in rows)
    return "\n".join(
        [
            "# Faults: what was seen",
            "",
            "Written by tests/faults/report.py from what the tests saw in the runs below; no figure is by hand, and",
            "`make faults` makes such a run. How each is done stands in [tests/faults](../tests/faults). A load client",
            "writes down what it sends and what it is told; after",
            "quiet the log is read from its start. *Lost*: confirmed and not in the log. *Phantom*: in the log and",
            "never sent. *Double*, *uncounted*: in `artist_engagement` or the play archive more or less often than an",
            "independent recount by event id says. All of them must be 0.",
            "",
            *(f"- {day}, commit {commit}, seed {seed}: {_when(rows, commit, seed)}" for commit, seed, day in runs),
            f"- {machine}",
            f"- {len(rows)} rows, {missed} of them short of their reach",
            "",
            "| # | fault | dose | reach | seen | reached |",
            "| --- | --- | --- | --- | --- | --- |",
            *(_line(row) for row in placed),
            "",
            "## Not run",
            "",
            "| # | fault | tested elsewhere, without figures |",
            "| --- | --- | --- |",
            *left_out,
            "",
        ]
    )


def _line(row: Row) -> str:
    return f"| {row.id} | {row.fault} | {row.dose} | {row.reach} | {row.seen} | {'yes' if row.held else '**no**'} |"


def _when(rows: Sequence[Row], commit: str, seed: int) -> str:
    """Which rows a run gave, and between which times of the day."""
    given = [row for row in rows if (row.commit, row.seed) == (commit, seed)]
    return f"{', '.join(sorted({row.id for row in given}))} from {given[0].at[11:]} to {given[-1].at[11:]} UTC"


def _ids(row: Row) -> list[str]:
    return row.id.split("/")


def _place(row: Row, order: Sequence[str]) -> int:
    first = _ids(row)[0]
    return order.index(first) if first in order else len(order)


def _elsewhere(fault: str) -> str:
    return ", ".join(f"[{one}](../tests/{one})" for one in ELSEWHERE.get(fault, "").split(", ") if one)


def _machine() -> str:
    cpus = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = cpus[0].partition(": ")[2] if cpus else platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB of memory, load {os.getloadavg()[2]:.1f} at the end"


def main() -> None:
    """Print the page."""
    sys.stdout.write(report(told(Path(sys.argv[1])), machine=_machine()))


if __name__ == "__main__":
    main()
