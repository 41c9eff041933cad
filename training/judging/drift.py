"""How far what is played now has moved from what a version learned from.

The measure is the population stability index (PSI), Σ (now - then) · ln(now / then) over bins: below 0.1 nothing worth
a look, from 0.25 a shift. Bins are tenths of the training window's own distribution, so that PSI is 0 where nothing
moved. Four things are measured: each audio feature over plays, plays by tenth of the training's popularity ranking,
the share of plays of tracks that training did not know, and plays per listener and day.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.content.clusters import FEATURES, Float64
from training.data.dataset import PlayColumns
from training.data.exclusions import DAY_MILLISECONDS

PROFILE_FILE, DECILES_FILE = "profile.json", "track_deciles.npy"
TENTHS = 10
SHIFTED, MOVED = 0.25, 0.1
LEAST_PLAYS = 200
"""Fewer plays say nothing about a distribution in ten bins."""
LEAST_SHARE = 1e-4
"""An empty bin counts as this share: the logarithm of nothing has no size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Shares by bin; `edges` are the inner borders, a value on a border belongs to the bin above it."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A training window in numbers.

    `features`: each audio feature over the plays of tracks that have features; `popularity`: share of plays by tenth of
    the tracks, most played first; `activity`: plays per listener and day on which the listener played at all, over
    whole days.
    """

    plays: int
    features: Mapping[str, Distribution]
    popularity: tuple[float, ...]
    activity: Distribution

    def to_file(self) -> bytes:
        """As the version folder keeps it."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """PSI of everything that is measured, {} where there are fewer than LEAST_PLAYS plays to measure.

    `first_play` and `last_play` (ISO 8601 UTC, "" without plays) bound the plays compared with `version`'s window;
    `new_track_share` is the share of them whose tracks training did not know; `shifted` names what has a PSI of SHIFTED
    or more.
    """

    version: str
    plays: int
    first_play: str
    last_play: str
    psi: Mapping[str, float]
    new_track_share: float | None
    shifted: tuple[str, ...]


def profile(plays: PlayColumns, ids: list[str], table: Float64) -> tuple[Profile, NDArray[np.int8]]:
    """The profile of a training window, and the popularity tenth of each of `plays.track_ids` (0 the most played).

    `ids` and `table` are those of `training.content.clusters.feature_table`.
    """
    counts = np.bincount(plays.tracks, minlength=len(plays.track_ids))
    order = np.argsort(-counts, kind="stable")
    deciles = np.empty(len(counts), dtype=np.int8)
    deciles[order] = np.arange(len(counts)) * TENTHS // max(len(counts), 1)
    values = _features(plays, ids, table)
    made = Profile(
        plays=len(plays),
        features={name: _tenths(column) for name, column in zip(FEATURES, values.T, strict=True) if len(column)},
        popularity=tuple(_shares(deciles[plays.tracks], TENTHS).tolist()),
        activity=_tenths(_activity(plays)),
    )
    return made, deciles


def read_profile(content: bytes) -> Profile:
    """The inverse of `Profile.to_file`."""
    fields = json.loads(content)
    return Profile(
        plays=fields["plays"],
        features={name: _distribution(each) for name, each in fields["features"].items()},
        popularity=tuple(fields["popularity"]),
        activity=_distribution(fields["activity"]),
    )


def deciles_to_file(deciles: NDArray[np.int8]) -> bytes:
    """The tenths as a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, deciles, allow_pickle=False)
    return buffer.getvalue()


def read_deciles(content: bytes, track_ids: list[str]) -> dict[str, int]:
    """Track id → popularity tenth, of the tracks that the version learned from (-1 in the file: it did not)."""
    deciles = np.load(io.BytesIO(content), allow_pickle=False).tolist()
    return {track_id: decile for track_id, decile in zip(track_ids, deciles, strict=True) if decile >= 0}


def drift(
    plays: PlayColumns, ids: list[str], table: Float64, *, version: str, then: Profile, deciles: Mapping[str, int]
) -> Drift:
    """`plays` now against the window of `version`, whose profile and popularity tenths are given."""
    if len(plays) < LEAST_PLAYS:
        return _drift(plays, version, psi={}, new_track_share=None)
    values = _features(plays, ids, table)
    psi = {
        name: index(then.features[name].shares, _binned(column, then.features[name].edges))
        for name, column in zip(FEATURES, values.T, strict=True)
        if name in then.features and len(column)
    }
    places = np.array([deciles.get(track_id, -1) for track_id in plays.track_ids], dtype=np.int64)[plays.tracks]
    known = places[places >= 0]
    if len(known):
        psi["popularity"] = index(then.popularity, _shares(known, TENTHS))
    activity = _activity(plays)
    if len(activity) and then.activity.edges:
        psi["activity"] = index(then.activity.shares, _binned(activity, then.activity.edges))
    return _drift(plays, version, psi=psi, new_track_share=1.0 - len(known) / len(plays))


def index(then: tuple[float, ...], now: Float64) -> float:
    """The population stability index of two distributions over the same bins."""
    before, after = (np.maximum(np.asarray(shares), LEAST_SHARE) for shares in (then, now))
    return float(((after - before) * np.log(after / before)).sum())


def _drift(plays: PlayColumns, version: str, *, psi: Mapping[str, float], new_track_share: float | None) -> Drift:
    edges = (plays.played_at.min(), plays.played_at.max()) if len(plays) else ()
    first, last = (datetime.fromtimestamp(int(edge) / 1000, UTC).isoformat() for edge in edges) if edges else ("", "")
    return Drift(
        version=version,
        plays=len(plays),
        first_play=first,
        last_play=last,
        psi=psi,
        new_track_share=new_track_share,
        shifted=tuple(name for name, value in psi.items() if value >= SHIFTED),
    )


def _features(plays: PlayColumns, ids: list[str], table: Float64) -> Float64:
    """One row of features per play of a track that has them."""
    place = {track_id: number for number, track_id in enumerate(ids)}
    rows = np.array([place.get(track_id, -1) for track_id in plays.track_ids], dtype=np.int64)[plays.tracks]
    return np.asarray(table[rows[rows >= 0]])


def _activity(plays: PlayColumns) -> Float64:
    """Plays of each listener on each day that lies whole between the first and the last play."""
    day = plays.played_at // DAY_MILLISECONDS
    whole = (day > day.min()) & (day < day.max()) if len(day) else np.zeros(0, dtype=bool)
    pairs = plays.listeners[whole].astype(np.int64) * 1_000_000 + day[whole]
    return np.asarray(np.unique(pairs, return_counts=True)[1], dtype=np.float64)


def _tenths(values: Float64) -> Distribution:
    """In bins of about a tenth each; equal values are never parted, so there may be fewer bins."""
    borders = np.quantile(values, np.arange(1, TENTHS) / TENTHS, method="nearest") if len(values) else np.array([])
    edges = tuple(np.unique(borders).tolist())
    return Distribution(edges=edges, shares=tuple(_binned(values, edges).tolist()))


def _binned(values: Float64, edges: tuple[float, ...]) -> Float64:
    return _shares(np.searchsorted(np.array(edges), values, side="right"), len(edges) + 1)


def _shares(places: NDArray[Any], bins: int) -> Float64:
    return np.asarray(np.bincount(places, minlength=bins) / max(len(places), 1))


def _distribution(fields: Mapping[str, list[float]]) -> Distribution:
    return Distribution(edges=tuple(fields["edges"]), shares=tuple(fields["shares"]))
