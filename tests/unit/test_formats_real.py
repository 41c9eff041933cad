"""Readers on the real files, against what is known of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.rpc.contract import violations_of
from importers.dataset import Dataset, load
from importers.messages import artist_message, play_message, track_message
from importers.rows import ID, ReadOptions

DATA = Path(__file__).parents[2] / "../shared/data"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Load = Callable[[str], Dataset]


@pytest.fixture(scope="module")
def real() -> Load:
    """Loads a folder of the shared data, once."""
    loaded: dict[str, Dataset] = {}

    def load_once(name: str) -> Dataset:
        if not (DATA / name).is_dir():
            pytest.skip(f"../shared/data/{name} is not here")
        if name not in loaded:
            loaded[name] = load(DATA / name, ReadOptions(now=NOW))
        return loaded[name]

    return load_once


@pytest.mark.parametrize(
    ("name", "artists", "tracks", "plays", "bad_rows"),
    [
        ("lastfm-1k-sample", 235, 1_192, 5_000, 0),
        ("lastfm-hetrec2011", 17_632, 17_632, 268_248, 1_538),
        ("spotify-songs-tidytuesday", 10_685, 28_352, 0, 5),
        ("spotify-2023", 694, 947, 0, 2),
    ],
)
def test_real_files_are_read_whole(real: Load, name: str, artists: int, tracks: int, plays: int, bad_rows: int) -> None:
    """As many values as the files are known to hold, and as many bad rows as they are known for."""
    data = real(name)
    assert (artists, tracks, plays, bad_rows) == (
        len(data.artists),
        len(data.tracks),
        len(data.plays),
        len(data.bad_rows),
    )


@pytest.mark.parametrize("name", ["lastfm-1k-sample", "lastfm-hetrec2011", "spotify-songs-tidytuesday", "spotify-2023"])
def test_real_values_keep_the_contract(real: Load, name: str) -> None:
    """Ids have the contract's form and do not repeat, tracks and plays name what is there, plays are in order."""
    data = real(name)
    artists = {artist.artist_id for artist in data.artists}
    tracks = {track.track_id for track in data.tracks}
    assert (len(artists), len(tracks)) == (len(data.artists), len(data.tracks))
    assert all(ID.fullmatch(each) for each in artists | tracks)
    assert all(set(track.artist_ids) <= artists and 0 < len(track.title) <= 512 for track in data.tracks)
    assert {play.track_id for play in data.plays} <= tracks
    assert len({play.event_id for play in data.plays}) == len(data.plays)
    assert sorted(play.played_at for play in data.plays) == [play.played_at for play in data.plays]


@pytest.mark.parametrize("name", ["lastfm-1k-sample", "lastfm-hetrec2011", "spotify-songs-tidytuesday", "spotify-2023"])
def test_real_values_pass_the_servers_rules(real: Load, name: str) -> None:
    """No artist or track breaks a rule of the contract; of plays, the first thousand are looked at."""
    data = real(name)
    messages = [
        *map(artist_message, data.artists),
        *map(track_message, data.tracks),
        *map(play_message, data.plays[:1000]),
    ]
    assert [] == [violation for message in messages for violation in violations_of(message, path="")]


def test_real_null_names_are_reported_by_line(real: Load) -> None:
    """The five rows that the source is known for."""
    assert [8153, 9284, 9285, 19570, 19813] == [bad.line for bad in real("spotify-songs-tidytuesday").bad_rows]


def test_real_spotify_rows_are_not_trained_on(real: Load) -> None:
    """Neither table gives a row to models."""
    for name in ("spotify-songs-tidytuesday", "spotify-2023"):
        data = real(name)
        assert {False} == {value.allow_training for value in (*data.artists, *data.tracks)}


def test_artists_of_both_spotify_tables_are_the_same_artists(real: Load) -> None:
    """Derived ids meet: most streamed artists are also in the larger table."""
    songs = {artist.artist_id for artist in real("spotify-songs-tidytuesday").artists}
    hits = {artist.artist_id for artist in real("spotify-2023").artists}
    assert len(songs & hits) > 200


def test_real_hits_invent_no_artist(real: Load) -> None:
    """The table counts "Tyler, The Creator" as two in six rows; nobody in it is called "The Creator" alone."""
    names = {artist.name for artist in real("spotify-2023").artists}
    assert "Tyler, The Creator" in names
    assert not names & {"Tyler", "The Creator"}


def test_real_plays_end_where_the_next_begins(real: Load) -> None:
    """166 pairs of the sample begin in one second: the first of each was not heard."""
    begins: dict[str, datetime] = {}
    plays = real("lastfm-1k-sample").plays
    for play in reversed(plays):
        until = begins.get(play.listener_id, datetime.max.replace(tzinfo=UTC))
        assert timedelta(milliseconds=play.milliseconds_played) <= until - play.played_at
        begins[play.listener_id] = play.played_at
    assert 166 == sum(play.milliseconds_played == 0 for play in plays)
