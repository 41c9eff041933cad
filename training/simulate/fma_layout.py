"""The simulated catalogue as the Free Music Archive's metadata: stacked headers, genres by number, statistics."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from backend.domain.tracks import Artist, AudioFeatures, Track

_ECHONEST: Final = (
    *("acousticness", "danceability", "energy", "instrumentalness", "liveness", "speechiness", "tempo", "valence"),
)
RMS_OF_FULL_SCALE: Final = 27.7
"""What the data set's `rmse` says of a signal of full scale."""


def write_fma(folder: Path, tracks: Sequence[Track], artists: Mapping[str, Artist]) -> None:
    """tracks.csv, genres.csv, features.csv of all tracks, and echonest.csv of every second one."""
    genres = {tag: nth for nth, tag in enumerate(sorted({tag for track in tracks for tag in track.tags}), start=1)}
    numbers = {artist_id: nth for nth, artist_id in enumerate(artists, start=1)}
    _write(
        folder / "genres.csv",
        [["genre_id", "#tracks", "parent", "title", "top_level"]],
        ([number, 10, 0, name, number] for name, number in genres.items()),
    )
    _write(folder / "tracks.csv", _TRACKS_HEADER, _track_rows(tracks, artists, genres, numbers))
    sounding = [(nth, track.audio_features) for nth, track in enumerate(tracks, start=1) if track.audio_features]
    _write(folder / "features.csv", _FEATURES_HEADER, (_statistics(nth, sound) for nth, sound in sounding))
    heard = ([nth, *(getattr(sound, name) for name in _ECHONEST)] for nth, sound in sounding[::2])
    width = len(_ECHONEST)
    header = [
        ["", *["echonest"] * width],
        ["", *["audio_features"] * width],
        ["", *_ECHONEST],
        ["track_id", *[""] * width],
    ]
    _write(folder / "echonest.csv", header, heard)


_TRACKS_HEADER: Final = [
    ["", "album", "album", "album", "artist", "artist", "set", "track", "track", "track", "track", "track"],
    [
        "",
        "date_released",
        "information",
        "title",
        "id",
        "name",
        "subset",
        "duration",
        "genre_top",
        "genres_all",
        "tags",
        "title",
    ],
    ["track_id", *[""] * 11],
]
_FEATURES_HEADER: Final = [
    ["feature", "rmse", "rmse", "zcr"],
    ["statistics", "mean", "std", "mean"],
    ["number", "01", "01", "01"],
    ["track_id", "", "", ""],
]


def _track_rows(
    tracks: Sequence[Track], artists: Mapping[str, Artist], genres: Mapping[str, int], numbers: Mapping[str, int]
) -> Iterable[list[object]]:
    for nth, track in enumerate(tracks, start=1):
        artist_id = track.artist_ids[0]
        yield [
            nth,
            f"{track.released_on} 00:00:00",
            "<p>An album,\nsimulated.</p>",
            track.album,
            numbers[artist_id],
            artists[artist_id].name,
            "small",
            track.duration_milliseconds // 1000,
            track.tags[0],
            str([genres[tag] for tag in track.tags[1:]]),
            "[]",
            track.title,
        ]


def _statistics(nth: int, sound: AudioFeatures) -> list[object]:
    rms = RMS_OF_FULL_SCALE * 10 ** (sound.loudness / 20)
    return [nth, f"{rms:.6f}", f"{rms / 4:.6f}", "0.08"]


def _write(path: Path, header: Sequence[Sequence[str]], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows(header)
        writer.writerows(rows)
