"""Parts killed, stopped and stood still under load: nothing confirmed is lost, nothing is counted twice."""

import random
import signal
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import psutil
import pytest

from backend.settings import Settings
from stack.stack import Stack
from tests.faults import hurt
from tests.faults.conftest import Loaded, rounds
from tests.faults.figures import Figures, Row, seconds
from tests.faults.ledger import Account
from tests.faults.load import Load
from tests.faults.oracle import Verdict, judge

pytestmark = pytest.mark.timeout(3600)  # ten times the dose on a busy machine

PATIENT = {"OK", "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
"""How a call may end while parts are hurt: each tells a client to come again."""

KILLED = {
    "kafka": ("D1", "SIGKILL the broker", 30.0),
    "server": ("D2", "SIGKILL the server", 90.0),
    "flink-taskmanager": ("D3", "SIGKILL Flink's TaskManager", 60.0),
    "flink-jobmanager": ("D3", "SIGKILL Flink's JobManager", 60.0),
    "flink-sql-gateway": ("D4", "SIGKILL Flink's SQL gateway", 90.0),
    "mongo": ("D4", "SIGKILL the store", 90.0),
    "sink": ("D4", "SIGKILL the sink", 90.0),
    "keeper": ("D4", "SIGKILL the job keeper", 90.0),
}
"""Row, fault, and the seconds after which it should be back."""
SHORT = ("kafka", "mongo", "flink-taskmanager", "server", "sink")
"""Killed in the short form: e2e/test_main_job.py kills the JobManager, too."""

SAVING = ("flink-taskmanager", "flink-jobmanager")
"""Killed in the middle of a checkpoint."""

FROZEN = ("kafka", "mongo", "flink-taskmanager", "flink-jobmanager", "server", "sink")


@dataclass(slots=True)
class Kills:
    """What came of the kills of a run, by part."""

    back: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    halves: Counter[str] = field(default_factory=Counter)
    verdicts: list[Verdict] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)

    def kill(self, stack: Stack, settings: Settings, load: Load, part: str) -> None:
        """Kill the part under load and note the seconds until it was back.

        Flink's are killed once a checkpoint has begun (some are quicker than the signal), and are back when one that
        they began later is complete. Broker and server: when a play sent after the kill is confirmed. Store (which
        plays of remembered tracks do not wait for), sink, keeper and SQL gateway (which only a job that starts needs):
        when their supervisor says that they are well.
        """
        half = hurt.await_half_a_checkpoint(settings) if part in SAVING else None
        moment = hurt.kill(stack, part)
        if half is not None:
            self.halves[part] += not (half / "_metadata").exists()
            self.back[part].append(hurt.await_checkpoint_after(settings, moment))
        elif part in ("mongo", "sink", "keeper", "flink-sql-gateway"):
            self.back[part].append(time.time() - moment)
        else:
            self.back[part].append(confirmed_after(load, moment))

    def row(self, part: str) -> Row:
        """What the report says of the part."""
        id_, fault, longest = KILLED[part]
        whole, taken = sum(self.verdicts[1:], self.verdicts[0]), self.back[part]
        halves = f", {self.halves[part]} of them in the middle of a checkpoint" if part in SAVING else ""
        return Row(
            id=id_,
            fault=fault,
            dose=f"{len(taken)} times among {whole.events:,} plays{halves}",
            reach=f"0 lost, 0 double; back in {longest:.0f} s",
            seen=f"{whole}; back: {seconds(taken)}",
            held=whole.is_sound and max(taken) <= longest,
        )


def confirmed_after(load: Load, moment: float) -> float:
    """Wait for a play sent after the moment to be confirmed; the seconds since then."""
    assert hurt.within(180, lambda: load.ledger.account().back_after(moment) is not None)
    return load.ledger.account().back_after(moment) or 0.0


def told(verdict: Verdict, account: Account) -> str:
    """The verdict with how calls ended."""
    return f"{verdict}; calls: " + ", ".join(f"{count:,} {code}" for code, count in account.codes.most_common())


