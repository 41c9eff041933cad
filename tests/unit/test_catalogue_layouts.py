"""Every layout of a catalogue, as the simulator writes it: known by its columns, and read to the last field."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from segue.v1 import play_pb2

from backend.domain.errors import InvalidInput
from backend.domain.tracks import Track
from importers.catalogue.guess import guess
from importers.catalogue.mapping import FileMapping
from importers.catalogue.mapping_file import read_mapping, written_out
from tests.catalogue_files import MAPPED, imported, simulated
from training.simulate.layouts import WRITERS

SPOTIFY = ("spotify-600k", "spotify-114k", "spotify-dataset-2023", "spotify-songs", "spotify-2023")
WITHOUT_LENGTH = ("spotify-2023",)
EMBER, SOL = "Ember, The Painter", "Sol Vega"


def mapping_of(layout: str) -> FileMapping | None:
    """What a person gives beside the files of a layout."""
    return MAPPED if layout == "own" else None


def only_csv(folder: Path) -> Path:
    """The folder without what is no CSV: the same songs twice."""
    for other in folder.glob("songs.[tj]s*"):
        other.unlink()
    return folder


@pytest.mark.parametrize("layout", WRITERS)
def test_every_track_of_a_layout_arrives_with_its_artists(layout: str, tmp_path: Path) -> None:
    """Titles, artists' names and lengths are those of the catalogue that was written; nothing is repaired."""
    tracks = simulated(tmp_path / "data", layout)
    found = imported(only_csv(tmp_path / "data"), mapping_of(layout))
    assert sorted(track.title for track in tracks) == sorted(found.titles)
    assert 8 == len({name for names in found.names for name in names})
    assert ([], 0, 0) == (found.findings, found.report.total("repaired"), found.report.total("rejected"))
    lengths = sorted(track.duration_milliseconds // 1000 for track in tracks)
    told = sorted(track.duration_milliseconds // 1000 for track in found.tracks.values())
    assert ([0] * len(tracks) if layout in WITHOUT_LENGTH else lengths) == told


@pytest.mark.parametrize("layout", WRITERS)
def test_a_layout_brings_how_tracks_sound(layout: str, tmp_path: Path) -> None:
    """Audio features are those of the catalogue; FMA has them of every second track, percents are whole."""
    tracks = {track.title: track for track in simulated(tmp_path / "data", layout)}
    found = imported(only_csv(tmp_path / "data"), mapping_of(layout))
    sounding = [track for track in found.tracks.values() if track.HasField("audio_features")]
    assert (len(tracks) // 2 if layout == "fma" else len(tracks)) == len(sounding)
    for track in sounding:
        wanted = tracks[track.title].audio_features
        assert wanted is not None
        assert pytest.approx(wanted.energy, abs=0.006) == track.audio_features.energy
        assert pytest.approx(wanted.tempo, abs=0.51) == track.audio_features.tempo
        loudness = 0 if layout == "spotify-2023" else wanted.loudness
        assert pytest.approx(loudness, abs=0.02) == track.audio_features.loudness


@pytest.mark.parametrize("layout", WRITERS)
def test_models_learn_from_what_is_no_spotify_content_unless_told_otherwise(layout: str, tmp_path: Path) -> None:
    """Rows of Spotify are kept out of training, FMA's and one's own are in; --allow-training lets all in."""
    simulated(tmp_path / "data", layout, tracks=16)
    found = imported(only_csv(tmp_path / "data"), mapping_of(layout))
    rows = (*found.tracks.values(), *found.artists.values())
    assert {layout not in SPOTIFY} == {row.allow_training for row in rows}
    source = play_pb2.SOURCE_SPOTIFY if layout in SPOTIFY else play_pb2.SOURCE_FIRST_PARTY
    assert {source} == {row.source for row in rows}
    allowed = imported(tmp_path / "data", mapping_of(layout), allow_training=True)
    assert {True} == {track.allow_training for track in allowed.tracks.values()}


@pytest.mark.parametrize("layout", WRITERS)
def test_a_name_with_a_comma_is_one_artist_in_every_layout(layout: str, tmp_path: Path) -> None:
    """Case B05: whoever lists artists otherwise than between commas leaves a comma in a name alone."""
    simulated(tmp_path / "data", layout, tracks=12, names=(EMBER, SOL))
    found = imported(only_csv(tmp_path / "data"), mapping_of(layout))
    assert {EMBER, SOL} == {name for names in found.names for name in names}
    assert {EMBER, SOL} == {artist.name for artist in found.artists.values()}


@pytest.mark.parametrize("layout", WRITERS)
def test_files_in_windows_1252_keep_their_letters_in_every_layout(layout: str, tmp_path: Path) -> None:
    """Case B07: two artists, whose names differ in one letter beyond ASCII, stay two, spelt as they are."""
    simulated(tmp_path / "data", layout, tracks=12, names=("Mø", "Mé"))
    for file in only_csv(tmp_path / "data").iterdir():
        file.write_bytes(file.read_text().encode("cp1252"))
    found = imported(tmp_path / "data", mapping_of(layout))
    assert {"Mø", "Mé"} == {name for names in found.names for name in names}
    assert 2 == len({artist for track in found.tracks.values() for artist in track.artist_ids})


@pytest.mark.parametrize("layout", [name for name in WRITERS if name != "own"])
def test_a_layout_is_known_by_its_columns_whatever_the_files_are_called(layout: str, tmp_path: Path) -> None:
    """Files called 0.csv, 1.csv, … in another order bring the same tracks."""
    tracks = simulated(tmp_path / "data", layout, tracks=16)
    for nth, file in enumerate(sorted((tmp_path / "data").iterdir(), reverse=True)):
        file.rename(file.with_name(f"{nth}.csv"))
    assert sorted(track.title for track in tracks) == sorted(imported(tmp_path / "data").titles)


def test_a_track_that_stands_in_several_genres_is_one_with_several_tags(tmp_path: Path) -> None:
    """The 114k layout has a row per genre: the others are told as repeated, and no tag is lost."""
    tracks = {track.title: track for track in simulated(tmp_path / "data", "spotify-114k")}
    found = imported(tmp_path / "data")
    assert 40 == len(found.tracks) == found.file("dataset.csv").accepted
    assert sum(len(track.tags) for track in tracks.values()) - 40 == found.file("dataset.csv").repeated
    for track in found.tracks.values():
        assert set(tracks[track.title].tags) == set(track.tags)


def test_an_artists_file_gives_artists_their_genres(tmp_path: Path) -> None:
    """It is read before the tracks, which know artists by name alone and do not take the genres away again."""
    simulated(tmp_path / "data", "spotify-600k")
    found = imported(tmp_path / "data")
    assert all(artist.tags for artist in found.artists.values())
    assert 8 == len(found.artists) == found.file("artists.csv").artists
    dates = {len(track.released_on) for track in found.tracks.values()}
    assert {4, 7, 10} == dates


def test_audio_features_in_a_file_of_their_own_need_a_file_with_titles(tmp_path: Path) -> None:
    """Alone it names nothing that could be imported, and the error says what to give."""
    simulated(tmp_path / "data", "spotify-dataset-2023")
    with pytest.raises(InvalidInput, match="no file here names tracks or artists; give the folder"):
        imported(tmp_path / "data" / "spotify_features_data_2023.csv")


def test_fma_genres_are_named_by_its_genres_file(tmp_path: Path) -> None:
    """The top genre first, then those whose numbers the track lists, a record's cells over several lines."""
    tracks: dict[str, Track] = {track.title: track for track in simulated(tmp_path / "data", "fma")}
    for track in imported(tmp_path / "data").tracks.values():
        assert list(tracks[track.title].tags) == list(track.tags)


@pytest.mark.parametrize("name", ["songs.csv", "songs.tsv", "songs.jsonl", "songs.parquet"])
def test_a_guessed_mapping_reads_the_file_it_was_guessed_for(name: str, tmp_path: Path) -> None:
    """CSV, TSV, JSON lines and Parquet: written to a TOML file and read back, it brings every field."""
    tracks = {track.track_id: track for track in simulated(tmp_path / "data", "own")}
    path = tmp_path / "data" / name
    if name == "songs.parquet":
        songs = (tmp_path / "data" / "songs.jsonl").read_text().splitlines()
        pq.write_table(pa.Table.from_pylist([json.loads(song) for song in songs]), path)
    guessed = guess(path)
    (tmp_path / "songs.mapping.toml").write_text(written_out(guessed, about="songs"))
    found = imported(path, read_mapping(tmp_path / "songs.mapping.toml"))
    assert tracks.keys() == found.tracks.keys()
    for track in found.tracks.values():
        wanted = tracks[track.track_id]
        assert (wanted.album, wanted.tags) == (track.album, tuple(track.tags))
        assert wanted.released_on[:4] == track.released_on
        assert wanted.duration_milliseconds == track.duration_milliseconds
        assert wanted.audio_features is not None
        assert pytest.approx(wanted.audio_features.valence) == track.audio_features.valence
