"""Files as the world writes them: encodings, headers, wrong dates, one name in two spellings, names with commas."""

import codecs
import gzip
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.domain.errors import InvalidInput
from importers.credits import artists_of, names_in
from importers.dataset import Dataset, detect, load, moved_to, shift_to
from importers.lastfm_1k import FILE
from importers.rows import ReadOptions
from importers.text import open_lines, unreadable

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPTIONS = ReadOptions(now=NOW)

SONGS = (
    "track_id,track_name,track_artist,track_album_name,track_album_release_date,playlist_genre,playlist_subgenre,"
    "danceability,energy,loudness,speechiness,acousticness,instrumentalness,liveness,valence,tempo,duration_ms\n"
    "0000000000000000000001,Uno,Mø,Album,2019-12-13,pop,dance pop,0.7,0.8,-4.9,0.03,0.07,0,0.3,0.6,99.9,162600\n"
    "0000000000000000000002,Dos,Mé,Album,2019-12-13,pop,dance pop,0.7,0.8,-4.9,0.03,0.07,0,0.3,0.6,99.9,162600\n"
)
HITS = (
    "track_name,artist(s)_name,artist_count,released_year,released_month,released_day,streams,in_deezer_playlists,"
    "in_shazam_charts,bpm,danceability_%,valence_%,energy_%,acousticness_%,instrumentalness_%,liveness_%,speechiness_%\n"
)
PLAY = "user_1\t{}\t\tPaper Kite Army\t\t{}\n"

Read = Callable[[str | bytes], Dataset]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a file with this content."""

    def whole(content: str | bytes) -> Dataset:
        path = tmp_path / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load(path, OPTIONS)

    return whole


def plays(*times: str) -> str:
    """A Last.fm file with a play of another track at each of these times."""
    return "".join(PLAY.format(time, f"T{nth}") for nth, time in enumerate(times))


def hits(*cells: tuple[str, int]) -> str:
    """A spotify-2023 table with a song for each of these cells of artists and their counts."""
    return HITS + "".join(
        f'Song {nth},"{names}",{count},2021,6,16,1000,5,2,100,50,50,50,50,50,50,50\n'
        for nth, (names, count) in enumerate(cells)
    )


def names_of(data: Dataset) -> list[str]:
    """Its artists' names."""
    return [artist.name for artist in data.artists]


@pytest.mark.parametrize(
    "content",
    [
        SONGS.encode(),
        codecs.BOM_UTF8 + SONGS.encode(),
        SONGS.encode("utf-16"),
        codecs.BOM_UTF16_BE + SONGS.encode("utf-16-be"),
        SONGS.encode("utf-16-le"),
        SONGS.encode("utf-16-be"),
        SONGS.encode("utf-32"),
        SONGS.encode("utf-32-le"),
        SONGS.encode("utf-32-be"),
        SONGS.replace("\n0", "\n\ufeff0").encode(),
        SONGS.encode("cp1252"),
        SONGS.replace("\n", "\r\n").encode("utf-16"),
    ],
    ids=[
        "utf-8",
        "mark",
        "utf-16",
        "utf-16-be",
        "le-bare",
        "be-bare",
        "utf-32",
        "32-le",
        "32-be",
        "marks",
        "cp1252",
        "crlf",
    ],
)
def test_an_encoding_is_recognised(read: Read, content: bytes) -> None:
    """With a mark or without: the same two artists, nothing bad."""
    data = read(content)
    assert ["Mø", "Mé"] == names_of(data)
    assert () == data.bad_rows


def test_a_packed_file_is_decoded_too(tmp_path: Path) -> None:
    """Its encoding is looked for behind the packing."""
    path = tmp_path / "spotify_songs.csv.gz"
    path.write_bytes(gzip.compress(SONGS.encode("cp1252")))
    assert ["Mø", "Mé"] == names_of(load(path, OPTIONS))


