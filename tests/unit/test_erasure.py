"""Erasures that end in the middle: whatever was done, the next look does the rest."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backend.domain.erasures import ErasedPart, PartReceipt
from backend.domain.errors import AlreadyExists, InvalidInput, NotFound
from backend.domain.feedback import FeedbackKind
from backend.domain.listeners import Profile
from backend.domain.page_tokens import encode_page_token
from backend.ports.event_log import Topic
from backend.rpc.auth import Scope, issue_token
from backend.rpc.bound_tokens import FolderBoundTokens
from backend.rpc.token_file import FILE
from backend.services.erasure import AT_ONCE, LEFT_AFTER, Erasures
from backend.services.identities import KnownIdentities, digest_of
from backend.services.profiles import Profiles
from tests.memory import MemoryEventLog, MemoryStore
from tests.unit.test_listeners import play, word

DAY = timedelta(days=1)


class Killed(BaseException):
    """As kill -9 ends a process: nothing after it is done."""


class Home:
    """Parts that outlive a process, and processes over them."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime(2026, 11, 27, 9, tzinfo=UTC)
        self.log, self.store, self.tokens = MemoryEventLog(), MemoryStore(), folder / "tokens"
        self.ann = self.store.identities.ensure(["ann"])["ann"]
        self.store.put_profiles([Profile(listener_id=self.ann)])
        issue_token(self.tokens, "phone", [Scope.INGEST], listener_id="ann")

    def process(self, profiles: Profiles | None = None) -> Erasures:
        """A process that has just started."""
        return Erasures(
            self.store,
            self.log,
            KnownIdentities(self.store.identities),
            profiles or Profiles(self.store),
            FolderBoundTokens(self.tokens),
            due_within=DAY,
            now=lambda: self.now,
        )

    def left(self) -> list[object]:
        """What is there of ann still."""
        tokens = FolderBoundTokens(self.tokens).of(lambda bound: bound == "ann")
        return [*self.store.identities.pseudonyms(["ann"]), *self.store.profiles([self.ann]), *tokens]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Ann is known, has a profile and a token."""
    return Home(tmp_path)


def killing(method: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """The method, in which the process is killed: before it does anything, or when it has."""

    def killed(*args: Any, **kwargs: Any) -> Any:
        if after:
            method(*args, **kwargs)
        raise Killed

    return killed


STEPS = {
    "put_erasure": lambda home: home.store,
    "append": lambda home: home.log,
    "forget": lambda home: home.store.identities,
    "drop_profiles": lambda home: home.store,
    "put_part": lambda home: home.store,
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_an_erasure_that_was_killed_is_taken_up(
    home: Home, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    """At any step: before the first is durable nothing was promised, after it another process does the rest."""
    part = STEPS[step](home)
    with monkeypatch.context() as patched:
        patched.setattr(part, step, killing(getattr(part, step), after=after))
        with pytest.raises(Killed):
            home.process().ask("ann", timeout_seconds=1)
    if not home.store.open_erasures():
        assert ("put_erasure", False) == (step, after)
        home.process().ask("ann", timeout_seconds=1)
    home.process().resume()  # too soon: whoever was asked may be at it still
    home.now += LEFT_AFTER + timedelta(seconds=1)
    home.process().resume()
    (erasure,) = home.store.open_erasures()
    assert [] == home.left()
    assert all(erasure.is_done(part) for part in AT_ONCE)
    assert {digest_of(home.ann)} == {one["pseudonym_sha256"] for one in news(home)}
    home.process().resume()


def news(home: Home) -> list[dict[str, str]]:
    """What every process is told."""
    return [json.loads(value) for value in home.log.values(Topic.ERASURES)]


def test_who_came_back_keeps_what_is_new(home: Home) -> None:
    """What takes up an old erasure touches neither the new identity nor its profile."""
    home.process().ask("ann", timeout_seconds=1)
    new = home.store.identities.ensure(["ann"])["ann"]
    home.store.put_profiles([Profile(listener_id=new), Profile(listener_id=home.ann)])
    home.now += DAY / 2
    home.process().resume()
    assert {"ann": new} == home.store.identities.pseudonyms(["ann"])
    assert [new] == list(home.store.profiles([new, home.ann]))  # what the sink had on its way is dropped again


def test_a_profile_is_left_alone_once_the_log_has_forgotten(home: Home) -> None:
    """Nothing can make it again then."""
    erasure = home.process().ask("ann", timeout_seconds=1)
    home.store.put_part(erasure.erasure_id, ErasedPart.LOG, PartReceipt(done_at=home.now))
    home.store.put_profiles([Profile(listener_id=home.ann)])
    home.now += DAY
    home.process().resume()
    assert [home.ann] == list(home.store.profiles([home.ann]))


def test_a_broken_tokens_file_costs_the_tokens_part_only(home: Home) -> None:
    """The receipt says so; when it is mended the next look takes the tokens away."""
    file = home.tokens / FILE
    whole = file.read_text()
    file.write_text(whole[:-4])
    erasure = home.process().ask("ann", timeout_seconds=1)
    identity = erasure.parts[ErasedPart.IDENTITY]
    assert (None, erasure.due_at) == (identity.done_at, identity.until)
    assert "their file cannot be used" in identity.told
    assert str(home.tokens) not in identity.told
    assert {} == home.store.identities.pseudonyms(["ann"])
    assert erasure.is_done(ErasedPart.PROFILE)
    file.write_text(whole)
    home.now += LEFT_AFTER * 2
    home.process().resume()
    assert [] == home.left()
    assert home.process().get(erasure.erasure_id).is_done(ErasedPart.IDENTITY)


def test_asked_twice_it_is_one(home: Home) -> None:
    """And somebody of whom nothing is held is nobody."""
    process = home.process()
    erasure = process.ask("ann", timeout_seconds=1)
    assert erasure.due_at == erasure.asked_at + DAY
    with pytest.raises(AlreadyExists, match=erasure.erasure_id):
        process.ask("ann", timeout_seconds=1)
    home.store.close_erasure(erasure.erasure_id, at=home.now)
    for listener in ("ann", "nobody"):
        with pytest.raises(NotFound):
            process.ask(listener, timeout_seconds=1)
    for token in ("no token", encode_page_token((2**52, "x"), question="erasures")):
        with pytest.raises(InvalidInput, match="page_token"):
            process.page(page_size=1, page_token=token)


def test_the_news_of_an_erasure_empties_what_was_just_played(home: Home) -> None:
    """Of that listener alone, also where the log's tail tells of it only afterwards; time goes on as before."""
    seconds = [0.0]
    profiles = Profiles(home.store, clock=lambda: seconds[0])
    plays = [play(number, listener=listener) for number, listener in enumerate((home.ann, "other", home.ann))]
    profiles.plays_accepted(plays)
    profiles.forget([digest_of(home.ann)])
    profiles.plays_accepted(plays)
    profiles.feedback_accepted([word(FeedbackKind.LIKE)])
    assert [0, 1] == [len(profiles.of(listener).recent) for listener in (home.ann, "other")]
    assert 1 == len(profiles.of("l").words)
    seconds[0] = 61.0
    assert [0, 0] == [len(profiles.of(listener).recent) for listener in ("other", "l")]
