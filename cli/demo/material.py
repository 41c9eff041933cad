"""What the demo is told with: a catalogue, plays up to now, two listeners with a past and one without."""

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from backend.domain.errors import InvalidInput, Violation
from backend.domain.plays import Play, Timing
from backend.domain.tracks import Artist, Track

SEED = 7
_NEWCOMER = uuid.UUID("5f2b3f0c-58c3-5a0e-8a0d-4f2f1f0f7c11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A story's data. `plays` are in time order; `newcomer_plays` are five plays of a listener without a past.

    These are history: what an app sends that was offline, or with another service, for half an hour.
    """

    about: str
    artists: tuple[Artist, ...]
    tracks: tuple[Track, ...]
    plays: tuple[Play, ...]
    listeners: tuple[str, str]
    newcomer_plays: tuple[Play, ...]
    expected_anomalies: frozenset[tuple[str, str]] = frozenset()


def simulated(now: datetime, seed: int = SEED) -> Material:
    """Two weeks of a simulated service that end now, with a release spike and a stream farm to be found."""
    from training.simulate import simulate

    simulation = simulate(seed, now=now, days=14, plays=27_000)
    truth = simulation.ground_truth
    busy = _two_busiest(play for play in simulation.plays if play.listener_id not in truth.stream_farm.listener_ids)
    return Material(
        about=f"simulated service (seed {seed})",
        artists=simulation.artists,
        tracks=simulation.tracks,
        plays=simulation.plays,
        listeners=busy,
        newcomer_plays=_brought_along(simulation.newcomer_plays()),
        expected_anomalies=frozenset(
            (incident.artist_id, incident.kind.value) for incident in (truth.release_spike, truth.stream_farm)
        ),
    )


HETREC_PLAYS = 25_000
"""Plays taken from HetRec: enough to learn from, few enough for a demo."""


def from_data(folder: Path, now: datetime) -> Material:
    """The Last.fm 1K sample, moved so that it ends now, with plays made of HetRec's counts; either may be absent.

    Raises InvalidInput where the folder holds neither.
    """
    from importers.dataset import load, shift_to
    from importers.rows import ReadOptions

    parts = [folder / name for name in ("lastfm-1k-sample", "lastfm-hetrec2011") if (folder / name).is_dir()]
    if not parts:
        missing = f"{folder} holds neither lastfm-1k-sample nor lastfm-hetrec2011; give the folder that holds them"
        raise InvalidInput([Violation("--data", missing)])
    options = ReadOptions(now=now)
    sets = [load(part, options, limit=HETREC_PLAYS) for part in parts]
    plays = sorted((play for one in sets for play in shift_to(one.plays, now)), key=lambda play: play.played_at)
    # HetRec's catalogue is seven times what its first listeners played; the rest would only be embedded.
    played = {play.track_id for play in plays}
    tracks = tuple(track for one in sets for track in one.tracks if track.track_id in played)
    by = {artist_id for track in tracks for artist_id in track.artist_ids}
    return Material(
        about=" and ".join(part.name for part in parts),
        artists=tuple(artist for one in sets for artist in one.artists if artist.artist_id in by),
        tracks=tracks,
        plays=tuple(plays),
        listeners=_two_busiest(plays),
        newcomer_plays=_brought_along(_newcomer(plays, now)),
    )


def _two_busiest(plays: Iterable[Play]) -> tuple[str, str]:
    (first, _), (second, _) = Counter(play.listener_id for play in plays).most_common(2)
    return first, second


def _newcomer(plays: Sequence[Play], now: datetime) -> tuple[Play, ...]:
    """Five plays of somebody whose taste is that of the third busiest listener: five artists of theirs, just now."""
    model = Counter(play.listener_id for play in plays).most_common(3)[-1][0]
    first_of_artist = {play.artist_id: play for play in plays if play.listener_id == model}
    return tuple(
        replace(
            play,
            listener_id="newcomer",
            event_id=str(uuid.uuid5(_NEWCOMER, f"{now.isoformat()}/{nth}")),
            played_at=now - timedelta(minutes=30 - 5 * nth),
        )
        for nth, play in enumerate(list(first_of_artist.values())[:5])
    )


def _brought_along(plays: Iterable[Play]) -> tuple[Play, ...]:
    return tuple(replace(play, timing=Timing.HISTORY) for play in plays)


@dataclass(frozen=True, slots=True)
class Bookmark:
    """What an earlier run of the demo left in the log: which material, how many plays, and when "now" was."""

    about: str
    plays: int
    now: datetime

    @staticmethod
    def read(home: Path) -> "Bookmark | None":
        """The bookmark of this home, None before the first run."""
        file = home / "demo.json"
        if not file.exists():
            return None
        fields = json.loads(file.read_text())
        return Bookmark(fields["about"], fields["plays"], datetime.fromisoformat(fields["now"]))

    def write(self, home: Path) -> None:
        """Remember it for the next run."""
        fields = {"about": self.about, "plays": self.plays, "now": self.now.isoformat()}
        (home / "demo.json").write_text(json.dumps(fields))
