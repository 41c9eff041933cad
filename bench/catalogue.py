"""`segue bench import`: a catalogue's file into the log, beside reading the same file and upserting its raw rows."""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pymongo import MongoClient, ReplaceOne

from backend.domain.errors import SegueError
from bench import stacks
from bench.rows import Pair, Row, row
from cli import reach
from cli.output import Output
from training.simulate.catalogue import make_catalogue
from training.simulate.spotify_layouts import kaggle_tracks

PARTS = ("kafka", "mongo", "server")
"""What an import passes through; nothing else runs beside."""

BULK = 1_000
"""Operations of one raw bulk_write."""

SIMULATED, TRACKS_OF_AN_ARTIST = 10_000, 5
"""Tracks that are simulated; a longer file holds each several times, under ids of its own."""

PEAK_LIMIT_MIB = 1024.0
_UNIT = "rows a second, file to log; reference: the same file by pyarrow, its raw rows by unordered bulks of 1,000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many rows the file has, and how often it is imported."""

    rows: int = 600_000
    repeats: int = 5
    seed: int = 0


@dataclass(slots=True, kw_only=True)
class Measured:
    """The rows, what they were measured with, and the seconds and peaks of every round."""

    settings: dict[str, object]
    rows: list[Row] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    reference_seconds: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Imported:
    """One import as a process of its own, from its start to its end: seconds, and the most memory it held."""

    seconds: float
    peak_mib: float


def measure(plan: Plan, output: Output) -> Measured:
    """Start a stack of its own, then import and upsert in turns, after a turn of each that is not counted.

    Raises SegueError where a part fails or a row is lost.
    """
    measured = Measured(settings=_told(plan))
    with (
        TemporaryDirectory(prefix="segue-bench-import-") as folder,
        stacks.stack(output, PARTS) as settings,
        output.bar("importing", 2 * (1 + plan.repeats)) as bar,
    ):
        file = Path(folder) / "tracks.csv"
        write_file(file, plan)
        with _client(settings.store_url) as client:
            for nth in range(1 + plan.repeats):
                ours = imported(reach.environment(settings), file, plan.rows)
                client.drop_database(settings.tenant)  # so that each round's rows are new to the store, as the other's
                bar.advance(bar.task_ids[0])
                reference = upserted(client, file, plan.rows)
                bar.advance(bar.task_ids[0])
                if nth:
                    measured.seconds.append(ours.seconds)
                    measured.peak_mib.append(ours.peak_mib)
                    measured.reference_seconds.append(reference)
    measured.rows = rows(plan.rows, measured)
    return measured


def rows(count: int, measured: Measured) -> list[Row]:
    """The rows of what was measured with a file of so many rows."""
    pairs = [
        Pair(ours=count / ours, reference=count / reference)
        for ours, reference in zip(measured.seconds, measured.reference_seconds, strict=True)
    ]
    peaks = [Pair(ours=peak, reference=PEAK_LIMIT_MIB) for peak in measured.peak_mib]
    return [
        row("catalogue", pairs, unit=_UNIT),
        row("peak_mib", peaks, unit="MiB that the importing process held at most; reference: the limit"),
    ]


def write_file(path: Path, plan: Plan) -> None:
    """A file of so many rows in the 600k layout: simulated tracks, again and again, each time under other ids.

    So there are, as in the data set, about five tracks for an artist.
    """
    size = min(plan.rows, SIMULATED)
    catalogue = make_catalogue(plan.seed, artists=size // TRACKS_OF_AN_ARTIST, tracks=size, last_year=2020)
    left = plan.rows
    with path.open("w", encoding="utf-8") as whole, TemporaryDirectory() as folder:
        for nth in range(-(-plan.rows // size)):
            artists = {
                f"{one.artist_id}-{nth}": replace(one, artist_id=f"{one.artist_id}-{nth}") for one in catalogue.artists
            }
            tracks = [
                replace(
                    track,
                    track_id=f"{track.track_id}-{nth}",
                    artist_ids=tuple(f"{one}-{nth}" for one in track.artist_ids),
                )
                for track in catalogue.tracks[:left]
            ]
            left -= len(tracks)
            kaggle_tracks(Path(folder), tracks, artists)
            with (Path(folder) / "tracks.csv").open(encoding="utf-8") as part:
                header = part.readline()
                whole.writelines([header] if nth == 0 else [])
                whole.writelines(part)


def imported(environment: Mapping[str, str], file: Path, count: int) -> Imported:
    """`segue ingest tracks FILE` as people run it. Raises SegueError where it fails or not every row arrives."""
    command = [sys.executable, "-m", "cli.program", "ingest", "tracks", str(file), "--json"]
    began = time.monotonic()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    if process.returncode != 0:
        raise SegueError(f"the import ended with {process.returncode}: {told.decode()[:500]}")
    accepted = sum(one["tracks"] for one in json.loads(told)["files"])
    if accepted != count:
        raise SegueError(f"the import brought {accepted} tracks of {count}")
    return Imported(seconds, _mib(usage))


def _mib(usage: resource.struct_rusage) -> float:
    """The most resident memory; Linux counts it in KiB."""
    return usage.ru_maxrss / 1024


def upserted(client: "MongoClient[dict[str, Any]]", file: Path, count: int) -> float:
    """Seconds to read the file with pyarrow and to upsert its rows as they are, by id, into a collection that is new.

    Raises SegueError where the store does not hold them all then.
    """
    database = client["bench-raw"]
    began = time.monotonic()
    for documents in _raw(file):
        operations = [ReplaceOne({"_id": one["id"]}, one, upsert=True) for one in documents]
        database["tracks"].bulk_write(operations, ordered=False)
    seconds = time.monotonic() - began
    found = database["tracks"].estimated_document_count()
    client.drop_database("bench-raw")
    if found != count:
        raise SegueError(f"the store holds {found} raw rows of {count}")
    return seconds


def _raw(file: Path) -> Iterator[list[dict[str, Any]]]:
    from pyarrow import csv

    for batch in csv.open_csv(file):
        for start in range(0, batch.num_rows, BULK):
            yield batch.slice(start, BULK).to_pylist()


def _client(store_url: str) -> "MongoClient[dict[str, Any]]":
    """A client with the store's own write concern."""
    return MongoClient(store_url, tz_aware=True, w="majority", journal=True, retryWrites=False)


def _told(plan: Plan) -> dict[str, object]:
    return {
        "rows": plan.rows,
        "repeats": plan.repeats,
        "seed": plan.seed,
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
