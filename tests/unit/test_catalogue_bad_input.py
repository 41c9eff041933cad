"""What is wrong in a catalogue's files is a line of the report each, and costs none of its neighbours."""

import csv
import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.errors import InvalidInput
from importers.catalogue.cells import date_of, listed, milliseconds_of
from importers.catalogue.mapping_file import read_mapping
from importers.catalogue.report import REJECTED, REPAIRED
from tests.catalogue_files import MAPPED, imported, simulated
from tests.ingest_server import REJECTED as REFUSED
from tests.ingest_server import ScriptedServer

Change = Callable[[dict[str, str]], None]


def damaged(folder: Path, change: Change, *, line: int = 6) -> Path:
    """Forty tracks of the 600k layout, what is on one line changed; the file."""
    simulated(folder, "spotify-600k")
    (folder / "artists.csv").unlink()
    path = folder / "tracks.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    change(rows[line - 2])
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("column", "cell", "told"),
    [
        ("name", "", "the row has no name"),
        ("name", "\u200b \u2060", "the row has no name"),
        ("artists", "['Ember', 'Sol", 'the list does not close, from " \'Sol" on'),
        ("artists", "Ember", "'Ember' is no list such as ['A', 'B']"),
        ("artists", "['Ember'] and Sol", "behind the list stands ' and Sol'"),
        ("artists", "[]", "the row names no artist"),
        ("id_artists", "['a', 'b', 'c']", "3 ids stand for 1 names"),
        ("id", "no id", "'spotify:track:no id' is no id"),
    ],
)
def test_a_record_without_what_makes_a_track_is_rejected_alone(
    column: str, cell: str, told: str, tmp_path: Path
) -> None:
    """Title, artists and id are needed: the record is told with its line, the other 39 arrive."""
    found = imported(damaged(tmp_path / "data", lambda row: row.update({column: cell})))
    assert [(6, column, REJECTED)] == found.told
    assert found.findings[0].reason.startswith(told)
    assert (39, 0, 1) == (len(found.tracks), found.report.total("repaired"), found.report.total("rejected"))


@pytest.mark.parametrize(
    ("column", "cell", "told"),
    [
        ("energy", "7.3", "7.3 is not in 0..1; the track is kept without audio features"),
        ("valence", "sad", "'sad' is not a number; the track is kept without audio features"),
        ("danceability", "nan", "nan is not in 0..1; the track is kept without audio features"),
        ("tempo", "fast", "'fast' is not a number; tempo is left out"),
        ("loudness", "900", "900 is not in -120..20; loudness is left out"),
        ("duration_ms", "long", "'long' is not a number; it is left out"),
        ("release_date", "2019-13", "2019-13: month must be in 1..12; it is left out"),
        ("name", "Ten\tto\x1b[2J go", "held control characters, which were taken out"),
        ("name", "x" * 600, "was cut to 512 characters"),
    ],
)
def test_a_cell_that_can_be_spared_is_left_out_and_told(column: str, cell: str, told: str, tmp_path: Path) -> None:
    """The record is kept and counted as repaired; nothing is made up in the cell's place."""
    found = imported(damaged(tmp_path / "data", lambda row: row.update({column: cell})))
    assert [(6, column, REPAIRED)] == found.told
    assert told == found.findings[0].reason
    assert (40, 1, 0) == (len(found.tracks), found.report.total("repaired"), found.report.total("rejected"))
    track = list(found.tracks.values())[4]
    is_share = column in ("energy", "valence", "danceability")
    assert is_share is not track.HasField("audio_features")
    assert (0.0 in (track.audio_features.tempo, track.audio_features.loudness)) is (
        is_share or column in ("tempo", "loudness")
    )
    assert (track.duration_milliseconds == 0, track.released_on == "") == (
        column == "duration_ms",
        column == "release_date",
    )


def test_a_track_without_any_feature_is_not_told_as_repaired(tmp_path: Path) -> None:
    """Empty cells say that nothing is known, which is no fault of the file."""
    names = ("danceability", "energy", "valence", "acousticness", "instrumentalness", "liveness", "speechiness")
    empty = dict.fromkeys((*names, "tempo", "loudness", "release_date", "duration_ms"), "")
    found = imported(damaged(tmp_path / "data", lambda row: row.update(empty)))
    assert ([], 40) == (found.findings, len(found.tracks))


