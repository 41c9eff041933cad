"""What a model version says of itself: `manifest.json`, read by the server, by `segue models` and by people."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version as installed_version
from pathlib import Path

from backend.files import sha256, write_whole
from backend.versions.codec import MANIFEST
from backend.versions.manifest import FORMAT
from training.engines.trainer import AlsSettings
from training.judging.drift import Drift
from training.judging.judge import Judgement

SNAPSHOT_FILE = "snapshot.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataWindow:
    """What a version was learned from: first and last play (ISO 8601 UTC), sizes, and rows left out by reason.

    `limits` are those of `data.exclusions`; `files`, `size` (bytes) and `sha256` are of the archive's snapshot,
    whose files are listed one by one in SNAPSHOT_FILE. `sounds` counts tracks with audio features, `estimated_sounds`
    those of them some of whose features no source told.
    """

    first_play: str
    last_play: str
    plays: int
    listeners: int
    tracks: int
    excluded: Mapping[str, int]
    flagged_listeners: int
    limits: Mapping[str, int]
    files: int
    size: int
    sha256: str
    sounds: int = 0
    estimated_sounds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """Everything in the manifest but the version's name, the hashes and what ranks (`backend.versions.codec`).

    `label_weight` is that of the catalogue's labels (`training.engines.labelled`), 0 where they took no part.
    `settings_from` is "defaults", or the file of `segue tune` that the settings came from. `drift` is what moved since
    the version that served at the time, None before there was one. `topics` says what their numbers were chosen by,
    None where there are none.
    """

    created_at: datetime
    engine: str
    seed: int
    settings: AlsSettings
    judgement: Judgement
    data: DataWindow
    settings_from: str
    drift: Drift | None
    label_weight: float = 0.0
    topics: Mapping[str, object] | None = None


def write_manifest(folder: Path, facts: VersionFacts, ranking: Mapping[str, object]) -> str:
    """Hash every file in `folder`, write `manifest.json` beside them; the version's name. `ranking`: what ranks.

    The name is the moment of creation and the first six digits of a hash over the files' hashes, so that two versions
    of one second with different content have different names.
    """
    files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    version = f"{facts.created_at:%Y%m%dT%H%M%SZ}-{digest[:6]}"
    text = json.dumps(_document(version, facts, ranking, files), indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(folder / MANIFEST, text.encode())
    return version


def _document(
    version: str, facts: VersionFacts, ranking: Mapping[str, object], files: Mapping[str, str]
) -> dict[str, object]:
    return {
        "format": FORMAT,
        "version": version,
        "created_at": facts.created_at.isoformat(),
        "engine": facts.engine,
        "seed": facts.seed,
        **ranking,
        "metrics": facts.judgement.numbers(),
        "data": {
            "from": facts.data.first_play,
            "to": facts.data.last_play,
            "plays": facts.data.plays,
            "listeners": facts.data.listeners,
            "tracks": facts.data.tracks,
            "excluded": dict(facts.data.excluded),
            "flagged_listeners": facts.data.flagged_listeners,
            "limits": dict(facts.data.limits),
            "audio_features": {"tracks": facts.data.sounds, "estimated": facts.data.estimated_sounds},
            "snapshot": {"files": facts.data.files, "size": facts.data.size, "sha256": facts.data.sha256},
        },
        "settings": asdict(facts.settings),
        "label_weight": facts.label_weight,
        "settings_from": facts.settings_from,
        "code": code_version(),
        "objections": list(facts.judgement.objections),
        "comparisons": [asdict(comparison) for comparison in facts.judgement.comparisons],
        "topics": facts.topics,
        "drift": None if facts.drift is None else asdict(facts.drift),
        "files": dict(files),
    }


@cache
def code_version() -> str:
    """The commit that this code runs from, "-dirty" where it was changed since; else the installed release."""
    release = f"segue {installed_version('segue')}"
    folder = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--tags"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):  # no git here: the release says what can be said
        return release
    return f"{release}, {found.stdout.strip()}" if found.returncode == 0 else release
