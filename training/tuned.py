"""The settings that `segue tune` found and keeps in a folder, as `segue train` reads them."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from backend.domain.errors import InvalidInput, Violation
from backend.files import write_whole
from training.engines.trainer import AlsSettings

DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """Settings, and where they came from: DEFAULTS or the path of the file."""

    als: AlsSettings
    source: str


def best_file(folder: Path) -> Path:
    """The best settings so far, as JSON."""
    return folder / "best.json"


def tuned(folder: Path) -> Tuned:
    """The best settings found, the defaults before any were. Raises InvalidInput where the file is not understood."""
    file = best_file(folder)
    if not file.exists():
        return Tuned(als=AlsSettings(), source=DEFAULTS)
    try:
        return Tuned(als=AlsSettings(**json.loads(file.read_text())["settings"]), source=str(file))
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{file} does not hold settings of this release ({error!r}): run `segue tune` again, or remove it"
        raise InvalidInput([Violation("tuning", reason)]) from error


def write_best(folder: Path, als: AlsSettings, found: dict[str, object]) -> Path:
    """Keep `als` for the next training, with how it was `found`; the file."""
    file = best_file(folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps({"settings": asdict(als), **found}, indent=1).encode())
    return file
