"""Answers that are continued by any server."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.errors import InvalidInput, Unavailable
from backend.domain.page_tokens import encode_page_token, question_digest
from backend.domain.recommendations import Answer, AnswerPath, Reason, Recommendation
from backend.ranking.fuse import fused
from backend.ranking.lists import Because, CandidateList
from backend.ranking.sources import NAMES
from backend.services import answers as answers_module
from backend.services.answer_codec import UnreadableAnswer, decoded, encoded
from backend.services.answers import KEPT, LARGEST_BYTES, WRITE_SECONDS, Answers
from backend.services.ranked import Ranked
from tests.memory import MemoryStore

ANN, BOB = question_digest("recommend", "ann"), question_digest("recommend", "bob")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

reasons = st.builds(
    Reason,
    source=st.sampled_from(NAMES),
    rank=st.integers(1, 10_000),
    share=st.floats(0, 1),
    text=st.text(max_size=20),
)
recommendations = st.builds(
    Recommendation,
    track_id=st.text(max_size=20),
    score=st.floats(allow_nan=False, allow_infinity=False),
    reasons=st.lists(reasons, max_size=4).map(tuple),
)


def answer(tracks: int = 700, *, answer_id: str = "id", id_length: int = 22) -> Answer:
    """An answer as large as they come: four reasons each, of which some say the same."""
    return Answer(
        recommendation_id=answer_id,
        recommendations=tuple(
            Recommendation(
                track_id=f"{question_digest(number) * 4:.{id_length}}",
                score=1 / (number + 3),
                reasons=tuple(
                    Reason(source=source, rank=number + 1, share=1 / (number + 4), text=f"near song {number % 200}")
                    for source in NAMES
                ),
            )
            for number in range(tracks)
        ),
        model_version="v1",
        path=AnswerPath.HYBRID,
    )


class Servers:
    """Two servers' answers over one store, at a moment that a test sets."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.now = NOON
        self.first, self.second = self.server(), self.server()

    def server(self, **options: Any) -> Answers:
        """One more."""
        return Answers(self.store, now=lambda: self.now, **options)


@pytest.fixture
def servers() -> Servers:
    """Nothing is kept yet."""
    return Servers()


@given(st.lists(recommendations, max_size=5).map(tuple), st.text(max_size=40))
def test_an_answer_comes_back_number_for_number(ranked: tuple[Recommendation, ...], question: str) -> None:
    """With its question."""
    one = Answer(recommendation_id="id", recommendations=ranked, model_version="", path=AnswerPath.DEGRADED)
    assert (question, one) == decoded(encoded(one, question=question))


@pytest.mark.parametrize("content", [b"", b"x", encoded(answer(1), question="q")[:-9]])
def test_other_bytes_are_no_answer(content: bytes) -> None:
    """They are told apart, whatever they are."""
    with pytest.raises(UnreadableAnswer):
        decoded(content)


def test_the_largest_answer_is_small() -> None:
    """Also with the longest ids that the contract allows."""
    assert len(encoded(answer(), question=ANN)) < 64_000
    assert len(encoded(answer(id_length=128), question=ANN)) < LARGEST_BYTES


def test_any_server_continues_an_answer(servers: Servers) -> None:
    """Whole, in order, also one that started later; the token stays small."""
    one = answer(50)
    page = servers.first.first_page(one, page_size=20, question=ANN)
    pages, found = [servers.second, servers.server()], list(page.recommendations)
    while page.next_page_token:
        assert len(page.next_page_token) <= 512
        page = pages.pop(0).next_page(page.next_page_token, page_size=20, question=ANN)
        found.extend(page.recommendations)
        assert one == page.answer
    assert list(one.recommendations) == found


def ranked() -> Ranked:
    """What two sources list, "b" being in no answer."""
    lists = {
        "content": CandidateList(["a", "b", "c"], [3, 2, 1], lambda places: [Because("near {}", "s")] * len(places)),
        "trend": CandidateList(["c", "d"], [1, 0.5], lambda places: [Because(f"number {at + 1}") for at in places]),
    }
    found = fused({name: each.track_ids for name, each in lists.items()}, {"content": 0.6, "trend": 0.4})
    return Ranked([at for at, one in enumerate(found.track_ids) if one != "b"], found, lists, lambda _: {"s": "Song"})


def test_a_ranking_comes_back_as_it_was_read() -> None:
    """Reasons, shares and order; a single place as well as a page."""
    one = Answer(recommendation_id="id", recommendations=ranked(), model_version="v", path=AnswerPath.HYBRID)
    question, back = decoded(encoded(one, question="q"))
    assert ("q", list(one.recommendations)) == (question, list(back.recommendations))
    assert one.recommendations[1:2] == back.recommendations[1:2] == (back.recommendations[1],)
    assert ["c", "a", "d"] == [each.track_id for each in back.recommendations]
    texts = [[reason.text for reason in each.reasons] for each in back.recommendations]
    assert [["near Song", "number 1"], ["near Song"], ["number 2"]] == texts
    assert pytest.approx([1.0] * 3) == [sum(reason.share for reason in each.reasons) for each in back.recommendations]


