"""`segue bench similar`: how well each approach to tracks like one foretells what listeners play together.

A simulated service for each seed. A version is trained of its earlier plays and published as `segue train` does; the
answers are those of the server's own service over that version, by the vector index. Some artists are kept out of the
training, plays, texts and features: their tracks come into the catalogue afterwards, as new ones do.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from backend.adapters.encoder.onnx import OnnxTextEncoder
from backend.adapters.encoder.sound import OnnxSoundEncoder
from backend.adapters.models.folder import FolderModelRepository
from backend.adapters.vectors.embedded import EmbeddedVectorIndex
from backend.domain.errors import ModelRefused, Unavailable
from backend.domain.plays import Play, is_skip
from backend.domain.recommendations import Approach, SeedTrack
from backend.domain.tracks import Artist, Track
from backend.ports.event_log import Record
from backend.ports.models import ModelVersion
from backend.services.arrivals import Arrivals
from backend.services.catalogue import Catalogue
from backend.services.model import CurrentModel
from backend.services.retrieve import Retriever
from backend.services.similar import Similar
from backend.services.sounds import Sounds
from bench.rows import Pair, Row, row
from bench.serving import archive
from training.content.clusters import Bounds, find_levels
from training.data.dataset import PlayColumns
from training.data.exclusions import Limits
from training.data.together import together
from training.engines.local import LocalTrainer
from training.engines.trainer import AlsSettings
from training.judging.judge import LIST_LENGTH
from training.material import read_material
from training.publishing.promote import Promoter
from training.simulate import Simulation, simulate
from training.stopwatch import Stopwatch
from training.topics import TopicFinder
from training.train import Workshop, train_with
from training.tuned import Tuned

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HELD_OUT = 0.2
COLD_ARTISTS = 15
ASKED = 300
"""Seed tracks of a round, by lot."""

APPROACHES: Mapping[str, Approach] = {
    "knn": Approach.AUDIO,
    "autoencoder": Approach.LATENT,
    "text": Approach.TEXT,
    "listening": Approach.LISTENING,
    "hybrid": Approach.HYBRID,
}
COLD: Mapping[str, Approach] = {"cold_sound": Approach.AUDIO, "cold_sound_autoencoder": Approach.LATENT}
"""New tracks of unknown artists in the lists of known tracks."""
RANDOM, SAME_ARTIST, COLD_RANDOM = "random", "same artist", "cold random"
NEW_PAIRS = "{}, new pairs"
"""A list's figure on pairs that no earlier sitting held."""

Together = dict[str, set[str]]
"""What was played with each track in one sitting."""

UNIT = f"recall@{LIST_LENGTH}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The rows, and recall@20 of every list by seed."""

    rows: Sequence[Row]
    by_seed: Mapping[int, Mapping[str, float]]
    settings: Mapping[str, object]


class _Shelf:
    """`CatalogueStore` in two dictionaries: the simulated catalogue, as far as it has come."""

    def __init__(self, tracks: Sequence[Track], artists: Sequence[Artist]) -> None:
        self._tracks = {one.track_id: one for one in tracks}
        self._artists = {one.artist_id: one for one in artists}

    def put_tracks(self, tracks: Sequence[Track]) -> None:
        self._tracks |= {one.track_id: one for one in tracks}

    def put_artists(self, artists: Sequence[Artist]) -> None:
        self._artists |= {one.artist_id: one for one in artists}

    def tracks(self, track_ids: Sequence[str]) -> dict[str, Track]:
        return {one: self._tracks[one] for one in track_ids if one in self._tracks}

    def artists(self, artist_ids: Sequence[str]) -> dict[str, Artist]:
        return {one: self._artists[one] for one in artist_ids if one in self._artists}

    def all_tracks(self) -> Iterator[Track]:
        return iter([self._tracks[one] for one in sorted(self._tracks)])

    def all_artists(self) -> Iterator[Artist]:
        return iter([self._artists[one] for one in sorted(self._artists)])


class _NoLog:
    """An event log that is not there: a version serves without having sent on its clusters."""

    def append(self, topic: str, records: Sequence[Record], *, timeout_seconds: float) -> list[bool]:
        raise Unavailable("this bench has no event log")

    def close(self, *, timeout_seconds: float) -> int:
        return 0


