"""The simulated catalogue as files in the layouts of public data sets, so that importing them needs no download.

Columns, quoting, list and date forms are those of the data sets; whatever else they tell (popularity, keys, counts) is
made up plainly. Ids look like the data sets' own and are made of the simulated ids, so a seed gives the same files.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from backend.domain.tracks import Artist, Track
from training.simulate.catalogue import Catalogue
from training.simulate.fma_layout import write_fma
from training.simulate.layout_cells import sound_of, write_csv
from training.simulate.spotify_layouts import (
    dataset_2023,
    genre_tracks,
    kaggle_tracks,
    playlist_songs,
    streamed_songs,
)


def _own_rows(tracks: Sequence[Track], artists: Mapping[str, Artist]) -> list[dict[str, object]]:
    return [
        {
            "song_id": track.track_id,
            "song": track.title,
            "performers": [artists[one].name for one in track.artist_ids],
            "record": track.album,
            "year": int(track.released_on[:4]),
            "seconds": track.duration_milliseconds / 1000,
            "genres": list(track.tags),
            **sound_of(track.audio_features),
        }
        for track in tracks
    ]


def _own(folder: Path, tracks: Sequence[Track], artists: Mapping[str, Artist]) -> None:
    """The same songs as somebody might keep them: CSV, TSV and JSON lines, for which a mapping must be written."""
    rows = _own_rows(tracks, artists)
    joined = [row | {name: "|".join(row[name]) for name in ("performers", "genres")} for row in rows]  # type: ignore[arg-type]
    write_csv(folder / "songs.csv", joined)
    write_csv(folder / "songs.tsv", joined, separator="\t")
    (folder / "songs.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


Writer = Callable[[Path, Sequence[Track], Mapping[str, Artist]], None]

WRITERS: Final[Mapping[str, Writer]] = {
    "spotify-600k": kaggle_tracks,
    "spotify-114k": genre_tracks,
    "spotify-dataset-2023": dataset_2023,
    "spotify-songs": playlist_songs,
    "spotify-2023": streamed_songs,
    "fma": write_fma,
    "own": _own,
}
"""By the name of the layout; each writes its files, called as the data set calls them, into a folder."""


def write_layout(name: str, folder: Path, catalogue: Catalogue) -> None:
    """The catalogue in the files of this layout. Raises KeyError for a layout that is not in WRITERS."""
    WRITERS[name](folder, catalogue.tracks, {artist.artist_id: artist for artist in catalogue.artists})