def test_answers_are_written_behind(servers: Servers) -> None:
    """Their own server continues them at once, others when they are written; also those that a store missed."""
    behind = servers.server(behind=True)
    token = behind.first_page(answer(), page_size=20, question=ANN).next_page_token
    assert {} == servers.store.answers
    assert 20 == len(behind.next_page(token, page_size=20, question=ANN).recommendations)
    with pytest.raises(InvalidInput, match="ask again"):
        behind.next_page(encode_page_token(("id", 20, "id"), question=BOB), page_size=20, question=BOB)
    behind.write()
    assert 20 == len(servers.second.next_page(token, page_size=20, question=ANN).recommendations)
    servers.store.down = True
    behind.first_page(answer(answer_id="2"), page_size=20, question=ANN)
    with pytest.raises(Unavailable):
        behind.write()
    assert "" == behind.first_page(answer(answer_id="3"), page_size=20, question=ANN).next_page_token
    servers.store.down = False
    behind.write()
    assert {"id", "2", "3"} == servers.store.answers.keys()
    assert behind.first_page(answer(answer_id="4"), page_size=20, question=ANN).next_page_token


def test_a_server_waits_for_another_to_write(servers: Servers) -> None:
    """For a moment: the client that asks for the next page is quicker than the writing."""
    first, second = servers.server(behind=True), servers.server(behind=True)
    token = first.first_page(answer(), page_size=20, question=ANN).next_page_token
    writing = threading.Timer(WRITE_SECONDS, first.write)
    writing.start()
    assert 20 == len(second.next_page(token, page_size=20, question=ANN).recommendations)
    writing.join()


def test_an_answer_of_one_page_is_not_kept(servers: Servers) -> None:
    """Nor given a token."""
    assert "" == servers.first.first_page(answer(20), page_size=20, question=ANN).next_page_token
    assert {} == servers.store.answers


def test_another_question_does_not_open_an_answer(servers: Servers) -> None:
    """Neither with the token as it is, nor with one forged from the answer's id, which apps know."""
    token = servers.first.first_page(answer(), page_size=20, question=ANN).next_page_token
    forged = encode_page_token(("id", 20, "id"), question=BOB)
    below = encode_page_token(("id", -5, "id"), question=ANN)
    for sent, question in ((token, BOB), (forged, BOB), (below, ANN)):
        with pytest.raises(InvalidInput, match="page_token"):
            servers.second.next_page(sent, page_size=20, question=question)
    assert servers.second.next_page(token, page_size=20, question=ANN).recommendations


def test_an_answer_is_kept_for_a_while(servers: Servers) -> None:
    """Then the client asks again."""
    token = servers.first.first_page(answer(), page_size=20, question=ANN).next_page_token
    servers.now += KEPT
    with pytest.raises(InvalidInput, match="ask again"):
        servers.first.next_page(token, page_size=20, question=ANN)
    servers.first.tidy()
    assert {} == servers.store.answers


def test_an_answer_in_another_format_is_asked_for_again(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """While servers of two releases run side by side."""
    monkeypatch.setattr("backend.services.answer_codec.FORMAT", 1)
    token = servers.first.first_page(answer(), page_size=20, question=ANN).next_page_token
    monkeypatch.undo()
    with pytest.raises(InvalidInput, match="ask again"):
        servers.first.next_page(token, page_size=20, question=ANN)


def test_the_oldest_answers_go_where_they_take_too_much(servers: Servers) -> None:
    """Of this server's only."""
    size = len(encoded(answer(answer_id="1"), question=ANN))
    small = servers.server(kept_bytes=2 * size + 10)
    for number in range(1, 5):
        small.first_page(answer(answer_id=str(number)), page_size=20, question=ANN)
    servers.second.first_page(answer(answer_id="other"), page_size=20, question=ANN)
    small.tidy()
    assert {"3", "4", "other"} == servers.store.answers.keys()


def test_what_a_dead_server_left_goes_when_it_has_expired(servers: Servers) -> None:
    """The next one that starts drops it."""
    servers.first.first_page(answer(answer_id="left"), page_size=20, question=ANN)
    servers.now += KEPT / 2
    servers.first.first_page(answer(answer_id="young"), page_size=20, question=ANN)
    servers.now += KEPT / 2
    servers.server().tidy()
    assert {"young"} == servers.store.answers.keys()


def test_a_store_that_is_down_leaves_one_page(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is answered all the same; a further page of an older answer must be waited for."""
    token = servers.first.first_page(answer(), page_size=20, question=ANN).next_page_token
    servers.store.down = True
    page = servers.first.first_page(answer(answer_id="2"), page_size=20, question=ANN)
    assert (20, "") == (len(page.recommendations), page.next_page_token)
    with pytest.raises(Unavailable):
        servers.first.next_page(token, page_size=20, question=ANN)
    servers.store.down = False
    monkeypatch.setattr(answers_module, "LARGEST_BYTES", 10)
    assert "" == servers.first.first_page(answer(answer_id="3"), page_size=20, question=ANN).next_page_token
