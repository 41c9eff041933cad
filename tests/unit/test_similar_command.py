"""`segue similar` and `segue search`: what they ask of the server, and what they print."""

import json

import pytest
from segue.v1 import recommend_pb2

from cli import main
from tests.analytics_server import TOKEN, Content, filled, serving


@pytest.fixture
def content(monkeypatch: pytest.MonkeyPatch) -> Content:
    """A server's content, with the token that it wants at hand."""
    monkeypatch.setenv("SEGUE_TOKEN", TOKEN)
    return filled()


def run(content: Content, monkeypatch: pytest.MonkeyPatch, *argv: str) -> int:
    """One command line against a server of `content`."""
    with serving(content) as address:
        monkeypatch.setenv("SEGUE_SERVER_ADDRESS", address)
        return main.run(argv)


def test_similar_asks_by_the_approach_with_weighted_seeds(
    content: Content, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A seed without a weight weighs 1; the answer comes as JSON with its reasons."""
    argv = ("similar", "t-1", "--approach", "audio", "--also", "t-2=2.5", "--also", "t-3", "--limit", "5", "--json")
    assert 0 == run(content, monkeypatch, *argv)
    (asked,) = content.requests
    seeds = [("t-2", 2.5), ("t-3", 1.0)]
    assert ("t-1", recommend_pb2.APPROACH_AUDIO, 5) == (asked.track_id, asked.approach, asked.page_size)
    assert seeds == [(one.track_id, one.weight) for one in asked.seeds]
    answer = json.loads(capsys.readouterr().out)
    assert [one.track_id for one in content.answer.tracks[1:]] == [one["track_id"] for one in answer["tracks"]]
    assert all("reasons" in one for one in answer["tracks"])


def test_search_takes_its_words_without_quotes(
    content: Content, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are one question; the table has the titles."""
    assert 0 == run(content, monkeypatch, "search", "calm", "piano", "for", "studying")
    assert "calm piano for studying" == content.requests[0].query
    assert content.answer.tracks[0].artist_names[0].split()[0] in capsys.readouterr().out


def test_an_approach_that_the_model_lacks_says_what_makes_it(
    content: Content, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server's own words come through."""
    content.lacking = frozenset({recommend_pb2.APPROACH_LATENT})
    assert 1 == run(content, monkeypatch, "similar", "t-1", "--approach", "latent")
    assert "segue train" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("similar", "t-1", "--approach", "smell"), "audio, latent, text, listening, hybrid"),
        (("similar", "t-1", "--also", "t-2=many"), "--also t-2=many"),
        (("similar", "t-1", "--also", "t-2=0"), "above 0"),
        (("similar", "t-1", "--also", "=3"), "--also =3"),
        (("search",), "Missing argument"),
    ],
)
def test_what_means_nothing_is_refused_before_the_server_is_asked(
    argv: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the option and what it takes."""
    assert 2 == main.run(argv)
    assert said in capsys.readouterr().err
