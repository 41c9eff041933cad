"""Model versions under rough treatment: publishing killed at every point, files altered after it."""

import json
import random
import subprocess
import sys
import threading
from pathlib import Path

from backend import wiring
from backend.domain.errors import ModelRefused
from backend.services.model import CurrentModel
from backend.settings import Settings
from tests.faults.figures import Figures, Row
from tests.faults.publishing import published

ROOT = Path(__file__).parents[2]


class Reader(threading.Thread):
    """Loads the version pointed to again and again, as servers do."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.versions: list[str] = []
        self.failures: list[Exception] = []
        self._models = wiring.models(settings)
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.01):
            try:
                if current := self._models.current():
                    self.versions.append(self._models.load(current).version)
            except Exception as error:  # noqa: BLE001 - whatever a reader meets is a failed read
                self.failures.append(error)

    def stop(self) -> None:
        """And wait for the last read."""
        self._ended.set()
        self.join()


def test_a_killed_publication_leaves_the_old_version_or_the_new_one(
    tmp_path: Path, figures: Figures, dose: int, seed: int
) -> None:
    """Killed at one file operation after another: readers never fail, and publishing again works."""
    kills = min(13 * dose, 60)
    reader = Reader(Settings(home=tmp_path))
    reader.start()
    command = [sys.executable, "-m", "tests.faults.publishing", str(tmp_path), str(seed % 3), "6" if dose == 1 else "1"]
    done = subprocess.run([*command, str(kills)], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    reader.stop()
    assert 0 == done.returncode, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    astray = [line for line in lines if line["after"] not in (line["before"], line["then"])]
    points = {line["point"] for line in lines}
    figures.add(
        Row(
            id="D9",
            fault="SIGKILL during a model publish",
            dose=f"{len(lines)} kills at {len(points)} points",
            reach="readers see N or N+1 only, 0 failed reads",
            seen=f"{len(astray)} times anything else; {len(reader.failures)} of {len(reader.versions):,} reads failed",
            held=not astray and not reader.failures and len(points) >= 12,
        )
    )
    assert [] == astray
    assert [] == reader.failures
    assert len(points) >= 12


def test_an_altered_version_is_refused_and_the_old_one_serves_on(
    tmp_path: Path, figures: Figures, dose: int, seed: int
) -> None:
    """A byte changed in any file, one cut short, one taken away, one added: neither pointed to nor loaded."""
    chance, settings = random.Random(seed), Settings(home=tmp_path)
    models, times, refused, served = wiring.models(settings), 10 * dose, 0, 0
    folder, old = tmp_path / "models" / settings.tenant, published(settings, 0)
    serving = CurrentModel(models)
    serving.refresh()
    for nth in range(1, times + 1):
        version = published(settings, nth)
        models.point(old)
        altered(folder / "versions" / version, chance)
        try:
            models.point(version)
        except ModelRefused:
            refused += 1
        # Somebody moved the pointer by hand.
        (folder / "pointer.json").write_text(json.dumps({"current": version, "previous": old}))
        serving.refresh()
        served += serving.version is not None and serving.version.version == old
        models.point(old)
    figures.add(
        Row(
            id="A17",
            fault="Corrupted model, manifest mismatch",
            dose=f"{times} versions",
            reach="refused, the old version serves on",
            seen=f"{refused} refused; {served} times the old version served on",
            held=(times, times) == (refused, served),
        )
    )
    assert (times, times) == (refused, served)


def altered(folder: Path, chance: random.Random) -> None:
    """Spoil a published version."""
    file = chance.choice(sorted(folder.rglob("*.*")))
    content = bytearray(file.read_bytes())
    match chance.randrange(4):
        case 0:
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            file.write_bytes(content)
        case 1:
            file.write_bytes(content[: chance.randrange(len(content))])
        case 2:
            file.unlink()
        case _:
            (folder / f"more-{chance.randrange(1000)}.bin").write_bytes(chance.randbytes(9))
