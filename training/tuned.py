"""The settings that `segue tune` found, as `segue train` reads them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from backend.domain.errors import InvalidInput, Violation
from backend.files import write_whole
from backend.settings import Settings
from training.engines.trainer import AlsSettings
from training.publishing.lock import lock_folder

DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """Settings, and where they came from: DEFAULTS or the path of the file."""

    als: AlsSettings
    source: str


def tuning_folder(settings: Settings) -> Path:
    """Beside the published versions."""
    return lock_folder(settings) / "tuning"


def best_file(settings: Settings) -> Path:
    """The best settings so far, as JSON."""
    return tuning_folder(settings) / "best.json"


def tuned(settings: Settings) -> Tuned:
    """The best settings found, the defaults before any were. Raises InvalidInput where the file is not understood."""
    file = best_file(settings)
    if not file.exists():
        return Tuned(als=AlsSettings(), source=DEFAULTS)
    try:
        return Tuned(als=AlsSettings(**json.loads(file.read_text())["settings"]), source=str(file))
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{file} does not hold settings of this release ({error!r}): run `segue tune` again, or remove it"
        raise InvalidInput([Violation("tuning", reason)]) from error


def write_best(settings: Settings, als: AlsSettings, found: dict[str, object]) -> Path:
    """Keep `als` for the next training, with how it was `found`; the file."""
    file = best_file(settings)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"settings": asdict(als), **found}, indent=1).encode())
    return file
