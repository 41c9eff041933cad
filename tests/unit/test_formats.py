"""Readers of public formats on literal records: what they make of good ones, and of each kind of broken one."""

import csv
import gzip
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.errors import InvalidInput
from backend.domain.rights import Source
from importers import spotify_2023, spotify_songs
from importers.dataset import FORMATS, detect, load, shift_to
from importers.rows import BadRow, ReadOptions, csv_table

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPTIONS = ReadOptions(now=NOW)
MBID = "f1b1cf71-bd35-4e99-8624-24a6e15f133a"

LASTFM = (
    f'user_1\t2009-05-04T23:08:57Z\t{MBID}\tDeep Dish\t\tSay "Hello\n'
    f"user_1\t2009-05-04T23:07:57Z\t{MBID}\tDeep Dish\t\tFlashdance\n"
    f'user_2\t2009-05-04T13:54:10Z\t\t坂本龍一\t\tSay "Hello\n'
)
SONG = {
    "track_id": "6f807x0ima9a1j3VPbc7VN",
    "track_name": "Memories, Live",
    "track_artist": "Maroon 5",
    "track_album_name": "Memories",
    "track_album_release_date": "2019-12",
    "playlist_genre": "pop",
    "playlist_subgenre": "dance pop",
    "danceability": "0.7",
    "energy": "0.8",
    "loudness": "-4.9",
    "speechiness": "0.03",
    "acousticness": "0.07",
    "instrumentalness": "0",
    "liveness": "0.3",
    "valence": "0.6",
    "tempo": "99.9",
    "duration_ms": "162600",
}
HIT = {
    "track_name": "Seven",
    "artist(s)_name": "Latto, Jung Kook",
    "artist_count": "2",
    "released_year": "2023",
    "released_month": "7",
    "released_day": "14",
    "streams": "141381703",
    "in_deezer_playlists": "2,445",
    "in_shazam_charts": "",
    "bpm": "125",
    **{f"{share}_%": "50" for share in spotify_songs.SHARES},
}


def file(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def table(*rows: dict[str, str]) -> str:
    """Comma-separated text with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def test_lastfm_rows_become_artists_tracks_and_plays_in_time_order(tmp_path: Path) -> None:
    """Each artist and track once; MBIDs stay ids, absent ones are derived from the names; quotes mean nothing."""
    data = load(file(tmp_path, "some.tsv", LASTFM), OPTIONS)
    assert "lastfm-1k" == data.format
    assert ["Deep Dish", "坂本龍一"] == [artist.name for artist in data.artists]
    assert ['Say "Hello', "Flashdance", 'Say "Hello'] == [track.title for track in data.tracks]
    assert MBID == data.artists[0].artist_id
    assert len({track.track_id for track in data.tracks}) == 3
    assert (3, 2, 1) == data.play_lines
    assert all(play.played_at.tzinfo is UTC for play in data.plays)


def test_lastfm_plays_last_until_the_next_one_or_four_minutes(tmp_path: Path) -> None:
    """The file holds starts only; the listener's next play ends the one before."""
    data = load(file(tmp_path, "some.tsv", LASTFM), OPTIONS)
    assert [240_000, 60_000, 240_000] == [play.milliseconds_played for play in data.plays]


def test_lastfm_ids_are_the_same_in_every_run_and_for_a_play_listed_twice(tmp_path: Path) -> None:
    """So sending the file again, or a file with repeats, counts nothing twice."""
    once = load(file(tmp_path, "a.tsv", LASTFM), OPTIONS)
    twice = load(file(tmp_path, "b.tsv", LASTFM + LASTFM.splitlines(keepends=True)[0]), OPTIONS)
    assert {play.event_id for play in once.plays} == {play.event_id for play in twice.plays}


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("user_1\t2009-05-04T23:08:57Z\tonly three", "", "has 3 columns; 6 are expected"),
        ("user_1\tyesterday\t\tA\t\tB", "timestamp", "'yesterday' is not a time"),
        ("user_1\t2009-05-04T23:08:57\t\tA\t\tB", "timestamp", "is not a time"),
        ("\t2009-05-04T23:08:57Z\t\tA\t\tB", "userid", "'' is no id"),
        ("user_1\t2009-05-04T23:08:57Z\t\t\t\tB", "artist name", "is empty"),
        ("user_1\t2009-05-04T23:08:57Z\t\tA\t\t ", "track name", "is empty"),
        ("user_1\t2009-05-04T23:08:57Z\tnot-a-uuid\tA\t\tB", "artist mbid", "is no MBID"),
    ],
)
def test_lastfm_broken_line_is_named_and_costs_no_other(tmp_path: Path, line: str, field: str, reason: str) -> None:
    """The line's number, the field and the reason are told; the three good plays are there."""
    first, rest = LASTFM.split("\n", 1)
    data = load(file(tmp_path, "some.tsv", f"{first}\n{line}\n{rest}"), OPTIONS)
    (bad,) = data.bad_rows
    assert ("some.tsv", 2, field) == (bad.file, bad.line, bad.field)
    assert reason in bad.reason
    assert 3 == len(data.plays)