def test_a_line_that_is_not_utf8_is_refused_where_the_others_are(read: Read) -> None:
    """In a UTF-8 file a stray byte names its line, its field and itself, and costs no other row."""
    data = read(SONGS.encode().replace("Mé".encode(), b"M\xe9") + SONGS.splitlines()[1].replace("Uno", "Más").encode())
    assert ["Mø"] == names_of(data)
    assert [(3, "track_artist")] == [(bad.line, bad.field) for bad in data.bad_rows]
    assert "byte 0xE9 after 'M' is neither UTF-8 nor Windows-1252" in data.bad_rows[0].reason


def test_a_letter_that_was_lost_before_is_refused(read: Read) -> None:
    """Two names that lost different letters look like one."""
    data = read(SONGS.replace("Mø", "M\ufffd").replace("Mé", "M\ufffd"))
    assert [(2, "track_artist"), (3, "track_artist")] == [(bad.line, bad.field) for bad in data.bad_rows]
    assert "a letter after 'M' was lost before and stands as U+FFFD" in data.bad_rows[0].reason


def test_a_stray_byte_in_a_column_nobody_reads_costs_nothing(read: Read) -> None:
    """Only what is taken over must be readable."""
    lines = SONGS.splitlines()
    wider = "\n".join([lines[0] + ",note", lines[1] + ",?", lines[2] + ",ø"]).encode().replace(b"?", b"\xff")
    assert ["Mø", "Mé"] == names_of(read(wider))


@pytest.mark.parametrize("encoding", ["cp1251", "shift_jis", "gb18030", "koi8-r", "euc-kr"])
def test_another_encoding_is_refused_by_line(read: Read, encoding: str) -> None:
    """Letters of no western language are not taken for western ones."""
    word = {
        "cp1251": "Кино",
        "koi8-r": "Кино",
        "shift_jis": "坂本龍一の音楽",
        "gb18030": "崔健的音乐",
        "euc-kr": "방탄소년단",
    }
    play = "user_1\t2009-05-04T23:08:57Z\t\t{}\t\tOne\n"
    data = read((play.format("Abba") + play.format(word[encoding])).encode(encoding))
    assert ["Abba"] == names_of(data)
    assert [(2, "artist name")] == [(bad.line, bad.field) for bad in data.bad_rows]


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("shift_jis", "ドド 雪"),
        ("euc-jp", "雪 花"),
        ("big5", "周杰倫 雪"),
        ("cp1251", "Да Я"),
        ("cp1253", "Άννα Ω"),
        ("cp1255", "שלום לא"),
        ("cp874", "ไทย ก"),
        ("cp850", "Mø Mé"),
    ],
)
def test_short_names_of_another_encoding_are_no_western_ones(read: Read, encoding: str, names: str) -> None:
    """Two or three letters would pass for accented ones; that no letter of ASCII is among them tells."""
    first, second = names.split()
    data = read(SONGS.replace("Mø", first).replace("Mé", second).encode(encoding))
    assert ["track_artist"] * 2 == [bad.field for bad in data.bad_rows]
    assert [] == names_of(data)


@pytest.mark.parametrize("names", ["Façade Ñu", "Où Élan", "¿Qué? ¡Olé!", "«Zoë» “Mø”", "Þórð Sæþór", "Ärzte Öde"])
def test_western_names_are_read(read: Read, names: str) -> None:
    """Also with the marks that stand around words."""
    first, second = names.split()
    assert [first, second] == names_of(read(SONGS.replace("Mø", first).replace("Mé", second).encode("cp1252")))


@pytest.mark.parametrize("name", ["spotify_songs.csv", "spotify-2023.csv", FILE, "spotify_songs.csv.gz"])
def test_a_line_without_an_end_is_refused_before_it_is_in_memory(tmp_path: Path, name: str) -> None:
    """Whatever the format, and also where it is packed, or UTF-16."""
    path = tmp_path / name
    for content in (b"x" * 3_000_000, ("x" * 3_000_000).encode("utf-16"), b"a\n" + b"\xff" * 3_000_000):
        path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
        with pytest.raises(InvalidInput, match="a line has more than 1,048,576 bytes"):
            for _ in open_all(path):
                pass


