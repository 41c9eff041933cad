"""Many times as many calls as the server can answer, while plays come in: it refuses, and loses and breaks nothing."""

import time
from collections import Counter

import pytest
from segue.v1 import recommend_pb2

from backend.settings import Settings
from bench.load import OK, Phase, Target, client
from stack.stack import Stack
from tests.faults.conftest import Loaded
from tests.faults.figures import Figures, Row
from tests.faults.oracle import judge
from tests.faults.test_kills import PATIENT

pytestmark = pytest.mark.timeout(3600)

TIMES = 5
MOST_RATE = 600.0
"""Calls a second. Answers without a model are so cheap that five times as many are more than gRPC's Python server can
even refuse: beyond some 2,000 a second its core ends calls as CANCELLED before any code of ours sees them."""
AFTER_SECONDS = 5.0


def test_a_flood_is_refused_and_costs_no_play(
    stack: Stack, settings: Settings, loaded: Loaded, figures: Figures, dose: int, seed: int
) -> None:
    """Calls end with an answer or with what tells a client to come again, plays beside them are counted once.

    How much is still answered is `segue bench overload`'s to say: here two other workers may take the processor.
    """
    seconds = min(6.0 * dose, 60.0)
    bodies = [recommend_pb2.RecommendRequest(listener_id=f"flood-l{nth}").SerializeToString() for nth in range(200)]
    target = Target(
        address=settings.server_address,
        token=(settings.tokens / "operator.token").read_text().strip(),
        method="/segue.v1.RecommendService/Recommend",
        bodies=bodies,
        seed=seed,
    )
    before = stack.state.part("server").pid
    with loaded("flood") as load, client(target) as flood:
        flood.run(Phase(seconds=2, at_once=4))
        (usual,) = flood.run(Phase(seconds=4, at_once=4))
        capacity = sum(one.code == OK for one in usual) / 4
        began = time.time()
        rate = min(TIMES * max(capacity, 20.0), MOST_RATE)
        outcomes, after = flood.run(Phase(seconds=seconds, rate=rate), Phase(seconds=AFTER_SECONDS, rate=2))
        taken = load.ledger.account().back_after(began)
    verdict = judge(settings, load.ledger.account(), load.name)
    codes = Counter(one.code for one in outcomes)
    figures.add(
        Row(
            id="A1",
            fault=f"A flood, {TIMES} times what is answered but {MOST_RATE:.0f} calls a second at most",
            dose=f"{len(outcomes):,} calls in {seconds:.0f} s where {capacity:.0f} a second can be answered",
            reach="answered or refused with what tells a client to come again, 90 % of what can be; 0 lost, 0 double",
            seen=f"{codes[OK] / seconds / min(max(capacity, 1e-9), rate):.0%} answered; "
            + ", ".join(f"{count:,} {code}" for code, count in codes.most_common())
            + f"; {verdict}",
            held=codes[OK] / seconds >= 0.9 * min(capacity, rate) and set(codes) <= PATIENT and verdict.is_sound,
        )
    )
    assert before == stack.state.part("server").pid
    assert codes[OK] > 0
    assert set(codes) <= PATIENT, codes
    assert taken is not None
    assert OK in {one.code for one in after}
    assert verdict.is_sound, verdict