def test_limit_stops_after_so_many_plays(tmp_path: Path) -> None:
    """In the file's own order."""
    data = load(file(tmp_path, "some.tsv", LASTFM), OPTIONS, limit=1)
    assert (1,) == data.play_lines


def test_shift_moves_the_last_play_to_now_and_keeps_distances_and_ids(tmp_path: Path) -> None:
    """Old plays happen today, and are the same events in every run."""
    data = load(file(tmp_path, "some.tsv", LASTFM), OPTIONS)
    shifted = shift_to(data.plays, NOW)
    assert NOW == shifted[-1].played_at
    assert timedelta(minutes=1) == shifted[-1].played_at - shifted[-2].played_at
    assert [play.event_id for play in data.plays] == [play.event_id for play in shifted]
    assert () == shift_to((), NOW)


def hetrec_folder(folder: Path, *, plays: str = "7\t1\t13883\n7\t2\t9\n", tagged: str = "") -> Path:
    """A folder in the shape of HetRec 2011."""
    file(folder, "artists.dat", "id\tname\turl\tpictureURL\n1\tMALICE MIZER\tu\tp\n2\tBjörk\tu\tp\n")
    file(folder, "user_artists.dat", "userID\tartistID\tweight\n" + plays)
    file(folder, "tags.dat", "tagID\ttagValue\n1\tmétal\n2\tpop\n", "latin-1")
    rows = "7\t1\t2\t1\t4\t2009\n8\t1\t1\t1\t4\t2009\n9\t1\t1\t1\t4\t2009\n"
    file(folder, "user_taggedartists.dat", "userID\tartistID\ttagID\tday\tmonth\tyear\n" + rows + tagged)
    return folder


def test_hetrec_artists_carry_tags_and_one_track(tmp_path: Path) -> None:
    """Tags are Latin-1, those of most listeners first; the track stands for the artist's work."""
    data = load(hetrec_folder(tmp_path), OPTIONS)
    assert ["MALICE MIZER", "Björk"] == [artist.name for artist in data.artists]
    assert ("métal", "pop") == data.artists[0].tags
    assert [("hetrec-artist-1",), ("hetrec-artist-2",)] == [track.artist_ids for track in data.tracks]
    assert {Source.LASTFM} == {artist.source for artist in data.artists}


