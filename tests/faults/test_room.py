"""The disk of the shared stack becomes full: it refuses in time, comes back by itself, and loses nothing."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from segue.v1 import analytics_pb2, analytics_pb2_grpc, ingest_pb2, ingest_pb2_grpc, recommend_pb2, recommend_pb2_grpc

from backend.settings import Settings
from cli import reach
from stack.stack import Stack
from stack.state import Phase
from tests.conftest import STACK_MEGABYTES
from tests.faults import hurt
from tests.faults.conftest import Loaded, rounds
from tests.faults.figures import Figures, Row, seconds
from tests.faults.ledger import Ledger
from tests.faults.oracle import judge
from tests.small_disk import fill

pytestmark = pytest.mark.timeout(3600)

RESERVE_MEGABYTES = round(STACK_MEGABYTES * 2**20 / 10 / 1e6)
"""A tenth of the stack's disk."""
NEARLY_FULL = 35_000_000
BACK_SECONDS = 120.0


@pytest.fixture
def disk(settings: Settings) -> Path:
    """The stack's own disk; skips where it could get none."""
    if not settings.home.parent.is_mount():
        pytest.skip("a small disk cannot be mounted here, which takes root: the stack's home has none of its own")
    return settings.home.parent


def test_a_disk_that_fills_costs_nothing_that_was_accepted(
    stack: Stack, settings: Settings, disk: Path, loaded: Loaded, figures: Figures, dose: int
) -> None:
    """Nearly full: plays are refused with the reason while answers go on. Full: the parts come back by themselves."""
    resumed, back, before = list[float](), list[float](), log_bytes(settings)
    with loaded("room") as load:
        for _ in rounds(dose, seconds=30):
            resumed.append(refused_and_taken_again(settings, disk, load.ledger))
            back.append(full_and_back(stack, disk, load.ledger))
    saved = hurt.await_checkpoint_after(settings, time.time())
    logs = log_bytes(settings) - before
    verdict = judge(settings, load.ledger.account(), load.name)
    figures.add(
        Row(
            id="D8",
            fault="Disk full under log, store and checkpoints",
            dose=f"{len(back)} times nearly, {len(back)} times wholly, among {verdict.events:,} plays",
            reach="refuses, resumes, 0 lost",
            seen=f"{verdict}; with room again, plays were taken after {seconds(resumed)} where it was nearly full, and "
            f"{seconds(back)} where the broker had ended; the live job saved {saved:.1f} s later",
            held=verdict.is_sound,
        )
    )
    assert verdict.is_sound, verdict
    assert logs < 10_000_000 * len(back)  # Flink's Kafka client wrote 60 MB in the 70 s in which the broker was away


def log_bytes(settings: Settings) -> int:
    """What the parts have written of themselves."""
    return sum(file.stat().st_size for file in (settings.home / "logs").iterdir())


def refused_and_taken_again(settings: Settings, disk: Path, ledger: Ledger) -> float:
    """The seconds from there being room to a play that was taken."""
    fill(disk, leave=NEARLY_FULL)
    with reach.channel(settings) as channel:
        ingest = ingest_pb2_grpc.IngestServiceStub(channel)
        assert hurt.within(30, lambda: f"less than the reserve of {RESERVE_MEGABYTES} MB" in refusal(ingest))
        recommend_pb2_grpc.RecommendServiceStub(channel).Recommend(
            recommend_pb2.RecommendRequest(listener_id="anybody")
        )
        analytics_pb2_grpc.AnalyticsServiceStub(channel).ListTrends(analytics_pb2.ListTrendsRequest())
    assert hurt.within(30, lambda: serving(settings) == {"Ingest": False, "Recommend": True, "Analytics": True})
    code, told = segue("status", settings)
    (line,) = [part for part in told["parts"] if part["name"] == "disk"]
    assert (1, False, True) == (code, line["is_well"], "no plays are taken" in line["health"]), line
    return after_room(disk, ledger)


def full_and_back(stack: Stack, disk: Path, ledger: Ledger) -> float:
    """Every byte is taken until the broker has ended; the seconds from there being room to a play taken.

    The store ends with it only where something is written to it meanwhile.
    """

    def has_hurt() -> bool:
        fill(disk)
        broker = stack.state.part("kafka")
        return broker.phase is Phase.RESTARTING and "waits for room" in broker.why

    assert hurt.within(BACK_SECONDS, has_hurt), stack.state
    assert (1, True) == (segue("status", stack.settings)[0], segue("status", stack.settings)[1]["running"])
    assert 1 == segue("doctor", stack.settings)[0]
    return after_room(disk, ledger, also=lambda: all(hurt.is_up(stack, part) for part in hurt.LONG_PARTS))


def after_room(disk: Path, ledger: Ledger, *, also: Callable[[], bool] = lambda: True) -> float:
    """Make room, and do nothing else: the seconds to a play that was taken, and to what `also` asks for."""
    (disk / "ballast").unlink()
    moment = time.time()
    assert hurt.within(BACK_SECONDS, lambda: ledger.account().back_after(moment) is not None and also(), every=0.5)
    return time.time() - moment


def refusal(ingest: Any) -> str:
    """What a call of no room is told; "" where it is not refused for that."""
    play = {"event_id": "", "listener_id": "nobody", "track_id": "none"}
    try:
        ingest.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=[play]), timeout=5)
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)
        info = error_details_pb2.ErrorInfo()
        if status is not None and status.details and status.details[0].Unpack(info) and info.reason == "NO_ROOM":
            return str(error.details())
    return ""


def serving(settings: Settings) -> dict[str, bool]:
    """What the health of each service says."""
    with grpc.insecure_channel(settings.server_address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        return {
            name: stub.Check(health_pb2.HealthCheckRequest(service=f"segue.v1.{name}Service"), timeout=5).status
            == health_pb2.HealthCheckResponse.SERVING
            for name in ("Ingest", "Recommend", "Analytics")
        }


def segue(command: str, settings: Settings) -> tuple[int, dict[str, Any]]:
    """Exit code and result of a command on this home."""
    argv = [sys.executable, "-m", "cli.main", command, "--json", "--home", str(settings.home)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)
