"""PrivacyService: what is held of a listener, given out and taken back."""

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from segue.v1 import ingest_pb2, ingest_pb2_grpc, privacy_pb2, privacy_pb2_grpc, recommend_pb2

from backend.domain.erasures import ErasedPart
from backend.domain.errors import Unavailable
from backend.domain.feedback import FeedbackKind
from backend.domain.listeners import Profile, Word
from backend.domain.live_tables import DEAD_LETTERS, LISTENER_ACTIVITY
from backend.ports.event_log import Topic
from backend.rpc.auth import Scope, issue_token
from backend.services.export import EXPORTS_AT_ONCE, FILES, README
from backend.services.identities import digest_of
from backend.services.zip_stream import CHUNK
from tests.contract.test_models import listener_version
from tests.memory import MemoryIdentities
from tests.rpc.conftest import World, served, services_in_memory
from tests.rpc.test_analytics import NOON, write
from tests.rpc.test_ingest import play, send, stamp
from tests.rpc.test_recommend import until


def erase(world: World, listener: str = "ann") -> privacy_pb2.Erasure:
    """Erase the listener; the receipt."""
    answer: privacy_pb2.Erasure = world.privacy.EraseListener(
        privacy_pb2.EraseListenerRequest(listener_id=listener)
    ).erasure
    return answer


def export(stub: Any, listener: str = "ann") -> zipfile.ZipFile:
    """The listener's zip, put together."""
    answers = stub.ExportListener(privacy_pb2.ExportListenerRequest(listener_id=listener))
    chunks = [answer.chunk for answer in answers]
    assert max(map(len, chunks)) <= CHUNK
    return zipfile.ZipFile(io.BytesIO(b"".join(chunks)))


def lines(zipped: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in zipped.read(name).splitlines()]


