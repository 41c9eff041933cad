"""Audio features that stand in a file of their own, by track id, in 40 bytes and an id each."""

import math
from array import array
from collections.abc import Mapping
from typing import Final

from backend.domain.tracks import AudioFeatures
from importers.catalogue.cells import Repair, is_null, ranged
from importers.catalogue.mapping import SHARES, FileMapping
from importers.rows import BadField

_ORDER: Final = (*SHARES, "tempo", "loudness")
RANGES: Final = {"tempo": (0.0, 1000.0), "loudness": (-120.0, 20.0)}
"""The contract's; 0 stands for what is not known."""

RMS_OF_FULL_SCALE: Final = math.sqrt(0.375 * 2048 * 2048 / 2 / 1025)
"""What FMA's `rmse` says of a root mean square of 1.

It is taken over the 1,025 bins of a Hann-windowed spectrum of 2,048 samples (librosa 0.5, `rmse(S=…)`), whose energy is
by Parseval's theorem 3/8 · 2048² / 2 times the signal's.
"""


class FeatureTable:
    """What files of audio features say, by the id a track gets."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._values = array("f")
        self._loudness: dict[str, float] = {}

    def put(self, track_id: str, features: AudioFeatures) -> None:
        """The features of a track; the last word counts."""
        place = self._places.setdefault(track_id, len(self._values))
        self._values[place : place + len(_ORDER)] = array("f", [getattr(features, name) for name in _ORDER])

    def put_rms(self, track_id: str, rms: float) -> None:
        """FMA's mean root mean square of a track, which tells its loudness where no other file does."""
        if rms > 0:
            self._loudness[track_id] = max(-120.0, 20 * math.log10(rms / RMS_OF_FULL_SCALE))

    def get(self, track_id: str) -> AudioFeatures | None:
        """What is known of a track; loudness is marked as estimated where it is made of a mean root mean square."""
        place = self._places.get(track_id)
        if place is None:
            return None
        found = dict(zip(_ORDER, self._values[place : place + len(_ORDER)], strict=True))
        if found["loudness"] or track_id not in self._loudness:
            return AudioFeatures(estimated=(), **found)
        return AudioFeatures(estimated=("loudness",), **found | {"loudness": self._loudness[track_id]})

    def __len__(self) -> int:
        return len(self._places)


def features_of(cells: Mapping[str, str], mapping: FileMapping, repairs: list[Repair]) -> AudioFeatures | None:
    """The record's audio features; None where it has not all shares, for nothing could stand in their place.

    A cell that is no number, or beyond its range, is a repair: of a share it costs the record all its audio features,
    of tempo or loudness this one, which is then not known.
    """
    columns, most = mapping.features, mapping.most
    try:
        shares = [float(cells[columns[name]]) for name in SHARES]
        if most != 1:
            shares = [share / most for share in shares]
    except (KeyError, ValueError):
        shares = [-1.0]
    if not (min(shares) >= 0 and max(shares) <= 1):  # NaN compares with nothing
        _complain(cells, mapping, repairs)
        return None
    others = [_other(name, cells, columns, repairs) for name in ("tempo", "loudness")]
    danceability, energy, valence, acousticness, instrumentalness, liveness, speechiness = shares
    return AudioFeatures(
        danceability=danceability,
        energy=energy,
        valence=valence,
        acousticness=acousticness,
        instrumentalness=instrumentalness,
        liveness=liveness,
        speechiness=speechiness,
        tempo=others[0],
        loudness=others[1],
    )


def _other(name: str, cells: Mapping[str, str], columns: Mapping[str, str], repairs: list[Repair]) -> float:
    text = cells.get(columns.get(name, ""), "")
    low, high = RANGES[name]
    try:
        value = float(text)
        if low <= value <= high:
            return value
        return ranged(columns[name], text, low, high)
    except BadField as wrong:
        repairs.append(Repair(wrong.field, f"{wrong.reason}; {name} is left out"))
    except ValueError:
        if not is_null(text):
            repairs.append(Repair(columns[name], f"{text[:40]!r} is not a number; {name} is left out"))
    return 0.0


def _complain(cells: Mapping[str, str], mapping: FileMapping, repairs: list[Repair]) -> None:
    """Say which shares are wrong; silent where the record or its file has none at all."""
    given = {column: text for name in SHARES if (text := cells.get(column := mapping.features.get(name, ""), ""))}
    if all(is_null(text) for text in given.values()):
        return
    for name in SHARES:
        column = mapping.features.get(name, name)
        try:
            ranged(column, given.get(column, ""), 0, mapping.most)
        except BadField as wrong:
            reason = wrong.reason if column in given else "is missing"
            repairs.append(Repair(column, f"{reason}; the track is kept without audio features"))
