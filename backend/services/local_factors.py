"""The tracks' factors of the version that serves, out of its own file: what answers while the vector index cannot."""

import io
import logging
from typing import Final

import numpy as np

from backend.domain.errors import SegueError
from backend.ports.models import TRACK_FACTORS_FILE, TRACK_IDS_FILE, ModelRepository, ModelVersion
from backend.ranking.lists import ArraySpace, Space
from backend.services.model import CurrentModel

_log = logging.getLogger(__name__)

POLL_SECONDS = 5.0
MOST_BYTES: Final = 256 * 1024 * 1024
"""A larger file is not held: a million tracks of 64 numbers are as much."""


class LocalFactors:
    """Holds them for one version. A loop reads them; requests only use what is there. Thread-safe."""

    def __init__(self, models: ModelRepository, model: CurrentModel, *, most_bytes: int = MOST_BYTES) -> None:
        self._models = models
        self._model = model
        self._most_bytes = most_bytes
        self._held: tuple[str, Space | None] = ("", None)

    def space(self, model: ModelVersion) -> Space | None:
        """The factors of a version; None where they are not held."""
        version, space = self._held
        return space if version == model.version else None

    def refresh(self) -> None:
        """Follow the version that serves. One whose file cannot be read is answered for without it."""
        model = self._model.version
        if model is None or self._held[0] == model.version:
            return
        try:
            self._held = (model.version, self._read(model))
        except (SegueError, OSError, ValueError) as error:
            _log.warning("no factors of version %s are held in memory: %s", model.version, error)
            self._held = (model.version, None)

    def _read(self, model: ModelVersion) -> Space | None:
        content = self._models.read(model.version, TRACK_FACTORS_FILE)
        if len(content) > self._most_bytes:
            _log.warning("the factors of version %s are too large to be held in memory", model.version)
            return None
        factors = np.load(io.BytesIO(content), allow_pickle=False)
        ids = self._models.read(model.version, TRACK_IDS_FILE).decode().split("\n")[:-1]
        if factors.shape != (len(ids), model.dimension):
            raise ValueError(f"{TRACK_FACTORS_FILE} has the shape {factors.shape}, not {(len(ids), model.dimension)}")
        return ArraySpace(ids, factors)
