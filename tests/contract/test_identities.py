"""The mapping's promise, on every implementation; and what lies under it for whoever looks into the store."""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import pytest
from pymongo import MongoClient

from backend import wiring
from backend.adapters.store.mongo import MongoStore
from backend.domain.errors import Unavailable
from backend.ports.identity import PSEUDONYM_LENGTH, Identities, new_pseudonym
from backend.sealing import Sealing
from backend.settings import Settings
from tests.memory import MemoryStore

SECRET = b"a secret of thirty-two characters"

Opened = Callable[[], Identities]
"""The mapping as a process sees it that has just started."""


@pytest.fixture
def own_settings(settings: Settings) -> Settings:
    """The stack's settings under a tenant of this test's own."""
    return settings.model_copy(update={"tenant": f"t{uuid.uuid4().hex[:12]}"})


@pytest.fixture
def mongo(own_settings: Settings) -> Iterator[MongoStore]:
    """An empty store, migrated."""
    store = wiring.store(own_settings)
    assert isinstance(store, MongoStore)
    store.migrate()
    yield store
    store.close()


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.stack)])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Nobody is known yet."""
    if request.param == "memory":
        store = MemoryStore()
        return lambda: store.identities
    mongo: MongoStore = request.getfixturevalue("mongo")
    own: Settings = request.getfixturevalue("own_settings")
    return lambda: mongo.identities(Sealing(SECRET, tenant=own.tenant))


def test_a_listener_has_one_pseudonym_in_every_process(opened: Opened) -> None:
    """Made where it is asked for, known where it is looked up, and told back."""
    assert {} == opened().pseudonyms(["ann", "bob"])
    made = opened().ensure(["ann", "bob", "ann"])
    assert made == opened().ensure(["bob", "ann"])
    assert made == opened().pseudonyms(["ann", "bob", "cat"])
    assert {pseudonym: one for one, pseudonym in made.items()} == opened().listener_ids([*made.values(), "nobody"])
    assert [PSEUDONYM_LENGTH] * 2 == [len(one) for one in made.values()]
    assert made["ann"] != made["bob"]
    assert {} == opened().ensure([]) == opened().pseudonyms([]) == opened().listener_ids([])


def test_of_those_who_meet_a_listener_at_once_all_get_the_same(opened: Opened) -> None:
    """However many make it in the same moment."""
    names = [f"listener-{number}" for number in range(200)]
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: opened().ensure(names), range(8)))
    assert [made[0]] * 8 == made
    assert 200 == len(set(made[0].values()))
    # Few of them, and many.
    for part in (names[:2], names[:150]):
        pseudonyms = [made[0][one] for one in part]
        assert dict(zip(pseudonyms, part, strict=True)) == opened().listener_ids([*pseudonyms, "nobody"])


def test_a_forgotten_listener_comes_back_as_somebody_else(opened: Opened) -> None:
    """Nobody is behind the old pseudonym any more; the others stay."""
    before = opened().ensure(["ann", "bob"])
    assert opened().forget(before["ann"])
    assert not opened().forget(before["ann"])
    assert not opened().forget(new_pseudonym())
    assert {"bob": before["bob"]} == opened().pseudonyms(["ann", "bob"])
    assert {before["bob"]: "bob"} == opened().listener_ids(list(before.values()))
    assert before["ann"] != opened().ensure(["ann"])["ann"]


def test_a_look_up_key_is_the_same_for_the_same_id_only(opened: Opened) -> None:
    """In every process, and it does not hold the id."""
    keys = {opened().look_up_key(one) for one in ("ann", "ann", "bob", "Ann")}
    assert 3 == len(keys)
    assert not any("ann" in key.lower() for key in keys)


def test_ids_of_any_letters_are_kept(opened: Opened) -> None:
    """As the contract lets them in, and what an earlier one let in."""
    names = ["a" * 128, "A.b_c:d@e-f", "ünïcode 🎵", "$where", "a\nb"]
    made = opened().ensure(names)
    assert dict(zip(made.values(), made, strict=True)) == opened().listener_ids(list(made.values()))


def documents(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    """Everything that stands in the tenant's database."""
    with MongoClient[dict[str, Any]](settings.store_url, tz_aware=True) as client:
        database = client[settings.tenant]
        return {name: list(database[name].find()) for name in database.list_collection_names()}


@pytest.mark.stack
def test_a_listing_of_the_store_tells_nobody_who_is_who(mongo: MongoStore, own_settings: Settings) -> None:
    """Neither the id nor a hash that anybody could make without the secret stands there."""
    mongo.identities(Sealing(SECRET, tenant=own_settings.tenant)).ensure(["listener-42"])
    held = documents(own_settings)
    text = json.dumps(list(chain.from_iterable(held.values())), default=repr)
    assert "identities" in held
    assert "listener-42" not in text
    (document,) = held["identities"]
    other = Sealing(b"another secret of that many letters", tenant=own_settings.tenant)
    elsewhere = Sealing(SECRET, tenant="elsewhere")
    assert document["_id"] not in {other.look_up_key("listener-42"), elsewhere.look_up_key("listener-42")}
    for sealing in (other, elsewhere):
        with pytest.raises(ValueError, match="sealed by another secret"):
            sealing.opened(bytes(document["sealed"]))


@pytest.mark.stack
def test_another_secret_is_refused_before_it_makes_anybody_new(mongo: MongoStore, own_settings: Settings) -> None:
    """By every method, naming the setting."""
    mongo.identities(Sealing(SECRET, tenant=own_settings.tenant)).ensure(["ann"])
    wrong = mongo.identities(Sealing(SECRET[::-1], tenant=own_settings.tenant))
    for call in (wrong.ensure, wrong.pseudonyms, wrong.listener_ids):
        with pytest.raises(Unavailable, match="identity_secret"):
            call(["ann"])
    with pytest.raises(Unavailable, match="identity_secret"):
        wrong.forget("ann")
    assert 1 == len(documents(own_settings)["identities"])


@pytest.mark.stack
def test_tenants_have_nobody_in_common(mongo: MongoStore, own_settings: Settings) -> None:
    """The same id under the same secret is another listener there."""
    here = mongo.identities(Sealing(SECRET, tenant=own_settings.tenant)).ensure(["ann"])
    other = own_settings.model_copy(update={"tenant": f"{own_settings.tenant}x"})
    store = wiring.store(other)
    assert isinstance(store, MongoStore)
    store.migrate()
    there = store.identities(Sealing(SECRET, tenant=other.tenant))
    assert {} == there.pseudonyms(["ann"])
    assert {} == there.listener_ids(list(here.values()))
    assert here != there.ensure(["ann"])
    store.close()