def test_killed_parts_lose_nothing_and_count_nothing_twice(
    stack: Stack, settings: Settings, loaded: Loaded, figures: Figures, dose: int, seed: int
) -> None:
    """Each part in turn, in an order of chance, Flink's when a checkpoint has begun; judged after every round."""
    chance, kills = random.Random(seed), Kills()
    parts = SHORT if dose == 1 else tuple(KILLED)
    try:
        for nth in rounds(dose, seconds=45):
            with loaded(f"kills{nth}") as load:
                for part in chance.sample(parts, len(parts)):
                    time.sleep(chance.uniform(0.2, 1.5))
                    kills.kill(stack, settings, load, part)
            account = load.ledger.account()
            kills.codes += account.codes
            kills.verdicts.append(judge(settings, account, load.name))
    finally:  # what was seen stands in the report, also where a round broke off
        for part in parts if kills.verdicts else ():
            figures.add(kills.row(part))
    assert all(verdict.is_sound for verdict in kills.verdicts), kills.verdicts
    assert set(kills.codes) <= PATIENT, kills.codes


def test_parts_that_stand_still_lose_nothing(
    stack: Stack, settings: Settings, loaded: Loaded, figures: Figures, dose: int, seed: int
) -> None:
    """SIGSTOP: connections stay open and nobody answers. Clients hear of it only what tells them to come again."""
    chance, back, stood = random.Random(seed), list[float](), list[float]()
    parts = FROZEN if dose > 1 else ("kafka", "server")
    lengths = [5.0, 20.0, *[5.0] * dose]
    with loaded("still") as load:
        for nth in rounds(max(1, dose // 2), seconds=40):
            for part in chance.sample(parts, len(parts)):
                with hurt.frozen(stack, part):
                    time.sleep(lengths[nth])
                stood.append(lengths[nth])
                back.append(confirmed_after(load, time.time()))
        hurt.await_checkpoint_after(settings, time.time())
    account = load.ledger.account()
    verdict = judge(settings, account, load.name)
    figures.add(
        Row(
            id="D6",
            fault="SIGSTOP of a process, then SIGCONT",
            dose=f"{len(back)} times, {min(stood):.0f} to {max(stood):.0f} s, among {verdict.events:,} plays",
            reach="0 lost; clients see only UNAVAILABLE, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED",
            seen=f"{told(verdict, account)}; the next play confirmed: {seconds(back)}",
            held=verdict.is_sound and set(account.codes) <= PATIENT,
        )
    )
    assert verdict.is_sound, verdict
    assert set(account.codes) <= PATIENT


def test_a_server_told_to_stop_ends_what_it_began(
    stack: Stack, settings: Settings, loaded: Loaded, figures: Figures, dose: int, seed: int
) -> None:
    """SIGTERM under load: it is gone within ten seconds, and what it confirmed is there."""
    chance, ended = random.Random(seed), list[float]()
    with loaded("terms") as load:
        for _ in rounds(dose, seconds=8):
            time.sleep(chance.uniform(0.5, 1.5))
            ended.append(terminated(stack))
            confirmed_after(load, time.time())
    account = load.ledger.account()
    verdict = judge(settings, account, load.name)
    figures.add(
        Row(
            id="D17",
            fault="SIGTERM of the server under load",
            dose=f"{len(ended)} times among {verdict.events:,} plays",
            reach="what is under way is done, gone in 10 s, 0 lost",
            seen=f"{told(verdict, account)}; gone: {seconds(ended)}",
            held=verdict.is_sound and max(ended) <= 10 and set(account.codes) <= PATIENT,
        )
    )
    assert verdict.is_sound, verdict
    assert set(account.codes) <= PATIENT
    assert max(ended) <= 20  # after that the supervisor would have killed it


def terminated(stack: Stack) -> float:
    """Ask the server to stop, and wait for its successor; the seconds until it was gone."""
    before = stack.state.part("server")
    process = psutil.Process(before.pid)
    moment = hurt.send_signal(before, signal.SIGTERM)
    process.wait(60)
    gone = time.time() - moment
    assert hurt.within(60, lambda: hurt.is_up(stack, "server", other_than=before.pid))
    return gone
