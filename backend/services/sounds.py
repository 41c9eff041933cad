"""Where tracks that are newer than a version stand among its tracks by how they sound."""

import logging
from collections.abc import Callable

import numpy as np

from backend.domain.errors import Unavailable
from backend.domain.tracks import AudioFeatures
from backend.ports.encoder import SoundEncoder
from backend.ports.models import ModelVersion
from backend.ports.vectors import Vectors
from backend.ranking.lists import AUDIO_SPACE
from backend.ranking.sound import Sound, unit

_log = logging.getLogger(__name__)


class Sounds:
    """Takes audio features to a version's spaces; `sound_encoder` opens its autoencoder, where this process can."""

    def __init__(self, sound_encoder: Callable[[bytes], SoundEncoder] | None = None) -> None:
        self._open = sound_encoder
        self._opened: tuple[str, SoundEncoder] | None = None

    def vector(self, model: ModelVersion, features: AudioFeatures | None, space: str) -> Vectors | None:
        """Of length 1; None where the features, or the version, cannot make one. Raises ModelRefused."""
        if features is None or model.sound is None or space not in model.spaces:
            return None
        point = model.sound.point(features)
        if not np.isfinite(point).all() or not point.any():
            return None
        if space == AUDIO_SPACE:
            return unit(point)
        try:
            encoded: Vectors = self._encoder(model.version, model.sound).encode(point[None])
        except Unavailable as error:
            _log.warning("answering without the latent space: %s", error)
            return None
        found: Vectors = encoded[0]
        return found

    def _encoder(self, version: str, sound: Sound) -> SoundEncoder:
        if self._opened is None or self._opened[0] != version:
            if self._open is None:
                raise Unavailable("nothing here runs the autoencoder")
            self._opened = (version, self._open(sound.encoder))
        return self._opened[1]
