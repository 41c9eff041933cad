"""What the files of simulated layouts share: tables as CSV, ids and audio features as Spotify writes them."""

import csv
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from backend.domain.tracks import AudioFeatures

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SHARES: Final = (*("danceability", "energy", "valence", "acousticness", "instrumentalness", "liveness", "speechiness"),)
_SOUND: Final = (
    *("danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness", "instrumentalness"),
    *("liveness", "valence", "tempo"),
)
_KEY, _MODE, BEATS = 5, 1, 4


def spotify_id(simulated: str) -> str:
    """22 characters, as Spotify's ids."""
    number = int.from_bytes(sha256(simulated.encode()).digest(), "big")
    signs = []
    for _ in range(22):
        number, sign = divmod(number, len(_BASE62))
        signs.append(_BASE62[sign])
    return "".join(signs)


def sound_of(features: AudioFeatures | None) -> dict[str, object]:
    """The columns of a track's sound, in their usual order; empty ones where it is not known."""
    if features is None:
        return dict.fromkeys(_SOUND, "")
    found: dict[str, object] = {name: getattr(features, name) for name in (*SHARES, "tempo", "loudness")}
    return {name: (found | {"key": _KEY, "mode": _MODE})[name] for name in _SOUND}


def write_csv(path: Path, rows: Iterable[Mapping[str, object]], *, separator: str = ",") -> None:
    """Rows of the same columns below a header."""
    rest = iter(rows)
    first = next(rest)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, first.keys(), delimiter=separator, lineterminator="\n")
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rest)