def open_all(path: Path) -> list[str]:
    """Every line of the file."""
    with open_lines(path) as lines:
        return list(lines)


def test_half_a_character_at_the_end_is_refused(read: Read) -> None:
    """A UTF-16 file cut in the middle of its last letter loses its last row only."""
    data = read((plays("2009-05-04T23:08:57Z", "2009-05-04T23:00:57Z").rstrip("\n")).encode("utf-16")[:-1])
    assert ["T0"] == [track.title for track in data.tracks]
    assert [(2, "track name")] == [(bad.line, bad.field) for bad in data.bad_rows]


def test_half_a_character_in_a_damaged_table_is_a_lost_letter(read: Read) -> None:
    """The table whose letters are lost anyway: the row stays, and says so."""
    data = read(
        (hits(("Oak", 1)) + hits(("Ivy", 1)).split("\n")[1].replace("Song 0", "Song \ud83d")).encode(
            "utf-16", errors="surrogatepass"
        )
    )
    assert ["Song 0", "Song \ufffd"] == [track.title for track in data.tracks]


TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
CHARACTERS = st.characters(exclude_characters=f"\n\ufeff{TURNS}", exclude_categories=("Cs",))


@example(["\x00"])
@given(st.lists(st.text(CHARACTERS, min_size=1), max_size=6))
def test_utf8_lines_are_never_changed_but_for_their_form(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """Each comes out as it went in, composed."""
    path = tmp_path_factory.mktemp("text") / "file"
    path.write_bytes(codecs.BOM_UTF8 + "\n".join(lines).encode())
    with open_lines(path) as found:
        assert [unicodedata.normalize("NFC", line) for line in lines] == [line.rstrip("\n") for line in found]


def test_any_bytes_give_lines_and_nothing_becomes_a_replacement_character(tmp_path: Path) -> None:
    """What cannot be read stays visible as such."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 3 + "é\n".encode() * 9)
    with open_lines(path) as lines:
        text = "".join(lines)
    assert "\ufffd" not in text
    assert unreadable(text)


def test_unseen_turns_of_the_reading_direction_stay_out(read: Read) -> None:
    """As two titles of the songs of Spotify hold them: the server would refuse the tracks."""
    data = read(SONGS.replace("Uno", "One Touch (with \u202aJess Glynne)").replace("Dos", "Be Your Friend\u202c\u202c"))
    assert ["Be Your Friend", "One Touch (with Jess Glynne)"] == sorted(track.title for track in data.tracks)


UNSEEN = (
    lambda name: f"\u00a0{name}\u00a0",
    lambda name: f"\u200b{name}\ufeff",
    lambda name: "".join(chr(ord(sign) + 0xFEE0) if sign.isalpha() else sign for sign in name),
)
"""A header with unbreakable spaces, with what is not seen at all, in fullwidth letters."""


@pytest.mark.parametrize("change", [str.upper, str.title, lambda name: f"  {name} ", lambda name: f'"{name}"', *UNSEEN])
def test_headers_are_found_however_they_are_written(read: Read, change: Callable[[str], str]) -> None:
    """Case, spaces and quotes around a column's name say nothing."""
    for table in (SONGS, hits(("Sol Vega", 1))):
        header, rows = table.split("\n", 1)
        data = read(",".join(map(change, header.split(","))) + "\n" + rows)
        assert data.tracks
        assert () == data.bad_rows


def test_headers_of_hetrec_are_found_too(tmp_path: Path) -> None:
    """All its files are tables of the same reader."""
    (tmp_path / "artists.dat").write_text("ID\t Name \turl\n1\tBjörk\tu\n")
    (tmp_path / "user_artists.dat").write_text("\ufeffUSERID\tArtistId\tweight \n7\t1\t5\n")
    data = load(tmp_path, OPTIONS)
    assert (["Björk"], 1, ()) == (names_of(data), len(data.plays), data.bad_rows)


def test_a_column_that_stands_twice_is_refused(read: Read) -> None:
    """Nobody knows which of them is meant."""
    header, rows = SONGS.split("\n", 1)
    doubled = header + ", Track_Name\n" + "".join(f"{row},other\n" for row in rows.splitlines())
    with pytest.raises(InvalidInput, match="has this column twice"):
        read(doubled)


def test_a_file_of_another_kind_is_told_whatever_its_first_line(tmp_path: Path) -> None:
    """Line ends of an old Macintosh, or no text at all, are no traceback."""
    for nth, content in enumerate((b"a,b\rc,d\r", b"\x00\x01\xff" * 999, b'"' * 9000)):
        path = tmp_path / str(nth)
        path.write_bytes(content)
        with pytest.raises(InvalidInput, match="is in no format"):
            detect(path)


def test_one_name_in_two_spellings_is_one_artist(read: Read) -> None:
    """Composed or not, it looks the same and is the same; both plays are there."""
    row = "user_1\t2009-05-04T23:0{}:57Z\t\t{}\t\t{}\n"
    composed = row.format(8, "Se\u00f1or \u00d1and\u00fa", "R\u00edo")
    apart = row.format(4, "Sen\u0303or N\u0303andu\u0301", "Ri\u0301o")
    data = read(composed + apart)
    assert (["Se\u00f1or \u00d1and\u00fa"], 1, 2) == (names_of(data), len(data.tracks), len(data.plays))
    data = read(hits(("Se\u00f1or \u00d1and\u00fa", 1), ("Sen\u0303or N\u0303andu\u0301", 1)))
    assert ["Se\u00f1or \u00d1and\u00fa"] == names_of(data)


@pytest.mark.parametrize(
    "time",
    [
        "0001-01-01T00:00:00+01:00",
        "0001-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "1999-12-31T23:59:59Z",
        "2026-03-02T12:00:01Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
        "2009-02-30T00:00:00Z",
    ],
)
def test_a_play_of_an_impossible_time_is_named_and_costs_no_other(read: Read, time: str) -> None:
    """Out of the calendar, before the year 2000 or in the future: one bad row, and two plays."""
    data = read(plays("2009-05-04T23:08:57Z", time, "2009-05-04T23:00:57Z"))
    assert [(2, "timestamp")] == [(bad.line, bad.field) for bad in data.bad_rows]
    assert ["T2", "T0"] == [_title(data, play.track_id) for play in data.plays]


def _title(data: Dataset, track_id: str) -> str:
    return next(track.title for track in data.tracks if track.track_id == track_id)


@pytest.mark.parametrize(
    ("wrong", "good"),
    [
        (["2013-09-29T18:32:04Z"], 2),
        (["2013-09-29T18:32:04Z", "2019-01-01T00:00:00Z", "2025-12-31T00:00:00Z"], 40),
        (["2013-09-29T18:32:04Z", "2013-09-29T18:32:05Z"], 40),
    ],
)
def test_a_few_wrong_dates_do_not_decide_what_is_now(read: Read, wrong: list[str], good: int) -> None:
    """The good plays end now, the others are named by their lines."""
    told = [f"2009-05-04T23:{minute:02}:57Z" for minute in range(good)]
    data = moved_to(read(plays(*wrong, *told)), NOW, file="file")
    assert (good, NOW) == (len(data.plays), data.plays[-1].played_at)
    assert list(range(1, len(wrong) + 1)) == sorted(bad.line for bad in data.bad_rows)
    assert {"played_at"} == {bad.field for bad in data.bad_rows}
    assert "2013-09-29 lies 1608 days after the rest" in [bad.reason for bad in data.bad_rows]
    assert len(data.plays) == len(data.play_lines)


def test_a_listener_who_comes_back_after_years_decides(read: Read) -> None:
    """Many plays bear one another out, however long the silence before them."""
    early = [f"2009-05-04T23:{minute:02}:57Z" for minute in range(30)]
    late = [f"2013-05-04T23:{minute:02}:57Z" for minute in range(20)]
    shifted = shift_to(read(plays(*early, *late)).plays, NOW)
    assert (50, NOW) == (len(shifted), shifted[-1].played_at)


@pytest.mark.parametrize("years", [1, 2, 5])
def test_plays_that_are_all_far_apart_are_all_believed(read: Read, years: int) -> None:
    """Where nothing tells which date is wrong, the last one is the last."""
    shifted = shift_to(read(plays(*(f"{2009 + nth}-05-04T23:00:57Z" for nth in range(years)))).plays, NOW)
    assert (years, NOW) == (len(shifted), shifted[-1].played_at)


@pytest.mark.parametrize("date", ["9999-99-99", "2019-02-30", "0000", "2019-13", "2019-00-01"])
def test_a_release_that_no_calendar_has_is_named(read: Read, date: str) -> None:
    """The other song is there."""
    data = read(SONGS.replace("2019-12-13", date, 1))
    assert [(2, "track_album_release_date")] == [(bad.line, bad.field) for bad in data.bad_rows]
    assert ["Dos"] == [track.title for track in data.tracks]


def test_time_heard_ends_where_the_next_play_begins(read: Read) -> None:
    """Two plays of one second: thirty seconds, nothing, and up to four minutes."""
    data = read(plays("2009-05-04T23:08:57Z", "2009-05-04T23:08:57Z", "2009-05-04T23:08:27Z"))
    assert [30_000, 0, 240_000] == [play.milliseconds_played for play in data.plays]


@given(st.permutations(range(6)))
def test_time_heard_is_the_same_in_whatever_order_the_file_is(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    """Oldest first, newest first, or mixed; another listener's plays end none."""
    lines = plays(*(f"2009-05-04T23:0{minute}:57Z" for minute in range(5))).splitlines(keepends=True)
    lines.append(lines[2].replace("user_1", "user_2"))
    path = tmp_path_factory.mktemp("order") / "file"
    path.write_text("".join(lines[nth] for nth in order))
    found = {(play.listener_id, play.played_at.minute): play for play in load(path, OPTIONS).plays}
    assert [60_000] * 4 + [240_000] == [found["user_1", minute].milliseconds_played for minute in range(5)]
    assert 240_000 == found["user_2", 2].milliseconds_played


def test_a_play_listed_twice_is_heard_once_and_whole(read: Read) -> None:
    """Its repetition does not end it."""
    (line,) = plays("2009-05-04T23:08:57Z").splitlines(keepends=True)
    assert [240_000, 240_000] == [play.milliseconds_played for play in read(line + line).plays]


def test_a_name_with_a_comma_is_one_artist_when_the_table_says_so_elsewhere(read: Read) -> None:
    """One row names her alone; where the others count by commas they are not believed."""
    cell = "Ember, The Painter, Sol Vega"
    data = read(hits(("Ember, The Painter", 1), (cell, 2), (cell, 3)))
    assert ["Ember, The Painter", "Sol Vega"] == names_of(data)
    assert [1, 2, 2] == [len(track.artist_ids) for track in data.tracks]


@pytest.mark.parametrize(
    ("cells", "artists"),
    [
        ([("Sol Vega, Ember, The Painter", 3), ("ember, the painter", 1)], ["Sol Vega", "Ember, The Painter"]),
        ([("Earth, Wind & Fire", 1), ("Ivy, Earth, Wind & Fire", 3)], ["Ivy", "Earth, Wind & Fire"]),
        ([("Tyler, The Creator", 2), ("Ivy, Tyler, The Creator", 3)], ["Ivy", "Tyler, The Creator"]),
        ([("Ivy, Earth, Wind & Fire", 2), ("Ivy", 1)], ["Ivy", "Earth, Wind & Fire"]),
        (
            [("Ariana, The Weeknd", 2), ("The Weeknd", 1), ("Ariana, The Weeknd, Ivy", 3)],
            ["Ariana", "The Weeknd", "Ivy"],
        ),
        ([("John, The Choir", 2)], ["John", "The Choir"]),
        ([("Ivy,Oak", 2)], ["Ivy", "Oak"]),
        ([("Ivy, Oak, ", 2)], ["Ivy", "Oak"]),
    ],
)
def test_lists_are_taken_apart_by_what_the_whole_table_says(cells: list[tuple[str, int]], artists: list[str]) -> None:
    """The longest cell's artists: names that stand alone elsewhere, and epithets that never do."""
    text, count = max(cells, key=lambda cell: len(cell[0]))
    assert artists == artists_of(text, count, names_in(cells))


@pytest.mark.parametrize(
    "between", ["; ", " / ", "|", "\u3001", "\uff0c", " & ", " and ", " feat. ", " x ", " \u00d7 ", " with "]
)
def test_a_list_in_another_form_is_known_by_the_number_of_artists(read: Read, between: str) -> None:
    """One artist may have such a name; where the table counts two there are two."""
    both = f"Ember{between}Zed"
    assert ["Ember", "Zed"] == names_of(read(hits((both, 2))))
    assert [both] == names_of(read(hits((both, 1))))
    assert ["A", "Ember", "Zed"] == names_of(read(hits((f"A, {both}", 3))))
    assert [both, "A"] == names_of(read(hits((f"{both}, A", 2))))


@pytest.mark.parametrize(
    "spelt", ["Ember,The Painter", "EMBER ,  the painter", "\uff25mber, The Painter", "Ember\u00a0, The Painter"]
)
def test_a_known_name_is_known_in_other_spacing_case_and_width(read: Read, spelt: str) -> None:
    """As the table's other rows may write it."""
    assert [spelt, "Zed"] == [
        names_of(read(hits((spelt, 1), ("Ember, The Painter, Zed", 2))))[place] for place in (0, -1)
    ]


def test_a_play_is_the_same_however_its_time_is_written(read: Read) -> None:
    """A file that was saved by another program and sent again adds nothing."""
    spellings = ("2009-05-04T23:08:57Z", "2009-05-04 23:08:57Z", "2009-05-05T01:08:57+02:00", "20090504T230857Z")
    ids = {play.event_id for time in spellings for play in read(PLAY.format(time, "T")).plays}
    assert 1 == len(ids)


def test_a_list_that_nothing_explains_is_named(read: Read) -> None:
    """Three names for two artists, and no row that tells which two are one."""
    data = read(hits(("Ivy, Earth, Wind & Fire", 2), ("Oak", 1)))
    (bad,) = data.bad_rows
    assert (2, "artist(s)_name") == (bad.line, bad.field)
    assert "lists 3 names where there are 2 artists" in bad.reason
    assert ["Oak"] == names_of(data)


def test_counts_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    """Digits of other scripts and endless ones are no traceback."""
    (tmp_path / "artists.dat").write_text("id\tname\n1\tBjörk\n²\tSquare\n")
    (tmp_path / "user_artists.dat").write_text(f"userID\tartistID\tweight\n7\t1\t²\n7\t1\t{'9' * 5000}\n7\t1\t5\n")
    data = load(tmp_path, OPTIONS)
    assert ["id", "weight", "weight"] == [bad.field for bad in data.bad_rows]
    assert 1 == len(data.plays)


def test_a_day_ahead_is_left_to_the_server(read: Read) -> None:
    """Clocks differ; whether a play is too far ahead is the server's word."""
    data = read(plays((NOW + timedelta(hours=23)).isoformat()))
    assert (1, ()) == (len(data.plays), data.bad_rows)