def measure(*, seeds: Sequence[int], cache: Path, advance: Callable[[], None] = lambda: None) -> Measured:
    """One round for each seed; `cache` keeps the texts' vectors from one bench to the next."""
    by_seed = {}
    for seed in seeds:
        by_seed[seed] = _round(seed, cache)
        advance()
    against = [(name, RANDOM, name) for name in APPROACHES]
    against += [(name, SAME_ARTIST, f"{name}_vs_same_artist") for name in APPROACHES]
    against += [(NEW_PAIRS.format("autoencoder"), NEW_PAIRS.format("knn"), "autoencoder_vs_knn_new_pairs")]
    against += [("autoencoder", "knn", "autoencoder_vs_knn"), *((name, COLD_RANDOM, name) for name in COLD)]
    rows = [
        row(name, [Pair(ours=one[ours], reference=one[theirs]) for one in by_seed.values()], unit=UNIT)
        for ours, theirs, name in against
    ]
    told = {"seeds": len(by_seed), "tracks asked about": ASKED, "held out": HELD_OUT, "new artists": COLD_ARTISTS}
    return Measured(rows=rows, by_seed=by_seed, settings=told)


def _round(seed: int, cache: Path) -> dict[str, float]:
    service = simulate(seed, now=NOW)
    rng = np.random.default_rng(seed)
    new = frozenset(rng.permutation([one.artist_id for one in service.artists])[:COLD_ARTISTS].tolist())
    moment = service.plays[int(len(service.plays) * (1 - HELD_OUT))].played_at
    earlier = [play for play in service.plays if play.played_at < moment and play.artist_id not in new]
    later = [play for play in service.plays if play.played_at >= moment]
    with tempfile.TemporaryDirectory(prefix="segue-bench-") as folder:
        world = _published(Path(folder), service, earlier, new=new, cache=cache, seed=seed)
        return _judged(world, service, _together(earlier), _together(later), new)


@dataclass(frozen=True, slots=True)
class _World:
    """The service over the published version."""

    model: ModelVersion
    similar: Similar
    catalogue: Catalogue

    def listed(self, approach: Approach, track_id: str) -> list[str]:
        """What is served: the first `LIST_LENGTH` tracks."""
        tracks = self.catalogue.tracks([track_id])
        found = self.similar.answer(self.model, [SeedTrack(track_id=track_id)], tracks, approach=approach)
        return [one.track_id for one in found[:LIST_LENGTH]]


def _published(
    folder: Path, service: Simulation, earlier: Sequence[Play], *, new: frozenset[str], cache: Path, seed: int
) -> _World:
    """Train without the `new` artists, publish, then let their tracks come."""
    shelf = _Shelf(
        [one for one in service.tracks if one.artist_ids[0] not in new],
        [one for one in service.artists if one.artist_id not in new],
    )
    archive(folder / "archive", earlier)
    models, index = FolderModelRepository(folder / "models"), EmbeddedVectorIndex(folder / "vectors")
    workshop = _workshop(folder, shelf, models, index, cache)
    tuned = Tuned(als=AlsSettings(), source="defaults")
    train_with(workshop, LocalTrainer(threads=1), tuned, now=NOW, seed=seed, watch=Stopwatch(lambda _: None))
    current, catalogue, sounds = CurrentModel(models), Catalogue(shelf), Sounds(OnnxSoundEncoder)
    current.refresh()
    arrivals = Arrivals(
        store=shelf,
        catalogue=catalogue,
        vectors=index,
        model=current,
        encoder=lambda: OnnxTextEncoder(cache / "encoder", threads=1),
        sounds=sounds,
    )
    catalogue.put_artists([one for one in service.artists if one.artist_id in new])
    catalogue.put_tracks([one for one in service.tracks if one.artist_ids[0] in new])
    arrivals.refresh()
    if current.version is None:
        raise ModelRefused("the version was not promoted: see the log")
    similar = Similar(
        catalogue, Retriever(index, catalogue, arrivals), words=lambda _model, _track: None, sounds=sounds
    )
    return _World(current.version, similar, catalogue)