def test_hetrec_counts_become_capped_plays_before_now(tmp_path: Path) -> None:
    """13,883 plays become five, nine become one, all within the thirty days before now, in order."""
    data = load(hetrec_folder(tmp_path), OPTIONS)
    counts = [sum(play.artist_id == f"hetrec-artist-{artist}" for play in data.plays) for artist in (1, 2)]
    assert [5, 1] == counts
    assert all(NOW - timedelta(days=31) < play.played_at < NOW for play in data.plays)
    assert sorted(play.played_at for play in data.plays) == [play.played_at for play in data.plays]
    assert data.plays == load(tmp_path, OPTIONS).plays


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        ("7\t99\t5", "artistID", "artists.dat has no artist '99'"),
        ("7\t1\t0", "weight", "'0' is not a play count"),
        ("7\t1\tmany", "weight", "'many' is not a play count"),
        ("x\t1\t5", "userID", "'x' is not a number"),
        ("7\t1", "", "has 2 cells where the header has 3"),
    ],
)
def test_hetrec_broken_count_is_named_and_costs_no_other(tmp_path: Path, line: str, field: str, reason: str) -> None:
    """The file, line, field and reason are told; the other pair is there."""
    data = load(hetrec_folder(tmp_path, plays=f"{line}\n7\t2\t9\n"), OPTIONS)
    assert [BadRow("user_artists.dat", 2, field, reason)] == list(data.bad_rows)
    assert 1 == len(data.plays)


def test_hetrec_tag_of_an_unknown_artist_is_named(tmp_path: Path) -> None:
    """The real file has 1,538 of them."""
    data = load(hetrec_folder(tmp_path, tagged="7\t99\t1\t1\t4\t2009\n"), OPTIONS)
    assert [("user_taggedartists.dat", 5, "artistID")] == [(bad.file, bad.line, bad.field) for bad in data.bad_rows]


def test_songs_become_tracks_with_features_that_are_not_trained_on(tmp_path: Path) -> None:
    """Spotify rows stay out of training; the same track in two playlists is one with both genres as tags."""
    other = SONG | {"playlist_genre": "rock", "playlist_subgenre": "hard rock"}
    data = load(file(tmp_path, "songs.csv", table(SONG, other)), OPTIONS)
    (track,) = data.tracks
    assert "spotify:track:6f807x0ima9a1j3VPbc7VN" == track.track_id
    assert ("Memories, Live", "2019-12", 162_600) == (track.title, track.released_on, track.duration_milliseconds)
    assert ("dance pop", "pop", "hard rock", "rock") == track.tags
    assert track.audio_features is not None
    assert -4.9 == track.audio_features.loudness
    assert {False} == {value.allow_training for value in (*data.tracks, *data.artists)}
    assert data.artists[0].artist_id == track.artist_ids[0]


def test_songs_may_be_trained_on_when_the_operator_says_so(tmp_path: Path) -> None:
    """The flag reaches every row."""
    path = file(tmp_path, "songs.csv", table(SONG))
    data = load(path, ReadOptions(now=NOW, allow_training=True))
    assert {True} == {value.allow_training for value in (*data.tracks, *data.artists)}


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"track_name": "NA", "track_artist": "NA"}, "track_name", "the row has no name"),
        ({"track_artist": ""}, "track_artist", "the row has no name"),
        ({"energy": "1.2"}, "energy", "1.2 is not in 0..1"),
        ({"energy": "nan"}, "energy", "nan is not in 0..1"),
        ({"tempo": "fast"}, "tempo", "'fast' is not a number"),
        ({"track_album_release_date": "14.06.2019"}, "track_album_release_date", "'14.06.2019' is not YYYY"),
        ({"track_id": "no id"}, "track_id", "'no id' is no id"),
    ],
)
def test_broken_song_is_named_and_costs_no_other(
    tmp_path: Path, changes: dict[str, str], field: str, reason: str
) -> None:
    """Line, field and reason are told; the songs around it are there."""
    rows = [SONG, SONG | changes, SONG | {"track_id": "other"}]
    data = load(file(tmp_path, "songs.csv", table(*rows)), OPTIONS)
    (bad,) = data.bad_rows
    assert (3, field) == (bad.line, bad.field)
    assert reason in bad.reason
    assert 2 == len(data.tracks)


def test_a_song_may_be_called_na(tmp_path: Path) -> None:
    """Only a row with neither name nor artist is a null."""
    data = load(file(tmp_path, "songs.csv", table(SONG | {"track_name": "NA"})), OPTIONS)
    assert ["NA"] == [track.title for track in data.tracks]