def test_a_column_that_a_mapping_names_and_the_file_has_not_is_a_line_of_the_report(tmp_path: Path) -> None:
    """What it would have filled stays empty; the tracks arrive."""
    simulated(tmp_path / "data", "own")
    found = imported(tmp_path / "data" / "songs.csv", replace(MAPPED, album="disc"))
    assert [(0, "disc", REPAIRED)] == found.told
    assert (40, {""}) == (len(found.tracks), {track.album for track in found.tracks.values()})


def test_a_file_that_lacks_a_column_it_cannot_do_without_costs_no_other_file(tmp_path: Path) -> None:
    """It is rejected as a whole, in one line, and the file beside it is imported."""
    simulated(tmp_path / "data", "own")
    (tmp_path / "data" / "songs.jsonl").unlink()
    (tmp_path / "data" / "songs.tsv").write_text("a\tb\n1\t2\n")
    found = imported(tmp_path / "data", MAPPED)
    assert {(0, "song_id", REJECTED)} == set(found.told)
    assert "songs.tsv has no such column, which songs.mapping.toml needs; found: a, b" in found.findings[0].reason
    assert (1, 40) == (found.file("songs.tsv").rejected, found.file("songs.csv").accepted)


def test_what_the_server_refuses_is_told_with_its_line(tmp_path: Path) -> None:
    """The second track of the second request stands on line 3; the others count as accepted."""
    simulated(tmp_path / "data", "own")
    found = imported(tmp_path / "data" / "songs.csv", MAPPED, server=ScriptedServer({}, {1: REFUSED}))
    assert [(3, "track_id", REJECTED)] == found.told
    assert "the server refused it: unknown track" == found.findings[0].reason
    assert (39, 1) == (found.report.total("accepted"), found.report.total("rejected"))


def test_a_refused_artist_is_the_reason_why_their_tracks_are(tmp_path: Path) -> None:
    """The track's own refusal says only that the artist is unknown."""
    simulated(tmp_path / "data", "own", tracks=16)
    found = imported(tmp_path / "data" / "songs.csv", MAPPED, server=ScriptedServer({0: REFUSED}, {0: REFUSED}))
    assert "the server refused the artist: unknown track" == found.findings[0].reason


def test_json_lines_that_are_no_objects_cost_only_themselves(tmp_path: Path) -> None:
    """Each is told with its line."""
    simulated(tmp_path / "data", "own")
    path = tmp_path / "data" / "songs.jsonl"
    lines = path.read_text().splitlines()
    lines[1:3] = ["[1, 2]", '{"song": "half']
    path.write_text("\n".join(lines))
    found = imported(path, replace(MAPPED, written={"artists": "list", "tags": "list"}))
    assert [(2, "", REJECTED), (3, "", REJECTED)] == found.told
    assert 38 == len(found.tracks)


