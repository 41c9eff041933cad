"""`segue models` and `segue train --every` as a person or a script meets them."""

import json
import random
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend import wiring
from backend.domain.clusters import TrackClusters
from backend.ranking.foldin import FoldIn
from backend.ranking.weights import FusionWeights
from backend.settings import Settings
from backend.versions.codec import Ranking, VersionVectors
from cli import main
from stack.ports import free_port
from training.content import clusters
from training.engines.trainer import AlsSettings, gram
from training.evaluation.metrics import Estimate
from training.judging.judge import Judgement
from training.publishing import promote, publish
from training.publishing.manifest import DataWindow, VersionFacts

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
CLUSTERS = TrackClusters(version="", features=("energy",), means=(0.5,), deviations=(0.1,), centroids=((-1.0,), (1.0,)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where nothing runs, and where no Kafka answers."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGUE_KAFKA_SERVERS", f"127.0.0.1:{free_port(set(), random.SystemRandom())}")
    return tmp_path / "home"


def segue(home: Path, *argv: str, capsys: pytest.CaptureFixture[str]) -> Any:
    """The parsed result of `segue … --json`."""
    assert 0 == main.run([*argv, "--home", str(home), "--json"]), capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def released(
    home: Path,
    minute: int,
    *,
    point: bool = True,
    further: Mapping[str, bytes] | None = None,
    ndcg: float = 0.3,
    plays: int = 9,
) -> str:
    """Publish a version made at that minute, and point to it."""
    settings = Settings(home=home)
    models, index = wiring.models(settings), wiring.vector_index(settings)
    tracks = np.array([[1, 2], [3, 4]], dtype=np.float32)
    fold_in = FoldIn(gram=gram(tracks), unobserved_weight=0.1, regularization=2.0, confidence_scale=1.0)
    vectors = VersionVectors(
        track_ids=["a", "b"],
        listener_ids=["l"],
        tracks=tracks,
        listeners=np.ones((1, 2), dtype=np.float32),
        content=np.ones((2, 3), dtype=np.float32),
    )
    ranking = Ranking(
        encoder_name="mini",
        encoder_dimension=3,
        parts={"factors": fold_in},
        weights=FusionWeights(below={"factors": 1.0}),
    )
    folder = home / f"draft-{minute}"
    folder.mkdir(parents=True)
    version = publish.write_version(folder, vectors, ranking, facts(minute, ndcg, plays), further)
    publish.publish(folder, version, vectors, index=index, models=models)
    if point:
        models.point(version)
    return version


def facts(minute: int, ndcg: float, plays: int) -> VersionFacts:
    """What the manifest says."""
    return VersionFacts(
        created_at=NOW + timedelta(minutes=minute),
        engine="local",
        seed=7,
        settings=AlsSettings(dimension=2),
        judgement=Judgement(metrics={"ndcg@20": Estimate(ndcg, 0.2, 0.4)}, baseline={}, objections=()),
        data=DataWindow(
            first_play=NOW.isoformat(),
            last_play=(NOW + timedelta(minutes=minute)).isoformat(),
            plays=plays,
            listeners=1,
            tracks=2,
            excluded={},
            flagged_listeners=0,
            limits={},
            files=1,
            size=10,
            sha256="5a",
        ),
        settings_from="defaults",
        drift=None,
    )


def test_versions_are_listed_promoted_and_rolled_back(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The pointer goes where it is told, and back."""
    old, new = released(home, 1), released(home, 2)
    listed = segue(home, "models", "list", capsys=capsys)
    assert [(new, True), (old, False)] == [(one["version"], one["is_current"]) for one in listed]
    went = {"current": old, "previous": new, "warning": ""}
    assert went == segue(home, "models", "promote", old, capsys=capsys)
    back = {"current": new, "previous": old, "warning": ""}
    assert back == segue(home, "models", "rollback", capsys=capsys)
    assert new == segue(home, "models", "show", new, capsys=capsys)["version"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["rollback"], "there is no version to go back to: see what was published with `segue models list`"),
        (["promote", "v9"], "there is no model version v9: see them with `segue models list`"),
        (["show", "v9"], "there is no model version v9: see them with `segue models list`"),
        (["drift"], "there is no version to compare with: run `segue train`"),
    ],
)
def test_a_version_that_is_not_there_says_what_to_do(
    home: Path, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    """None before, none of that name, none at all: what is missing, and the command that comes next."""
    assert 1 == main.run(["models", *argv, "--home", str(home)])
    out, err = capsys.readouterr()
    assert ("", f"✗ {said}") == (out, " ".join(err.split()))


def test_a_promotion_holds_though_its_clusters_could_not_be_sent(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka is down: the pointer moves, and the warning says how to send them later."""
    monkeypatch.setattr(promote, "APPEND_SECONDS", 0.5)
    version = released(home, 1, point=False, further={clusters.FILE: clusters.to_file(CLUSTERS)})
    told = segue(home, "models", "promote", version, capsys=capsys)
    assert (version, None) == (told["current"], told["previous"])
    assert f"`segue models promote {version}`" in told["warning"]


def test_two_versions_are_compared_with_what_differs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Metrics with their change; data of another size is named, and a warning that it was."""
    old, new = released(home, 1, ndcg=0.30), released(home, 2, ndcg=0.34, plays=12)
    found = segue(home, "models", "compare", old, new, capsys=capsys)
    assert 0.04 == pytest.approx(found["metrics"]["ndcg@20"]["change"])
    assert {"old": "9", "new": "12"} == found["differences"]["data.plays"]
    assert not found["same_data"]
    assert "settings.dimension" not in found["differences"]
    assert segue(home, "models", "compare", old, old, capsys=capsys)["same_data"]


def test_pruning_keeps_what_serves_and_what_is_asked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Current, previous and the newest."""
    versions = [released(home, minute) for minute in range(4)]
    segue(home, "models", "promote", versions[0], capsys=capsys)
    assert {"removed": [versions[2], versions[1]]} == segue(home, "models", "prune", "--keep", "1", capsys=capsys)


def test_a_time_that_is_none_is_refused_before_anything_happens(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With examples."""
    assert 1 == main.run(["train", "--every", "often", "--home", str(home)])
    assert "30m" in capsys.readouterr().err
    assert not home.exists()


def test_training_again_and_again_outlives_a_failure_and_ends_on_sigterm(home: Path) -> None:
    """No store answers: the error is told, the process waits for the next time, and ends with 0 when asked."""
    argv = [sys.executable, "-m", "cli.main", "train", "--every", "1d", "--json", "--home", str(home)]
    nobody = f"127.0.0.1:{free_port(set(), random.SystemRandom())}"
    addresses = {"SEGUE_STORE_URL": f"mongodb://{nobody}/?serverSelectionTimeoutMS=500"}
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        argv, stderr=subprocess.PIPE, text=True, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": root, **addresses}
    ) as process:
        try:
            assert process.stderr is not None
            told = json.loads(process.stderr.readline())
            assert ("Unavailable", None) == (told["error"], process.poll())
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(timeout=30)
        finally:
            process.kill()