def refusal(call: Any) -> grpc.RpcError:
    """What a call that must fail fails with."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def remembered(world: World, pseudonym: str) -> Profile:
    """What the server would answer by."""
    return world.services.recommender._recall._profiles.of(pseudonym)  # no call tells it of a pseudonym


def like(listener: str) -> ingest_pb2.RecordFeedbackRequest:
    """A like of t1."""
    request = ingest_pb2.RecordFeedbackRequest()
    request.feedback.add(
        event_id=str(uuid.uuid4()),
        listener_id=listener,
        track_id="t1",
        kind=1,
        given_at=stamp(NOON),
    )
    return request


def in_log(world: World, topic: Topic, pseudonym: str) -> list[dict[str, Any]]:
    """The listener's records as an independent reader finds them, under the listener's own id."""
    found = [json.loads(value) for value in world.log.values(topic)]
    return [{**one, "listener_id": "ann"} for one in found if one.get("listener_id") == pseudonym]


def test_an_export_holds_all_that_is_held_of_a_listener(world: World, tmp_path: Path) -> None:
    """Each file equals what an independent reader finds where it comes from; of others there is nothing."""
    send(world, *(play(f"t{number}", listener) for number in range(30) for listener in ("ann", "bob")))
    for listener in ("ann", "bob"):
        world.ingest.RecordFeedback(like(listener))
    rights = privacy_pb2.SetListenerRightsRequest(listener_id="ann", allow_training=False)
    world.privacy.SetListenerRights(rights)
    pseudonyms = world.store.identities.pseudonyms(["ann", "bob"])
    ann = pseudonyms["ann"]
    word = Word(track_id="t9", kind=FeedbackKind.HIDE, given_at=NOON, event_id="w")
    world.store.put_profiles([Profile(listener_id=ann, words=(word,))])
    for number, held in enumerate(pseudonyms.values()):
        write(world, LISTENER_ACTIVITY, held, listener_id=held)
        write(world, DEAD_LETTERS, held, reason="too_late", source_offset=number, record=None, record_key=held)
    issue_token(world.tokens, "phone", [Scope.INGEST], listener_id="ann")
    world.models.publish(listener_version(tmp_path, "v1", [ann, pseudonyms["bob"]]))

    with export(world.privacy) as zipped:
        assert [*(file.name for file in FILES), README] == zipped.namelist()
        assert zipped.testzip() is None
        for topic, count in ((Topic.PLAYS, 30), (Topic.FEEDBACK, 1), (Topic.RIGHTS, 1)):
            found = lines(zipped, f"{topic}.jsonl")
            assert (in_log(world, topic, ann), count) == (found, len(found))
        kept = lines(zipped, "profile.jsonl")
        assert 30 == sum(one["entry"] == "play" for one in kept)
        assert {("t1", "like"), ("t9", "hide")} == {
            (one["track_id"], one["kind"]) for one in kept if one["entry"] == "word"
        }
        assert [("ann", 9)] == [(one["listener_id"], one["plays"]) for one in lines(zipped, "listener_activity.jsonl")]
        assert ["ann"] == [one["record_key"] for one in lines(zipped, "dead_letters.jsonl")]
        (model,) = lines(zipped, "models.jsonl")
        assert ("v1", False, "ann") == (model["version"], model["serves"], model["listener_id"])
        assert 3 == len(model["factors"])
        assert [("phone", ["ingest"])] == [(one["name"], one["scopes"]) for one in lines(zipped, "tokens.jsonl")]
        readme = zipped.read(README).decode()
        assert "## plays.jsonl: 30 lines" in readme
        assert "What was recommended to you, and why" in readme
        text = b"".join(zipped.read(name) for name in zipped.namelist())
    assert b"bob" not in text
    assert pseudonyms["bob"].encode() not in text


def test_of_a_listener_whom_nobody_knows_there_is_nothing(world: World) -> None:
    """Neither to give out nor to erase, and asking makes nobody known."""
    for call in (lambda: export(world.privacy, "nobody"), lambda: erase(world, "nobody")):
        assert grpc.StatusCode.NOT_FOUND == refusal(call).code()
    assert {} == world.store.identities.pseudonyms(["nobody"])


def test_an_erased_listener_is_nobody_at_once(world: World) -> None:
    """Mapping, profile, fresh plays and tokens are gone; the receipt says what follows until when, and of nobody."""
    phone = issue_token(world.tokens, "phone", [Scope.INGEST], listener_id="ann")
    issue_token(world.tokens, "others", [Scope.INGEST], listener_id="bob")
    send(world, play("t2"), play("t4"), play("t2", "bob"))
    ann = world.store.identities.pseudonyms(["ann"])["ann"]
    world.store.put_profiles([Profile(listener_id=ann)])
    receipt = erase(world)
    assert {} == world.store.identities.pseudonyms(["ann"])
    assert {} == world.store.profiles([ann])
    assert Profile(listener_id=ann) == remembered(world, ann)
    names = [entry["name"] for entry in json.loads((world.tokens / "tokens.json").read_text())]
    assert ["operator", "others"] == sorted(names)
    stub = ingest_pb2_grpc.IngestServiceStub(world.channel(phone))
    record = ingest_pb2.RecordPlaysRequest(plays=[play()])
    assert grpc.StatusCode.UNAUTHENTICATED == refusal(lambda: stub.RecordPlays(record)).code()
    done = {part.part: part.HasField("done_time") for part in receipt.parts}
    assert [True, True, False, False, False, False, False] == [done[number] for number in sorted(done)]
    rows = {part.part: part.rows for part in receipt.parts}
    assert [2, 1] == [rows[privacy_pb2.ERASED_PART_IDENTITY], rows[privacy_pb2.ERASED_PART_PROFILE]]
    assert all(part.until_time == receipt.due_time for part in receipt.parts if not done[part.part])
    assert 24 * 3600 == receipt.due_time.seconds - receipt.asked_time.seconds
    text = str(receipt)
    assert not any(personal in text for personal in ("ann", ann, digest_of(ann)))
    (news,) = world.log.values(Topic.ERASURES)
    assert {"pseudonym_sha256": digest_of(ann)} == json.loads(news)


def test_answers_forget_what_was_just_played(world: World) -> None:
    """Whoever comes back under the id is new: another pseudonym, no taste, nothing kept away."""
    send(world, play("t2"), play("t4"))
    request = recommend_pb2.RecommendRequest(listener_id="ann", page_size=60)
    before = world.recommend.Recommend(request)
    assert {"t2", "t4"}.isdisjoint(track.track_id for track in before.tracks)
    old = world.store.identities.pseudonyms(["ann"])["ann"]
    erase(world)
    stranger = world.recommend.Recommend(recommend_pb2.RecommendRequest(listener_id="stranger", page_size=60))
    after = world.recommend.Recommend(request)
    assert [track.track_id for track in stranger.tracks] == [track.track_id for track in after.tracks]
    send(world, play("t6"))
    assert world.store.identities.pseudonyms(["ann"])["ann"] != old


def test_a_second_erasure_is_told_of_the_one_that_runs(world: World) -> None:
    """By its id; a listener who came back meanwhile may be erased again."""
    send(world, play())
    first = erase(world)
    error = refusal(lambda: erase(world))
    assert grpc.StatusCode.ALREADY_EXISTS == error.code()
    assert first.erasure_id in error.details()
    send(world, play())
    assert first.erasure_id != erase(world).erasure_id
    assert 2 == len(world.store.open_erasures())


def test_an_erasure_that_the_log_did_not_hear_of_goes_on(world: World) -> None:
    """Asked again it is the same one; nobody is half erased for ever."""
    send(world, play())
    world.log.down = True
    assert grpc.StatusCode.UNAVAILABLE == refusal(lambda: erase(world)).code()
    (begun,) = world.store.open_erasures()
    world.log.down = False
    assert begun.erasure_id == erase(world).erasure_id
    assert {} == world.store.identities.pseudonyms(["ann"])


def test_every_process_hears_of_it(world: World, tmp_path: Path) -> None:
    """Within seconds another server has forgotten id, pseudonym and fresh plays."""
    home = tmp_path / "other"
    with served(home, world.log, world.store, world.vectors, world.models) as other:
        send(other, play("t2"))
        ann = world.store.identities.pseudonyms(["ann"])["ann"]
        assert 1 == len(remembered(other, ann).recent)
        erase(world)
        until(lambda: not remembered(other, ann).recent)
        until(lambda: other.services.identities.pseudonym("ann") is None)
        send(other, play("t2"))
        assert ann != world.store.identities.pseudonyms(["ann"])["ann"]


def test_erasures_are_listed_newest_first_in_pages(world: World) -> None:
    """Each once; and one is found by its id."""
    asked = []
    for _ in range(5):
        world.store.identities.ensure(["ann"])
        asked.append(erase(world).erasure_id)
    listed, request = [], privacy_pb2.ListErasuresRequest(page_size=2)
    while True:
        page = world.privacy.ListErasures(request)
        listed += [one.erasure_id for one in page.erasures]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert sorted(asked) == sorted(listed)
    assert listed == [
        one.erasure_id
        for one in sorted(world.store.erasures(limit=9), key=lambda one: (one.asked_at, one.erasure_id), reverse=True)
    ]
    found = world.privacy.GetErasure(privacy_pb2.GetErasureRequest(erasure_id=asked[0])).erasure
    assert (asked[0], len(ErasedPart)) == (found.erasure_id, len(found.parts))
    unknown = privacy_pb2.GetErasureRequest(erasure_id=str(uuid.uuid4()))
    assert grpc.StatusCode.NOT_FOUND == refusal(lambda: world.privacy.GetErasure(unknown)).code()
    altered = privacy_pb2.ListErasuresRequest(page_token="x")
    assert grpc.StatusCode.INVALID_ARGUMENT == refusal(lambda: world.privacy.ListErasures(altered)).code()


def test_what_a_listener_allows_is_in_the_log(world: World) -> None:
    """Under the pseudonym, the last word last; also of a listener who has played nothing yet."""
    for allowed in (False, True):
        request = privacy_pb2.SetListenerRightsRequest(listener_id="new", allow_training=allowed)
        world.privacy.SetListenerRights(request)
    pseudonym = world.store.identities.pseudonyms(["new"])["new"]
    expected = [{"listener_id": pseudonym, "allow_training": allowed} for allowed in (False, True)]
    assert expected == [json.loads(value) for value in world.log.values(Topic.RIGHTS)]


def test_what_the_log_did_not_confirm_is_not_said_to_be_kept(world: World) -> None:
    """A retry helps."""
    world.log.down = True
    request = privacy_pb2.SetListenerRightsRequest(listener_id="ann", allow_training=False)
    assert grpc.StatusCode.UNAVAILABLE == refusal(lambda: world.privacy.SetListenerRights(request)).code()
    world.log.down = False


def test_a_listener_needs_no_scope_for_what_is_theirs(world: World) -> None:
    """Export, rights and erasure with a token that may do nothing else; the token goes with the listener."""
    world.store.identities.ensure(["ann", "bob"])
    stub = privacy_pb2_grpc.PrivacyServiceStub(world.channel(world.token(listener_id="ann")))
    with export(stub) as zipped:
        assert [{"name": "test ann", "scopes": [], "listener_id": "ann", "expires_at": None}] == lines(
            zipped, "tokens.jsonl"
        )
    assert grpc.StatusCode.PERMISSION_DENIED == refusal(lambda: export(stub, "bob")).code()
    everybody = privacy_pb2.ListErasuresRequest()
    assert grpc.StatusCode.PERMISSION_DENIED == refusal(lambda: stub.ListErasures(everybody)).code()
    stub.EraseListener(privacy_pb2.EraseListenerRequest(listener_id="ann"))
    assert grpc.StatusCode.UNAUTHENTICATED == refusal(lambda: export(stub)).code()


@pytest.fixture
def slow_export(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose log gives nothing before an export's first chunk could be full."""
    send(world, play())
    ended = []

    def endless(*_: object, **__: object) -> Iterator[dict[str, str]]:
        try:
            while True:
                yield {"noise": uuid.uuid4().hex}
        finally:
            ended.append(True)

    monkeypatch.setattr("backend.services.holdings.Holdings.records", endless)
    yield world
    until(lambda: len(ended) >= EXPORTS_AT_ONCE)


def test_one_export_too_many_is_turned_away(slow_export: World) -> None:
    """And an export whose client hung up makes room for the next."""
    request = privacy_pb2.ExportListenerRequest(listener_id="ann")
    running = [slow_export.privacy.ExportListener(request) for _ in range(EXPORTS_AT_ONCE)]
    for stream in running:
        next(stream)
    error = refusal(lambda: next(slow_export.privacy.ExportListener(request)))
    assert grpc.StatusCode.RESOURCE_EXHAUSTED == error.code()
    for stream in running:
        stream.cancel()


def test_a_server_with_another_secret_does_not_serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody would be a stranger to it: its health says so, and its log which setting it is."""

    def refuse(_: object) -> None:
        raise Unavailable("identity_secret is not the secret that the listeners' pseudonyms were made with")

    monkeypatch.setattr(MemoryIdentities, "check", refuse)
    ready = services_in_memory(tmp_path).readiness.look()
    assert (False, False, False, False) == (ready.ingest, ready.recommend, ready.analytics, ready.privacy)
