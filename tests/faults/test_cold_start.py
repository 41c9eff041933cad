"""Everything is killed at once, the supervisor included, and started again on what lies on disk."""

import random
import time
from pathlib import Path

import grpc
import pytest
from segue.v1 import recommend_pb2, recommend_pb2_grpc

from backend import wiring
from backend.settings import Settings
from cli import reach
from stack.stack import Stack
from tests.faults import hurt
from tests.faults.conftest import Loaded, rounds
from tests.faults.figures import Figures, Row, seconds
from tests.faults.oracle import judge
from tests.rpc.test_process import is_serving
from tests.unit.test_publish import facts, ranking, vectors
from training.publishing import publish

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


@pytest.fixture
def published(stack: Stack, settings: Settings, tmp_path: Path) -> str:
    """A small version that the shared stack's server answers with."""
    models, held = wiring.models(settings), vectors()
    version = publish.write_version(tmp_path, held, ranking(held), facts())
    publish.publish(tmp_path, version, held, index=wiring.vector_index(settings), models=models)
    models.point(version)
    assert hurt.within(30, lambda: answering(settings) == version)
    return version


def answering(settings: Settings) -> str:
    """The version that recommendations come from now; "" where none come."""
    try:
        with reach.channel(settings) as channel:
            stub = recommend_pb2_grpc.RecommendServiceStub(channel)
            return str(stub.Recommend(recommend_pb2.RecommendRequest(listener_id="anybody"), timeout=2).model_version)
    except grpc.RpcError:
        return ""


def test_a_cold_start_goes_on_where_everything_was_killed(
    stack: Stack, settings: Settings, published: str, loaded: Loaded, figures: Figures, dose: int, seed: int
) -> None:
    """The published version answers, the live job goes on from its checkpoint, and no play is lost or counted twice."""
    chance, back, saved = random.Random(seed), list[float](), list[float]()
    versions = set[str]()
    with loaded("cold") as load:
        for _ in rounds(dose, seconds=15):
            time.sleep(chance.uniform(2, 5))
            moment = hurt.kill_everything(stack)
            assert stack.start()
            assert is_serving(settings.server_address, 300)
            assert hurt.within(60, lambda: answering(settings) != "")
            back.append(time.time() - moment)
            versions.add(answering(settings))
            saved.append(hurt.await_checkpoint_after(settings, moment))
    account = load.ledger.account()
    verdict = judge(settings, account, load.name)
    figures.add(
        Row(
            id="D5",
            fault="SIGKILL everything, cold start",
            dose=f"{len(back)} times among {verdict.events:,} plays",
            reach="SERVING in 90 s with the published model; 0 lost, 0 double",
            seen=f"{verdict}; SERVING with the model: {seconds(back)}; the live job saved: {seconds(saved)}",
            held=verdict.is_sound and {published} == versions and max(back) <= 90,
        )
    )
    assert {published} == versions
    assert verdict.is_sound, verdict
