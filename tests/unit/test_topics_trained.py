"""The topics of a training go into its version, and on into the next one's."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from backend import wiring
from backend.domain.errors import InvalidInput
from backend.domain.tracks import AUDIO_FEATURES, Artist, AudioFeatures, Track
from backend.settings import Settings
from backend.versions.codec import VersionVectors
from tests.unit.test_publish import NOW, facts, ranking
from tests.unit.test_topics_found import SIZES, tracks
from training import wiring as training_wiring
from training.content.clusters import feature_table
from training.content.topics import FoundTopics
from training.data.archive import Snapshot
from training.data.catalogue import read_catalogue
from training.data.dataset import PlayColumns
from training.data.exclusions import Limits
from training.engines.local import LocalTrainer
from training.judging.published import published
from training.material import Material
from training.publishing import publish
from training.topics import TopicFinder, files_of


def material(*, seed: int = 0) -> Material:
    """The tracks of `test_topics_found`, one that is silent, and three plays."""
    ids, table, tags = tracks(SIZES, seed=seed)
    sounds = [AudioFeatures(**dict(zip(AUDIO_FEATURES, row, strict=True))) for row in table.tolist()]
    told = [
        Track(track_id=track_id, title=track_id, artist_ids=("a",), tags=tags[track_id], audio_features=sound)
        for track_id, sound in zip(ids, sounds, strict=True)
    ]
    told.append(Track(track_id="silent", title="Silent", artist_ids=("a",)))
    catalogue = read_catalogue(told, [Artist(artist_id="a", name="A")])
    feature_ids, features = feature_table(catalogue.sounds)
    return Material(
        plays=PlayColumns(
            listener_ids=["l"],
            track_ids=["metal-0005", "metal-0008"],
            listeners=np.zeros(3, dtype=np.int32),
            tracks=np.array([0, 1, 1], dtype=np.int32),
            counts=np.ones(3, dtype=np.float32),
            played_at=np.zeros(3, dtype=np.int64),
        ),
        excluded={},
        flagged_listeners=0,
        limits=Limits(day_plays=0, day_repeats=0, listener_plays=0, track_plays=0),
        snapshot=Snapshot(files=()),
        catalogue=catalogue,
        feature_ids=feature_ids,
        features=features,
    )


def finder(settings: Settings) -> TopicFinder:
    """Of the local engine."""
    return training_wiring.topic_finder(settings, LocalTrainer(threads=1))


def release(settings: Settings, folder: Path, found: FoundTopics, learned: Material, minute: int) -> str:
    """Publish a version with these topics and point to it."""
    track_ids: Sequence[str] = sorted(learned.catalogue.texts)
    vectors = VersionVectors(
        track_ids=track_ids,
        listener_ids=["l"],
        tracks=np.ones((len(track_ids), 2), dtype=np.float32),
        listeners=np.ones((1, 2), dtype=np.float32),
        content=np.ones((len(track_ids), 3), dtype=np.float32),
    )
    told = replace(facts(created_at=NOW + timedelta(minutes=minute)), topics=found.choice)
    (draft := folder / f"draft-{minute}").mkdir()
    version = publish.write_version(draft, vectors, ranking(vectors), told, files_of(found, learned, track_ids))
    models = wiring.models(settings)
    publish.publish(draft, version, vectors, index=wiring.vector_index(settings), models=models)
    models.point(version)
    return version


def test_topics_go_through_a_version_into_the_next(tmp_path: Path) -> None:
    """The server loads them with their tracks, the most played first; the next training keeps ids and numbers."""
    settings = Settings(home=tmp_path, clusters_least=2, clusters=3, clusters_within=2)
    said: list[str] = []
    learned = material()
    found = finder(settings).find(learned, None, seed=0, report=said.append)
    assert found is not None
    assert ["3 topics, 6 within them"] == [line.partition(";")[0] for line in said]
    version = release(settings, tmp_path, found, learned, 1)

    loaded = wiring.models(settings).load(version)
    assert loaded.topics is not None
    assert found.topics == loaded.topics.topics
    metal = loaded.topics.topics_of("metal-0005")[-1]
    rows = loaded.topics.rows(metal).tolist()
    assert ["metal-0008", "metal-0005", "metal-0000"] == [loaded.topics.track_ids[row] for row in rows[:3]]
    assert () == loaded.topics.topics_of("silent")
    choice = loaded.manifest["topics"]["upper"]  # type: ignore[index]
    assert (3, ["2", "3"]) == (choice["topics"], list(choice["silhouettes"]))

    current = published(wiring.models(settings))
    assert current is not None
    again = finder(settings).find(material(seed=5), current, seed=5, report=said.append)
    assert again is not None
    assert {one.topic_id: one.cluster for one in found.topics} == {one.topic_id: one.cluster for one in again.topics}


def test_too_few_tracks_have_no_topics_and_that_is_said(tmp_path: Path) -> None:
    """With how many there are and how many are needed."""
    said: list[str] = []
    few = replace(material(), feature_ids=["x"], features=np.zeros((1, 9)))
    assert finder(Settings(home=tmp_path)).find(few, None, seed=0, report=said.append) is None
    assert ["no topics: 1 tracks have audio features, 40 are needed"] == said


def test_bounds_that_cross_are_refused(tmp_path: Path) -> None:
    """Before anything is learned, by the setting's name."""
    with pytest.raises(InvalidInput, match="clusters_least: must not be above clusters, which is 4"):
        finder(Settings(home=tmp_path, clusters=4))