def test_a_packed_file_that_ends_in_the_middle_keeps_what_came_before(tmp_path: Path) -> None:
    """The cut is one rejected line; what was whole before it is imported."""
    simulated(tmp_path / "data", "own", tracks=400)
    packed = gzip.compress((tmp_path / "data" / "songs.csv").read_bytes())
    path = tmp_path / "songs.csv.gz"
    path.write_bytes(packed[: len(packed) * 3 // 4])
    found = imported(path, MAPPED)
    assert [(0, "path", REJECTED)] == found.told
    assert "is no whole gzip file" in found.findings[0].reason
    assert 200 < len(found.tracks) < 400


def test_a_packed_file_of_merged_rows_that_ends_in_the_middle_keeps_what_came_before(tmp_path: Path) -> None:
    """Rows of one track are put together at the end of the file: also where that comes too soon."""
    simulated(tmp_path / "data", "spotify-114k", tracks=400)
    (path,) = (tmp_path / "data").glob("*.csv")
    packed = gzip.compress(path.read_bytes())
    cut = tmp_path / "genres.csv.gz"
    cut.write_bytes(packed[: len(packed) // 2])
    found = imported(cut)
    assert [(0, "path", REJECTED)] == found.told
    assert 100 < len(found.tracks) <= 400


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_csv_file_may_have_other_separators(separator: str, tmp_path: Path) -> None:
    """As spreadsheets write it where the comma is for decimals: its header tells."""
    simulated(tmp_path / "data", "own")
    with (tmp_path / "data" / "songs.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    with (tmp_path / "songs.csv").open("w", newline="") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    found = imported(tmp_path / "songs.csv", MAPPED)
    assert (40, []) == (len(found.tracks), found.findings)


def test_a_folder_may_hold_other_things(tmp_path: Path) -> None:
    """Pictures, archives and texts are passed over, whatever their names; a table that is none is a rejected line."""
    simulated(tmp_path / "data", "spotify-600k")
    (tmp_path / "data" / "cover.jpg").write_bytes(b"\xff\xd8\xff\x00")
    (tmp_path / "data" / "audio.tar.gz").write_bytes(b"\x1f\x8b no archive")
    (tmp_path / "data" / "SOURCE.txt").write_text("Kaggle, somebody\n")
    (tmp_path / "data" / "more.parquet").write_bytes(b"no parquet")
    found = imported(tmp_path / "data")
    assert ["SOURCE.txt", "audio.tar.gz", "cover.jpg"] == found.report.passed_over
    assert [("more.parquet", 0, REJECTED)] == [(one.file, one.line, one.outcome) for one in found.findings]
    assert 40 == len(found.tracks)


def test_an_unknown_file_says_how_to_map_it(tmp_path: Path) -> None:
    """The layouts there are, and the command that writes a mapping."""
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput, match=f"write a mapping file with `segue ingest tracks --guess {path}`"):
        imported(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind = 'songs'\n[columns]\ntitle = 'a'\nartists = 'b'", "kind: must be one of tracks, artists, features"),
        (
            "[columns]\ntitel = 'a'\ntitle = 'a'\nartists = 'b'",
            "columns.titel: there is no such key; did you mean titl",
        ),
        ("[columns]\ntitle = 'a'", "columns.artists: must name the column of the artists' names"),
        ("[columns]\ntitle = 3\nartists = 'b'", "columns.title: must be text, not 3"),
        ("duration_unit = 'h'\n[columns]\ntitle = 'a'\nartists = 'b'", "duration_unit: must be one of ms, s, min"),
        ("[columns", "is no TOML"),
    ],
)
def test_a_mapping_file_that_is_wrong_says_which_key(text: str, told: str, tmp_path: Path) -> None:
    """Before anything is sent."""
    path = tmp_path / "my.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as wrong:
        read_mapping(path)
    assert told in str(wrong.value)


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1)))
def test_a_list_that_python_wrote_is_read_as_it_was(items: list[str]) -> None:
    """Quotes, backslashes, commas and brackets in the items included."""
    assert items == listed(str(items))


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1)))
def test_a_list_that_json_wrote_is_read_as_it_was(items: list[str]) -> None:
    """With letters beyond ASCII as they are."""
    assert items == listed(json.dumps(items, ensure_ascii=False))


@given(st.text(alphabet="[]'\",\\ab \n", max_size=40))
def test_no_cell_breaks_the_reader_of_lists(text: str) -> None:
    """It is a list of text, or a ValueError says why it is none."""
    try:
        found = listed(text)
    except ValueError as error:
        found = [str(error)]
    assert all(found) or "[" in text


def test_dates_and_lengths_are_read_as_they_are_written() -> None:
    """Moments lose their hours, years their decimals; clocks count minutes."""
    assert ["1972", "1972", "1972-05-01", "", ""] == [
        date_of("date", text) for text in ("1972", "1972.0", "1972-05-01 00:00:00 UTC", "0000", "nan")
    ]
    assert [205_000, 3_605_000, 205_500] == [
        milliseconds_of("length", text, unit=1000.0) for text in ("3:25", "1:00:05", "205.5")
    ]
