"""Small catalogues in every layout, and what an import makes of files, for tests of the import."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segue.v1 import catalogue_pb2

from backend.domain.tracks import AUDIO_FEATURES, Track
from client.channel import connect
from importers.catalogue.mapping import FileMapping
from importers.catalogue.report import FileReport, Finding, ImportReport
from importers.catalogue.run import Import, run
from tests.ingest_server import TOKEN, ScriptedServer, serving
from training.simulate.catalogue import make_catalogue
from training.simulate.layouts import write_layout

MAPPED = FileMapping(
    name="songs.mapping.toml",
    id="song_id",
    title="song",
    artists=("performers",),
    album="record",
    released_on="year",
    duration="seconds",
    tags=("genres",),
    features={name: name for name in AUDIO_FEATURES},
    written={"artists": "|", "tags": "|"},
    unit=1000.0,
)
"""Of the simulated file `songs.csv`."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What a server was sent by an import, its report, and all its findings."""

    artists: dict[str, catalogue_pb2.Artist]
    tracks: dict[str, catalogue_pb2.Track]
    report: ImportReport
    findings: list[Finding]

    @property
    def names(self) -> list[list[str]]:
        """The artists' names of each track, in the order they came."""
        return [[self.artists[one].name for one in track.artist_ids] for track in self.tracks.values()]

    @property
    def titles(self) -> list[str]:
        """In the order they came."""
        return [track.title for track in self.tracks.values()]

    def file(self, name: str) -> FileReport:
        """The report of one file."""
        return next(one for one in self.report.files if one.file == name)

    @property
    def told(self) -> list[tuple[int, str, str]]:
        """Line, field and outcome of each finding."""
        return [(one.line, one.field, one.outcome) for one in self.findings]


def simulated(folder: Path, layout: str, *, tracks: int = 40, names: Sequence[str] = ()) -> list[Track]:
    """Write a simulated catalogue in this layout, the first artists called `names`; its tracks."""
    catalogue = make_catalogue(3, artists=len(names) or 8, tracks=tracks, last_year=2024)
    renamed = [replace(artist, name=name) for artist, name in zip(catalogue.artists, names, strict=False)]
    catalogue = replace(catalogue, artists=(*renamed, *catalogue.artists[len(renamed) :]))
    folder.mkdir(exist_ok=True)
    write_layout(layout, folder, catalogue)
    return list(catalogue.tracks)


def imported(
    path: Path,
    mapping: FileMapping | None = None,
    *,
    allow_training: bool | None = None,
    server: ScriptedServer | None = None,
) -> Imported:
    """Import this path into a server that takes everything, or does as its script says."""
    server = server or ScriptedServer()
    told = path.parent / "findings.jsonl"
    with serving(server) as address, connect(address, TOKEN) as channel:
        asked = Import(path=path, mapping=mapping, allow_training=allow_training)
        report = run(channel, asked, imports=path.parent / "imports", report=told)
    found = [Finding(**json.loads(line)) for line in told.read_text().splitlines()]
    artists = {key: one for key, one in server.stored.items() if isinstance(one, catalogue_pb2.Artist)}
    tracks = {key: one for key, one in server.stored.items() if isinstance(one, catalogue_pb2.Track)}
    return Imported(artists, tracks, report, found)
