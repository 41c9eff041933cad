"""Tracks that came after the current version was trained, placed among its factors and by how they sound."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from backend.domain.errors import NotFound, Unavailable
from backend.domain.tracks import Track, catalogue_text
from backend.ports.encoder import TextEncoder
from backend.ports.models import FACTORS_NAMESPACE, NAMESPACE, ModelVersion
from backend.ports.store import CatalogueStore
from backend.ports.vectors import Neighbour, VectorIndex, Vectors
from backend.ranking.lists import AUDIO_SPACE, SOUND_SPACES, best_places
from backend.services.catalogue import Catalogue
from backend.services.model import CurrentModel
from backend.services.sounds import Sounds

POLL_SECONDS = 2.0
MOST = 5_000
"""Tracks placed at most; a service that gets more between two trainings trains too rarely."""

BATCH = 500


@dataclass(frozen=True, slots=True)
class _Placed:
    """Tracks with their factors (n, dimension) under one version."""

    version: str
    track_ids: tuple[str, ...]
    factors: Vectors


@dataclass(frozen=True, slots=True)
class _Heard:
    """Tracks with their vectors (n, dimension) by audio features, by space, under one version."""

    version: str
    track_ids: tuple[str, ...]
    vectors: Mapping[str, Vectors]


class Arrivals:
    """Places a track by its words and its artist (`Newcomers`), so that it is recommended before its first play.

    One with audio features is placed by these as well (`Sounds`): it is found by sound, whoever its artist is.
    A loop does it: the whole catalogue is read once for each version, then come the tracks that the catalogue learns
    of, whoever took them in. Where more come between two looks than are ever placed, the catalogue is read again.
    Requests only read what is placed. A track or artist without the right to be learned from is not placed.
    """

    def __init__(
        self,
        *,
        store: CatalogueStore,
        catalogue: Catalogue,
        vectors: VectorIndex,
        model: CurrentModel,
        encoder: Callable[[], TextEncoder],
        sounds: Sounds | None = None,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._vectors = vectors
        self._model = model
        self._open_encoder = encoder
        self._encoder: TextEncoder | None = None
        self._sounds = sounds or Sounds()
        self._come: deque[Track] = deque(maxlen=MOST)
        self._must_scan = False
        self._placed: _Placed | None = None
        self._heard: _Heard | None = None
        catalogue.listen(self._note)

    @property
    def placed(self) -> object:
        """Another object whenever a track was placed."""
        return self._placed

    def near(self, model: ModelVersion, listener: Vectors, *, limit: int, exclude: frozenset[str]) -> list[Neighbour]:
        """The best of them for a listener's factors, by inner product; [] where none is placed under that version."""
        placed = self._placed
        if placed is None or placed.version != model.version or not placed.track_ids:
            return []
        scores = placed.factors @ listener
        best = np.lexsort((np.arange(len(scores)), -scores)).tolist()
        found = (Neighbour(placed.track_ids[at], float(scores[at])) for at in best)
        return [one for one in found if one.id not in exclude][:limit]

    def sounding(self, model: ModelVersion, space: str, vector: Vectors, *, limit: int) -> list[Neighbour]:
        """The nearest of them in a space by audio features; [] where none is placed under that version."""
        heard = self._heard
        if heard is None or heard.version != model.version or space not in heard.vectors:
            return []
        scores = heard.vectors[space] @ vector
        return [Neighbour(heard.track_ids[at], float(scores[at])) for at in best_places(scores, limit).tolist()]

    def refresh(self) -> None:
        """Place what has come. Raises Unavailable or NotFound where a part is down; the next call tries it again."""
        model = self._model.version
        if model is None or (model.newcomers is None and model.sound is None):
            return
        placed, heard = self._placed, self._heard
        if placed is None or placed.version != model.version:
            placed = _Placed(model.version, (), np.empty((0, model.dimension), dtype=np.float32))
            heard = _Heard(model.version, (), {})
            self._must_scan = True
        must_scan, self._must_scan = self._must_scan, False
        come = [self._come.popleft() for _ in range(len(self._come))]
        try:
            # Also with a scan those that came: the sink may not have them in the store yet.
            for batch in _batches(chain(self._store.all_tracks() if must_scan else (), come)):
                placed = self._with(model, placed, batch)
                heard = self._hear(model, heard, batch)
        except (Unavailable, NotFound):
            self._come.extend(come)
            self._must_scan = self._must_scan or must_scan
            raise
        self._placed, self._heard = placed, heard

    def _note(self, tracks: Sequence[Track]) -> None:
        if len(self._come) + len(tracks) > MOST:
            self._must_scan = True
        self._come.extend(tracks)

    def _hear(self, model: ModelVersion, heard: _Heard | None, tracks: Iterable[Track]) -> _Heard | None:
        """`heard` and those of `tracks` with audio features that neither it nor the version knows by these."""
        if model.sound is None or heard is None:
            return heard
        held = set(heard.track_ids)
        fresh = {one.track_id: one for one in tracks if one.audio_features and one.track_id not in held}
        known = self._vectors.fetch(NAMESPACE.format(version=model.version, space=AUDIO_SPACE), list(fresh))
        new = [one for track_id, one in fresh.items() if track_id not in known][: max(MOST - len(held), 0)]
        rows, ids = {space: list(vectors) for space, vectors in heard.vectors.items()}, list(heard.track_ids)
        for track in self._allowed(new):
            made = {space: self._sounds.vector(model, track.audio_features, space) for space in SOUND_SPACES}
            found = {space: vector for space, vector in made.items() if vector is not None}
            if set(found) != set(SOUND_SPACES) & set(model.spaces):
                continue
            ids.append(track.track_id)
            for space, vector in found.items():
                rows.setdefault(space, []).append(vector)
        return _Heard(heard.version, tuple(ids), {space: np.vstack(vectors) for space, vectors in rows.items()})

    def _with(self, model: ModelVersion, placed: _Placed, tracks: Iterable[Track]) -> _Placed:
        """`placed` and those of `tracks` that neither it nor the version knows."""
        held = set(placed.track_ids)
        fresh = {track.track_id: track for track in self._allowed(tracks) if track.track_id not in held}
        known = self._vectors.fetch(FACTORS_NAMESPACE.format(version=model.version), list(fresh)) if fresh else {}
        new = [track for track_id, track in fresh.items() if track_id not in known][: max(MOST - len(held), 0)]
        if not new or model.newcomers is None:
            return placed
        words = self._words(model, new)
        factors = [model.newcomers.place(vector, track.artist_ids[0]) for vector, track in zip(words, new, strict=True)]
        return _Placed(
            placed.version,
            (*placed.track_ids, *(track.track_id for track in new)),
            np.vstack([placed.factors, *factors]).astype(np.float32),
        )

    def _allowed(self, tracks: Iterable[Track]) -> Iterator[Track]:
        own = [track for track in tracks if track.allow_training]
        artists = self._catalogue.artists({artist_id for track in own for artist_id in track.artist_ids})
        for track in own:
            if all(artists[one].allow_training for one in track.artist_ids if one in artists):
                yield track

    def _words(self, model: ModelVersion, tracks: Sequence[Track]) -> Vectors:
        if self._encoder is None:
            self._encoder = self._open_encoder()
        if self._encoder.name != model.encoder_name:
            raise Unavailable(
                f"model {model.version} was made with {model.encoder_name}, the encoder here is {self._encoder.name}"
            )
        return self._encoder.encode([catalogue_text(track, self._catalogue.artist_names(track)) for track in tracks])


def _batches(tracks: Iterable[Track]) -> Iterator[list[Track]]:
    rest = iter(tracks)
    while batch := list(islice(rest, BATCH)):
        yield batch