def _workshop(
    folder: Path, shelf: _Shelf, models: FolderModelRepository, index: EmbeddedVectorIndex, cache: Path
) -> Workshop:
    unlimited = Limits(day_plays=0, day_repeats=0, listener_plays=0, track_plays=0)
    return Workshop(
        material=lambda: read_material(shelf, (folder / "archive").as_uri(), unlimited),
        promoter=Promoter(
            models=models,
            index=index,
            event_log=_NoLog,  # type: ignore[arg-type]  # has what a promotion calls of it
            locks=folder,
            drafts=folder / "drafts",
            keep=1,
        ),
        embeddings=cache / "embeddings",
        encoder=cache / "encoder",
        open_encoder=lambda: OnnxTextEncoder(cache / "encoder", threads=1),
        topics=lambda _: TopicFinder(
            find_levels=lambda table, bounds, seed: find_levels(table, bounds, seed=seed),
            bounds=Bounds(least=8, most=8, within=2),
        ),
        label_weight=0.0,
        warm_start=False,
        mlflow_url="",
        experiment="bench",
    )


def _judged(
    world: _World, service: Simulation, before: Together, after: Together, new: frozenset[str]
) -> dict[str, float]:
    """recall@20 of every list: of known tracks among known ones, and of new tracks in the lists of known ones.

    Under the list's name of what was played `after`, and under NEW_PAIRS of what was not played together `before`.
    """
    rng = np.random.default_rng(service.seed)
    artist_of = {one.track_id: one.artist_ids[0] for one in service.tracks}
    is_new = {one: artist in new for one, artist in artist_of.items()}
    asked = [one for one in after if not is_new[one]]
    known = {one: {other for other in after[one] if not is_new[other]} for one in asked}
    cold = {one: {other for other in after[one] if is_new[other]} for one in asked}
    fresh = {one: known[one] - before.get(one, set()) for one in asked}
    everything = [one.track_id for one in service.tracks]
    same = {artist: [one for one in everything if artist_of[one] == artist] for artist in set(artist_of.values())}

    def at_random(track_id: str) -> list[str]:
        drawn = rng.choice(len(everything), LIST_LENGTH + 1, replace=False).tolist()
        return [everything[at] for at in drawn if everything[at] != track_id][:LIST_LENGTH]

    def of_artist(track_id: str) -> list[str]:
        others = [one for one in same[artist_of[track_id]] if one != track_id]
        return [others[at] for at in rng.permutation(len(others))[:LIST_LENGTH].tolist()]

    lists = {name: partial(world.listed, by) for name, by in APPROACHES.items()}
    found: dict[str, float] = {}
    for name, listed in (lists | {RANDOM: at_random, SAME_ARTIST: of_artist}).items():
        found[name], found[NEW_PAIRS.format(name)] = _recalls(listed, known, fresh)
    for name, by in COLD.items():
        (found[name],) = _recalls(partial(world.listed, by), cold)
    (found[COLD_RANDOM],) = _recalls(at_random, cold)
    return found


def _recalls(listed: Callable[[str], Sequence[str]], *wanted: Together) -> list[float]:
    """Mean over tracks of the share of what was wanted with each that is in its list; of more than 20, of 20.

    The tracks asked about are those with anything in the first of `wanted`; the others count those that have some.
    """
    able = sorted(one for one, partners in wanted[0].items() if partners)
    asked = np.random.default_rng(0).permutation(able)[:ASKED].tolist()
    lists = {one: frozenset(listed(one)) for one in asked}
    return [
        float(np.mean([len(each[one] & lists[one]) / min(LIST_LENGTH, len(each[one])) for one in asked if each[one]]))
        for each in wanted
    ]


def _together(plays: Sequence[Play]) -> Together:
    """What was played with each track in one sitting; skips and silent plays apart, as training leaves them out."""
    counted = [play for play in plays if not is_skip(play.milliseconds_played, play.track_milliseconds)]
    track_ids, tracks = np.unique([play.track_id for play in counted], return_inverse=True)
    listener_ids, listeners = np.unique([play.listener_id for play in counted], return_inverse=True)
    columns = PlayColumns(
        listener_ids=listener_ids.tolist(),
        track_ids=track_ids.tolist(),
        listeners=listeners.astype(np.int32),
        tracks=tracks.astype(np.int32),
        counts=np.ones(len(counted), dtype=np.float32),
        played_at=np.array([round(play.played_at.timestamp() * 1000) for play in counted], dtype=np.int64),
    )
    found: Together = {one: set() for one in columns.track_ids}
    for one, other in together(columns).tolist():
        found[columns.track_ids[one]].add(columns.track_ids[other])
    return found
