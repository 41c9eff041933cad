"""`segue recommend`, `segue next` and `segue artists` against a real server: what they take, and what they print."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cli import main
from tests.rpc.conftest import VERSION, World
from tests.rpc.test_options import listen
from tests.rpc.wide import RARE, wide


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server for all."""
    with wide(tmp_path_factory.mktemp("home")) as world:
        yield world


@pytest.fixture(autouse=True)
def reach(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands find it."""
    monkeypatch.setenv("SEGUE_SERVER_ADDRESS", f"127.0.0.1:{world.server.port}")
    monkeypatch.setenv("SEGUE_TOKEN", (world.tokens / "operator.token").read_text().strip())


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, Any]:
    """What a command prints with --json."""
    assert 0 == main.run([*argv, "--json"])
    # The server's log lines come to the same stdout here, as it runs in this process.
    printed: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return printed


def ids(answer: dict[str, Any]) -> list[str]:
    """Its tracks."""
    return [one["track_id"] for one in answer["tracks"]]


def test_options_reach_the_server(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Filters, policies and seeds; parts of the score, anchors, steps down and latencies come back."""
    listen(world, "ann", 0, 2, 4)
    filters = ("--tag", "rare", "--to-year", "1970", "--min-seconds", "800", "--source", "lastfm", "--artist", "rare")
    answer = run(capsys, "recommend", "ann", *filters, "--diversity", "0.3", "--damping", "0.2", "--limit", "50")
    assert (sorted(RARE), VERSION, []) == (sorted(ids(answer)), answer["model_version"], answer["fallbacks"])
    assert {"profile", "factors"} <= answer["latencies"].keys()
    reasons = [reason for one in answer["tracks"] for reason in one["reasons"]]
    assert all(reason["score_part"] > 0 for reason in reasons)
    assert {("t0",), ("t2",), ("t4",)} & {tuple(reason["anchor_track_ids"]) for reason in reasons}
    capped = run(
        capsys, "recommend", "ann", "--per-artist", "1", "--per-album", "1", "--new-artists", "--topic", "jazz"
    )
    artists = [one["artist_ids"][0] for one in capped["tracks"]]
    assert (20, True) == (len({*artists}), {"a0", "a2", "a4"}.isdisjoint(artists))
    seeded = run(capsys, "recommend", "stranger", "--seed", "t1=2", "--seed", "t3", "--not-artist", "a5")
    assert [("nothing_known", "seeds")] == [(one["reason"], one["to"]) for one in seeded["fallbacks"]]


def test_a_step_down_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """On the terminal."""
    assert 0 == main.run(["recommend", "nobody-known", "--tag", "rare"])
    assert "nothing is known of the listener" in "".join(capsys.readouterr())


def test_a_session_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """From the tracks that are named, under a filter."""
    answer = run(capsys, "next", "t0", "t1", "t3", "--tag", "techno", "--limit", "5")
    assert (5, {"techno"}) == (len(answer["tracks"]), {one["title"].split()[0] for one in answer["tracks"]})


def test_artists_are_listed_with_what_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON and as a table."""
    answer = run(capsys, "artists", "a4", "--limit", "3")
    assert (3, VERSION) == (len(answer["artists"]), answer["model_version"])
    assert 0 == main.run(["artists", "a4", "--limit", "3"])
    assert answer["artists"][0]["name"] in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("recommend", "ann", "--seed", "t1=0"), "--seed t1=0"),
        (("recommend", "ann", "--source", "radio"), "there are first_party"),
        (("recommend", "ann", "--known-share", "0.5", "--heard-days", "3"), "not both"),
        (("recommend", "ann", "--diversity", "2"), "--diversity"),
        (("recommend", "--popular", "--tag", "jazz"), "about an answer for a listener"),
        (("next",), "Missing argument"),
    ],
)
def test_what_means_nothing_is_refused_before_the_server_is_asked(
    argv: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the option and what it takes."""
    assert 2 == main.run(argv)
    assert said in capsys.readouterr().err


def test_what_the_server_refuses_names_the_field(capsys: pytest.CaptureFixture[str]) -> None:
    """And says what to do."""
    assert 1 == main.run(["recommend", "ann", "--topic", "9z"])
    assert 1 == main.run(["recommend", "ann", "--from-year", "2001", "--to-year", "1999"])
    said = capsys.readouterr().err
    assert "options.filter.topic_ids: there is no topic '9z'" in said
    assert "first_year must not be after last_year" in said