def test_missing_column_is_named_with_those_found(tmp_path: Path) -> None:
    """The error names each missing column, the file and the columns there are."""
    row = {name: value for name, value in SONG.items() if name not in ("tempo", "energy")}
    path = file(tmp_path, "songs.csv", table(row))
    with pytest.raises(InvalidInput) as caught:
        load(path, OPTIONS)
    assert {"tempo", "energy"} == {violation.field for violation in caught.value.violations}
    assert str(path) in str(caught.value)
    assert "found: track_id, track_name" in str(caught.value)


def test_empty_file_of_a_known_name_lacks_its_columns(tmp_path: Path) -> None:
    """There is no header to find them in."""
    with pytest.raises(InvalidInput, match="found: none"):
        load(file(tmp_path, "spotify_songs.csv", ""), OPTIONS)


def test_broken_gzip_is_told(tmp_path: Path) -> None:
    """Half a packed file is no reason for a traceback."""
    path = tmp_path / "spotify_songs.csv.gz"
    path.write_bytes(gzip.compress(table(*[SONG] * 1000).encode())[:-20])
    with pytest.raises(InvalidInput, match="no whole gzip file"):
        load(path, OPTIONS)


def test_hits_have_all_their_artists(tmp_path: Path) -> None:
    """Artists are taken apart; shares are percent; thousands separators are numbers; ids are stable."""
    data = load(file(tmp_path, "hits.csv", table(HIT), "latin-1"), OPTIONS)
    (track,) = data.tracks
    assert ["Latto", "Jung Kook"] == [artist.name for artist in data.artists]
    assert tuple(artist.artist_id for artist in data.artists) == track.artist_ids
    assert "2023-07-14" == track.released_on
    assert track.audio_features is not None
    assert 0.5 == track.audio_features.energy


def test_a_comma_does_not_split_a_single_artist(tmp_path: Path) -> None:
    """The table says how many artists there are."""
    row = HIT | {"artist(s)_name": "Tyler, The Creator", "artist_count": "1"}
    data = load(file(tmp_path, "hits.csv", table(row), "latin-1"), OPTIONS)
    assert ["Tyler, The Creator"] == [artist.name for artist in data.artists]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"streams": "BPM110KeyAModeMajor"}, "streams"),
        ({"released_month": "13"}, "released_day"),
        ({"track_name": "ï¿½ï¿½ï¿½ï¿½"}, "track_name"),
        ({"artist(s)_name": "Latto, ï¿½"}, "artist(s)_name"),
        ({"bpm": ""}, "bpm"),
    ],
)
def test_broken_hit_is_named_and_costs_no_other(tmp_path: Path, changes: dict[str, str], field: str) -> None:
    """The row whose cells slipped, and names of which nothing is left, are left out with their field."""
    rows = [HIT | changes, HIT]
    data = load(file(tmp_path, "hits.csv", table(*rows), "latin-1"), OPTIONS)
    assert [(2, field)] == [(bad.line, bad.field) for bad in data.bad_rows]
    assert 1 == len(data.tracks)


@pytest.mark.parametrize(
    ("damaged", "right"),
    [
        ("BeyoncÃ©", "Beyoncé"),
        ("Rï¿½ï¿½ma", "R\ufffdma"),
        ("Titi Me Preguntï¿", "Titi Me Pregunt\ufffd"),
        ("Novidade na ï¿½ï", "Novidade na \ufffd"),
        ("ýýýýýý", "\ufffd"),
        ("Motörhead", "Motörhead"),
        ("Anaïs", "Anaïs"),
        ("plain", "plain"),
    ],
)
def test_mojibake_is_repaired_where_it_can_be(damaged: str, right: str) -> None:
    """Letters that are lost become one mark; text that was right stays."""
    assert right == spotify_2023.repaired(damaged)


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).map(str.strip))
def test_any_utf8_read_as_latin1_is_repaired(text: str) -> None:
    """Whatever was written is read."""
    if "\ufffd" not in text and not set(text.encode().decode("latin-1")) & set("ý"):
        assert text == spotify_2023.repaired(text.encode().decode("latin-1"))


