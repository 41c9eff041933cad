"""What the demo is told with: a catalogue, plays up to now, two listeners with a past and one without."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backend.domain.plays import Play
from backend.domain.tracks import Artist, Track

SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A story's data. `plays` are in time order; `newcomer_plays` are five plays of a listener without a past."""

    about: str
    artists: tuple[Artist, ...]
    tracks: tuple[Track, ...]
    plays: tuple[Play, ...]
    listeners: tuple[str, str]
    newcomer_plays: tuple[Play, ...]
    expected_anomalies: frozenset[tuple[str, str]] = frozenset()


def simulated(now: datetime, seed: int = SEED) -> Material:
    """Three weeks of a simulated service that end now, with a release spike and a stream farm to be found."""
    from training.simulate import simulate

    simulation = simulate(seed, now=now)
    truth = simulation.ground_truth
    busy = _two_busiest(play for play in simulation.plays if play.listener_id not in truth.stream_farm.listener_ids)
    return Material(
        about=f"simulated service (seed {seed})",
        artists=simulation.artists,
        tracks=simulation.tracks,
        plays=simulation.plays,
        listeners=busy,
        newcomer_plays=simulation.newcomer_plays(),
        expected_anomalies=frozenset(
            (incident.artist_id, incident.kind.value) for incident in (truth.release_spike, truth.stream_farm)
        ),
    )


def _two_busiest(plays: "object") -> tuple[str, str]:
    from collections import Counter

    counts = Counter(play.listener_id for play in plays)  # type: ignore[attr-defined]
    (first, _), (second, _) = counts.most_common(2)
    return first, second


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
