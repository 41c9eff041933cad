"""Page tokens."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.errors import InvalidInput
from backend.domain.page_tokens import LARGEST, decode_page_token, encode_page_token, question_digest

QUESTION = question_digest("trends", "a1", None)


@given(st.text(), st.integers(1 - LARGEST, LARGEST - 1), st.floats(-1e9, 1e9))
def test_a_position_comes_back(name: str, number: int, score: float) -> None:
    """Whatever its text is, and the token fits the contract's 512 characters for ids of 128."""
    token = encode_page_token((name, number, score), question=QUESTION)
    assert (name, number, score) == decode_page_token(token, (str, int, float), question=QUESTION)
    assert len(encode_page_token((LARGEST, LARGEST, "x" * 128), question=QUESTION)) <= 512


@given(st.text(max_size=80))
def test_nothing_else_is_a_token(text: str) -> None:
    """Any other text is refused by name of the field."""
    with pytest.raises(InvalidInput, match="page_token"):
        decode_page_token(text, (str, int), question=QUESTION)


@pytest.mark.parametrize(
    "fields", [[QUESTION, 1, "a"], [QUESTION, "a", True], [QUESTION, "a"], ["other", "a", 1], [QUESTION, "a", 2**60]]
)
def test_a_forged_position_is_refused(fields: list[object]) -> None:
    """Of another shape, of another question, or beyond every table; also with the digest that it should have."""
    question, *position = fields
    digest = question_digest(question, *position)
    token = base64.urlsafe_b64encode(json.dumps([digest, *position]).encode()).decode()
    with pytest.raises(InvalidInput):
        decode_page_token(token, (str, int), question=QUESTION)


def test_an_altered_token_is_refused() -> None:
    """Cut anywhere, with a bit turned anywhere, with something before or behind."""
    token = encode_page_token(("a9", 40), question=QUESTION)
    content = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    turned = [
        bytes(byte ^ (1 << bit) * (at == place) for at, byte in enumerate(content))
        for place in range(len(content))
        for bit in range(8)
    ]
    altered = [base64.urlsafe_b64encode(one).decode().rstrip("=") for one in turned]
    for one in (
        *altered,
        *(token[:end] for end in range(len(token))),
        f"A{token}",
        f"{token}A",
        f"{token}\n",
        f" {token}",
    ):
        with pytest.raises(InvalidInput, match="page_token"):
            decode_page_token(one, (str, int), question=QUESTION)
    assert ("a9", 40) == decode_page_token(token, (str, int), question=QUESTION)


def test_questions_differ_by_every_part() -> None:
    """Also where the parts joined would be alike."""
    assert question_digest("ab", "c") != question_digest("a", "bc")
    assert QUESTION == question_digest("trends", "a1", None)