def records(text: str) -> list[tuple[int, list[str]] | BadRow]:
    """The records of comma-separated text with columns a, b and c."""
    rows = csv_table(Path("t.csv"), io.StringIO("a,b,c\n" + text, newline="\n"), ("a", "b", "c"))
    return [row if isinstance(row, BadRow) else (row[0], list(row[1].values())) for row in rows]


def test_unclosed_quote_costs_its_own_line_only() -> None:
    """Every line after it is read, also one with quotes of its own."""
    found = records('1,2,3\n4,"open,6\n7,"eight, too",9\n10,11,12\n')
    assert [(2, ["1", "2", "3"]), (4, ["7", "eight, too", "9"]), (5, ["10", "11", "12"])] == [
        row for row in found if not isinstance(row, BadRow)
    ]
    assert [3] == [row.line for row in found if isinstance(row, BadRow)]


def test_quoted_cell_may_span_lines() -> None:
    """The record has the number of its first line, and the next one its own."""
    assert [(2, ["1", "two\nlines", "3"]), (4, ["4", "5", "6"])] == records('1,"two\nlines",3\n4,5,6\n')


def test_short_and_long_records_are_named_and_empty_lines_are_nothing() -> None:
    """Both tell their number of cells."""
    found = records("1,2\n\n1,2,3,4\n5,6,7\n")
    assert [(2, "has 2 cells where the header has 3"), (4, "has 4 cells where the header has 3")] == [
        (row.line, row.reason) for row in found if isinstance(row, BadRow)
    ]
    assert (5, ["5", "6", "7"]) == found[-1]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=("Cs",))), min_size=3, max_size=3), max_size=5))
def test_whatever_the_csv_module_writes_is_read_back(rows: list[list[str]]) -> None:
    """Quotes, commas and a few line ends within cells come through."""
    rows = [[cell.replace("\0", "").replace("\n\n", "\n") for cell in row] for row in rows]
    rows = [row for row in rows if sum(cell.count("\n") for cell in row) < 9]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    assert rows == [row[1] for row in records(text.getvalue()) if not isinstance(row, BadRow)]


def test_format_is_found_by_content_whatever_the_name(tmp_path: Path) -> None:
    """Each kind of file, and the folder of HetRec, is told from its first line or its files."""
    (tmp_path / "h").mkdir()
    found = [
        detect(file(tmp_path, "1", LASTFM)).name,
        detect(hetrec_folder(tmp_path / "h")).name,
        detect(file(tmp_path, "2", table(SONG))).name,
        detect(file(tmp_path, "3", table(HIT))).name,
    ]
    assert [each.name for each in FORMATS] == found


def test_unknown_file_is_refused_with_the_formats_there_are(tmp_path: Path) -> None:
    """The message is a list to choose from."""
    with pytest.raises(InvalidInput) as caught:
        detect(file(tmp_path, "notes.txt", "hello\n"))
    assert all(each.name in str(caught.value) for each in FORMATS)


def test_absent_path_and_unknown_format_are_refused(tmp_path: Path) -> None:
    """Each error names what is wrong."""
    with pytest.raises(InvalidInput, match="does not exist"):
        detect(tmp_path / "nothing")
    with pytest.raises(InvalidInput, match="'vinyl' is not known; known are lastfm-1k"):
        load(file(tmp_path, "x", LASTFM), OPTIONS, format_name="vinyl")


def test_a_file_that_cannot_be_unpacked_is_told(tmp_path: Path) -> None:
    """Whatever its name promises."""
    (tmp_path / "x.gz").write_bytes(b"\x1f\x8b nothing")
    with pytest.raises(InvalidInput, match="no whole gzip file"):
        detect(tmp_path / "x.gz")
