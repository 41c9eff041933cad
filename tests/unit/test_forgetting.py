"""Listeners out of the event log: what is theirs goes, all else stays, and a reading that was killed is taken up."""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date

import pytest

from backend.domain.errors import Unavailable
from backend.domain.feedback import FeedbackKind
from backend.ports.event_log import Record, Topic
from backend.ports.identity import new_pseudonym
from backend.ports.records import feedback_record, play_record
from streaming.forgetting import EVENTS, RESULTS, Forgetting, Found
from tests.memory import MemoryEventLog
from tests.unit.test_listeners import NOON, play, word

GONE, STAYS = new_pseudonym(), new_pseudonym()


class World:
    """A log, and what a forgetting told."""

    def __init__(self) -> None:
        self.log = MemoryEventLog()
        self.told: list[Mapping[str, Found]] = []

    def append(self, topic: str, *records: Record) -> None:
        """Records on any topic."""
        assert all(self.log.append(topic, records, timeout_seconds=1))

    def events(self, listener: str) -> None:
        """A play, a hide and rights of the listener."""
        self.append(Topic.PLAYS, play_record(play(1, listener=listener), ingested_at=NOON))
        self.append(Topic.FEEDBACK, feedback_record(replace(word(FeedbackKind.HIDE), listener_id=listener)))
        value = json.dumps({"listener_id": listener, "allow_training": False}).encode()
        self.append(Topic.RIGHTS, Record(key=listener.encode(), value=value))

    def forget(self) -> bool:
        """A run over all topics."""
        forgetting = Forgetting(self.log, [*EVENTS, *RESULTS], [GONE], self.told.append)
        return forgetting.run(timeout_seconds=1)

    def held(self, topic: str) -> list[bytes]:
        """Every value that stands in the topic."""
        return [value for value in self.log.values(Topic(topic) if topic in list(Topic) else topic) if value]  # type: ignore[arg-type]

    def names(self, listener: str) -> bool:
        """Whether anything in the log names the listener: a key, a value, or the key of a deletion."""
        return any(
            listener.encode() in (record.key or b"") + (record.value or b"")
            for partitions in self.log.partitions_of.values()
            for partition in partitions
            for record in partition
        )


@pytest.fixture
def world() -> World:
    """An empty one."""
    return World()


def test_a_listeners_events_go_and_others_stay(world: World) -> None:
    """Plays, feedback and rights; what was found is told with the days that counted it."""
    for listener in (GONE, STAYS):
        world.events(listener)
    assert world.forget()
    assert (False, True) == (world.names(GONE), world.names(STAYS))
    assert [1, 1, 1] == [len(world.held(topic)) for topic in EVENTS]
    (told,) = world.told
    assert {GONE} == told.keys()
    assert dict.fromkeys(EVENTS, 1) == told[GONE].records
    assert {date(2026, 3, 1)} == told[GONE].days


def test_a_log_without_them_is_left_alone(world: World) -> None:
    """Nothing is deleted, nothing told."""
    world.events(STAYS)
    before = {topic: [list(one) for one in of] for topic, of in world.log.partitions_of.items()}
    assert world.forget()
    after = {topic: of for topic, of in world.log.partitions_of.items() if any(of)}
    assert (before, []) == (after, world.told)


def test_rows_and_letters_that_name_them_go(world: World) -> None:
    """By key, by the letter's key, and by the kept bytes of a record, which are base64."""
    for listener in (GONE, STAYS):
        key = json.dumps({"listener_id": listener, "window_start": "2026-03-01T00:00:00Z"}).encode()
        world.append("listener_activity", Record(key=key, value=b"{}"))
        kept = b64encode(f"no play of {listener}".encode()).decode()
        for nth, letter in enumerate(({"record_key": listener}, {"record": kept})):
            world.append("dead_letters", Record(key=f"{listener == GONE}{nth}".encode(), value=_json(letter)))
    world.append("dead_letters", Record(key=b"odd", value=b"[no json"), Record(key=b"more", value=b"[]"))
    assert world.forget()
    assert (1, 4) == (len(world.held("listener_activity")), len(world.held("dead_letters")))
    assert not world.names(GONE)
    assert {"listener_activity": 1, "dead_letters": 2} == world.told[0][GONE].records


def test_an_event_that_only_mentions_them_stays_and_one_of_nobody_goes(world: World) -> None:
    """Whose event it is says its field; where nobody can read that, whom it names."""
    mentions = play_record(replace(play(1, listener=STAYS), surface=GONE), ingested_at=NOON)
    broken = play_record(play(2, listener=GONE), ingested_at=NOON)
    world.append(Topic.PLAYS, mentions, replace(broken, value=(broken.value or b"")[:-1]))
    assert world.forget()
    assert [mentions.value] == world.held(Topic.PLAYS)


def test_what_a_killed_run_deleted_is_forgotten_and_not_told_again(world: World) -> None:
    """Its deletions stand in the log: the next run has them cleaned away, and counts nothing twice."""
    world.events(GONE)
    forgetful, world.log.forget = world.log.forget, _killed  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        world.forget()
    world.log.forget = forgetful  # type: ignore[method-assign]
    assert world.forget()
    assert (False, 1) == (world.names(GONE), len(world.told))


def _killed(topics: Sequence[str], is_forgotten: Callable[[], bool], *, timeout_seconds: float) -> bool:
    raise Unavailable("killed, as the test asked")


def test_a_row_that_comes_back_is_deleted_again(world: World) -> None:
    """The live job may end a session of theirs later."""
    key = _json({"listener_id": GONE, "window_start": "2026-03-01T00:00:00Z"})
    for value in (b"{}", None, b"{}"):
        world.append("listener_activity", Record(key=key, value=value))
    assert world.forget()
    assert not world.names(GONE)


def test_a_log_that_does_not_forget_in_time_says_so(world: World) -> None:
    """Nobody may take it for done."""
    world.events(GONE)
    world.log.forget = lambda topics, is_forgotten, *, timeout_seconds: is_forgotten()  # type: ignore[method-assign]
    assert not world.forget()


def test_deletions_that_the_log_does_not_confirm_are_unavailable(world: World) -> None:
    """The next pass writes them."""
    world.events(GONE)
    world.log.append = lambda topic, records, *, timeout_seconds: [False] * len(records)  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="did not confirm"):
        world.forget()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
