"""The simulated catalogue in the layouts of public tables of Spotify's catalogue; each function writes its files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from backend.domain.tracks import Artist, Track
from training.simulate.layout_cells import BEATS, SHARES, sound_of, spotify_id, write_csv

_MONTHS: Final = 7
"""Characters of YYYY-MM."""


def kaggle_tracks(folder: Path, tracks: Sequence[Track], artists: Mapping[str, Artist]) -> None:
    """600k tracks and their artists; every fourth date is a year, every fourth a month, as for old recordings."""
    write_csv(
        folder / "tracks.csv",
        (
            {
                "id": spotify_id(track.track_id),
                "name": track.title,
                "popularity": nth % 101,
                "duration_ms": track.duration_milliseconds,
                "explicit": 0,
                "artists": str([artists[one].name for one in track.artist_ids]),
                "id_artists": str([spotify_id(one) for one in track.artist_ids]),
                "release_date": track.released_on[: (4, _MONTHS, 10, 10)[nth % 4]],
                **sound_of(track.audio_features),
                "time_signature": BEATS,
            }
            for nth, track in enumerate(tracks)
        ),
    )
    write_csv(
        folder / "artists.csv",
        (
            {
                "id": spotify_id(artist.artist_id),
                "followers": f"{1000.0 * nth}",
                "genres": str(list(artist.tags)),
                "name": artist.name,
                "popularity": nth % 101,
            }
            for nth, artist in enumerate(artists.values())
        ),
    )


def genre_tracks(folder: Path, tracks: Sequence[Track], artists: Mapping[str, Artist]) -> None:
    """Spotify Tracks, 114k rows: one for each of a track's tags."""
    rows = [
        (tag, track)
        for tag in sorted({tag for one in tracks for tag in one.tags})
        for track in tracks
        if tag in track.tags
    ]
    write_csv(
        folder / "dataset.csv",
        (
            {
                "": nth,
                "track_id": spotify_id(track.track_id),
                "artists": ";".join(artists[one].name for one in track.artist_ids),
                "album_name": track.album,
                "track_name": track.title,
                "popularity": nth % 101,
                "duration_ms": track.duration_milliseconds,
                "explicit": False,
                **sound_of(track.audio_features),
                "time_signature": BEATS,
                "track_genre": tag,
            }
            for nth, (tag, track) in enumerate(rows)
        ),
    )


def dataset_2023(folder: Path, tracks: Sequence[Track], artists: Mapping[str, Artist]) -> None:
    """Spotify Dataset 2023: albums, artists, audio features and popularity in files of their own."""
    names = [[artists[one].name for one in track.artist_ids] for track in tracks]
    write_csv(
        folder / "spotify-albums_data_2023.csv",
        (
            {
                "track_name": track.title,
                "track_id": spotify_id(track.track_id),
                "track_number": 1,
                "duration_ms": track.duration_milliseconds,
                "album_type": "album",
                "artists": str(called),
                "total_tracks": 10,
                "album_name": track.album,
                "release_date": f"{track.released_on} 00:00:00 UTC",
                "label": "Simulated",
                "album_popularity": 50,
                "album_id": spotify_id(track.album),
                "artist_id": spotify_id(track.artist_ids[0]),
                **{f"artist_{nth}": called[nth] if nth < len(called) else "" for nth in range(12)},
                "duration_sec": track.duration_milliseconds / 1000,
            }
            for track, called in zip(tracks, names, strict=True)
        ),
    )
    write_csv(
        folder / "spotify_artist_data_2023.csv",
        (
            {
                "id": spotify_id(artist.artist_id),
                "name": artist.name,
                "artist_popularity": 50,
                "artist_genres": str(list(artist.tags)),
                "followers": 1000,
                **{f"genre_{nth}": artist.tags[nth] if nth < len(artist.tags) else "" for nth in range(7)},
            }
            for artist in artists.values()
        ),
    )
    write_csv(
        folder / "spotify_features_data_2023.csv",
        (
            {
                **sound_of(track.audio_features),
                "type": "audio_features",
                "id": (key := spotify_id(track.track_id)),
                "uri": f"spotify:track:{key}",
                "track_href": f"https://api.spotify.com/v1/tracks/{key}",
                "analysis_url": f"https://api.spotify.com/v1/audio-analysis/{key}",
                "duration_ms": track.duration_milliseconds,
                "time_signature": BEATS,
            }
            for track in tracks
        ),
    )
    popularity = ({"id": spotify_id(track.track_id), "track_popularity": 50, "explicit": False} for track in tracks)
    write_csv(folder / "spotify_tracks_data_2023.csv", popularity)


def playlist_songs(folder: Path, tracks: Sequence[Track], artists: Mapping[str, Artist]) -> None:
    """30,000 Spotify songs: each stands in one playlist here."""
    write_csv(
        folder / "spotify_songs.csv",
        (
            {
                "track_id": spotify_id(track.track_id),
                "track_name": track.title,
                "track_artist": artists[track.artist_ids[0]].name,
                "track_popularity": 50,
                "track_album_id": spotify_id(track.album),
                "track_album_name": track.album,
                "track_album_release_date": track.released_on,
                "playlist_name": f"Best of {track.tags[1]}",
                "playlist_id": spotify_id(track.tags[1]),
                "playlist_genre": track.tags[1],
                "playlist_subgenre": track.tags[0],
                **sound_of(track.audio_features),
                "duration_ms": track.duration_milliseconds,
            }
            for track in tracks
        ),
    )


def streamed_songs(folder: Path, tracks: Sequence[Track], artists: Mapping[str, Artist]) -> None:
    """Most streamed Spotify songs 2023."""
    rows = []
    for track in tracks:
        year, month, day = map(int, track.released_on.split("-"))
        sound = sound_of(track.audio_features)
        rows.append(
            {
                "track_name": track.title,
                "artist(s)_name": ", ".join(artists[one].name for one in track.artist_ids),
                "artist_count": len(track.artist_ids),
                "released_year": year,
                "released_month": month,
                "released_day": day,
                "streams": 1_000_000,
                "in_deezer_playlists": "1,234",
                "in_shazam_charts": 5,
                "bpm": round(float(str(sound["tempo"]))),
                **{f"{name}_%": round(100 * float(str(sound[name]))) for name in SHARES},
            }
        )
    write_csv(folder / "spotify-2023.csv", rows)
