"""What an app may ask of Recommend, through a real server: filters, policies, seeds, and what the answer says of it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from segue.v1 import ingest_pb2, play_pb2, recommend_pb2

from backend.ports.vectors import facets_of
from backend.services import facets
from tests.rpc.conftest import VERSION, World
from tests.rpc.test_ingest import play, stamp
from tests.rpc.test_recommend import COLD_START, HYBRID
from tests.rpc.wide import RARE, TRACKS, track, wide

Filter = recommend_pb2.TrackFilter
Options = recommend_pb2.RecommendOptions


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server for all: who listened in one test is asked for in no other."""
    with wide(tmp_path_factory.mktemp("home")) as world:
        yield world


def listen(world: World, listener: str, *numbers: int, ago: timedelta = timedelta()) -> None:
    """The listener plays these tracks, the last one the longest ago."""
    now = datetime.now(UTC) - ago
    plays = [
        play(f"t{number}", listener, played_at=stamp(now - timedelta(minutes=5 * age)), milliseconds_played=200_000)
        for age, number in enumerate(numbers, 1)
    ]
    answer = world.ingest.RecordPlays(ingest_pb2.RecordPlaysRequest(plays=plays))
    assert {ingest_pb2.INGEST_OUTCOME_ACCEPTED} == {one.outcome for one in answer.results}


def ask(world: World, listener: str, options: Options, **fields: object) -> recommend_pb2.RecommendResponse:
    """An answer with options."""
    request = recommend_pb2.RecommendRequest(listener_id=listener, options=options, **fields)
    response: recommend_pb2.RecommendResponse = world.recommend.Recommend(request)
    return response


def ids(response: recommend_pb2.RecommendResponse) -> list[str]:
    """Its tracks."""
    return [one.track_id for one in response.tracks]


def number(track_id: str) -> int:
    """A track's."""
    return int(track_id[1:])


ONE_PERCENT = {
    "tags, whatever their case": Filter(tags=["rARE"]),
    "topics": Filter(topic_ids=["rare"]),
    "artists": Filter(artist_ids=["rare"]),
    "artists left out": Filter(exclude_artist_ids=[f"a{one}" for one in range(200)]),
    "years": Filter(last_year=1960),
    "durations": Filter(min_duration_milliseconds=600_000),
    "sources": Filter(sources=[play_pb2.SOURCE_LASTFM]),
}


@pytest.mark.parametrize("kind", ONE_PERCENT)
def test_a_filter_that_one_percent_of_the_catalogue_passes_fills_the_page(world: World, kind: str) -> None:
    """Whatever is filtered by, for a listener of the other kind of music, and with nothing but the sources."""
    listen(world, "narrow", 0, 2, 4)
    response = ask(world, "narrow", Options(filter=ONE_PERCENT[kind]))
    assert (sorted(RARE), HYBRID) == (sorted(ids(response)), response.path)
    assert {recommend_pb2.CANDIDATE_SOURCE_FACTORS, recommend_pb2.CANDIDATE_SOURCE_CONTENT} == {
        reason.source for one in response.tracks for reason in one.reasons
    }


def test_a_filter_fills_the_page_of_a_listener_whom_nobody_knows(world: World) -> None:
    """Nothing is popular, so what passes comes by the plays that the version learned from; the answer says so."""
    response = ask(world, "stranger", Options(filter=Filter(first_year=1995, last_year=1999, tags=["jazz"])))
    passing = [one for one in range(TRACKS) if track(one).released_on in ("1996", "1998")]
    assert [f"t{one}" for one in sorted(passing, reverse=True)[:20]] == ids(response)
    assert COLD_START == response.path
    told = [(one.reason, one.to) for one in response.fallbacks]
    assert (recommend_pb2.FALLBACK_REASON_FILTER_NARROW, recommend_pb2.FALLBACK_TO_CATALOGUE) in told
    assert all(one.text for one in response.fallbacks)


@pytest.mark.parametrize("has_facets", [True, False])
def test_a_filter_that_many_pass_is_pushed_into_the_index(
    world: World, monkeypatch: pytest.MonkeyPatch, has_facets: bool
) -> None:
    """The index finds the same as a look at every one, also without facets; what it cannot filter by is taken out."""
    options = Options(filter=Filter(exclude_artist_ids=["a8"], tags=["jazz"]))
    if has_facets:
        give_facets(world)
    listen(world, "broad", 0, 2, 4)
    few = ask(world, "broad", options, page_size=200)
    monkeypatch.setattr(facets, "FEW", 10)
    many = ask(world, "broad", options, page_size=200)
    assert 200 == len(many.tracks)
    assert 20 == len(nearest_by_factors(few))
    assert nearest_by_factors(few) == nearest_by_factors(many)
    assert all(number(one) % 2 == 0 and number(one) % 200 != 8 for one in ids(many))


def give_facets(world: World) -> None:
    """Write the version's vectors again, with what the catalogue knows of each, as training does."""
    tracks = [track(one) for one in range(TRACKS)]
    for space in ("factors", "content"):
        named = [one.track_id for one in tracks]
        vectors = world.vectors.fetch(f"{VERSION}.{space}", named)
        rows = np.stack([vectors[one] for one in named])
        world.vectors.create(f"{VERSION}.{space}", named, rows, facets=[facets_of(one) for one in tracks])


def nearest_by_factors(response: recommend_pb2.RecommendResponse) -> dict[int, str]:
    """The first twenty of the factors' list, as far as the page shows them."""
    return {
        reason.rank: one.track_id
        for one in response.tracks
        for reason in one.reasons
        if reason.source == recommend_pb2.CANDIDATE_SOURCE_FACTORS and reason.rank <= 20
    }


def test_pages_under_options_hold_each_track_once_and_are_of_their_question(world: World) -> None:
    """With diversity, caps and a filter; another option with the same token is refused."""
    listen(world, "pages", 0, 2)
    options = Options(filter=Filter(tags=["jazz"]), diversity=0.5, max_per_artist=3)
    pages = [ask(world, "pages", options, page_size=30)]
    token = pages[0].next_page_token
    while pages[-1].next_page_token:
        pages.append(ask(world, "pages", options, page_size=30, page_token=pages[-1].next_page_token))
    listed = [one for page in pages for one in ids(page)]
    assert len(pages) > 2
    assert len(listed) == len(set(listed))
    assert {pages[0].recommendation_id} == {page.recommendation_id for page in pages}
    for other in (Options(filter=options.filter), Options(filter=options.filter, diversity=0.4, max_per_artist=3)):
        with pytest.raises(grpc.RpcError) as caught:
            ask(world, "pages", other, page_size=30, page_token=token)
        assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()


def test_tracks_heard_long_ago_may_come_again_where_that_is_asked_for(world: World) -> None:
    """By default none does; those of the last days do not in any case."""
    old, new = [0, 200, 2, 202, 4], [204, 400]
    of_them = Filter(artist_ids=["a0", "a2", "a4"])
    listen(world, "days", *old, ago=timedelta(days=9))
    listen(world, "days", *new)
    heard, lately = {f"t{one}" for one in (*old, *new)}, {f"t{one}" for one in new}

    def again(**fields: Any) -> set[str]:
        return heard & {*ids(ask(world, "days", Options(filter=of_them, **fields), page_size=200))}

    assert set() == again()
    assert heard - lately == again(heard_before={"exclude_days": 7})
    assert set() == again(heard_before={"exclude_days": 10})


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5])
def test_a_share_of_known_tracks_holds_from_the_first_on(world: World, share: float) -> None:
    """As far as there are any; what was played within three hours is not among them."""
    old = list(range(100, 160, 2))
    listen(world, f"share{share}", *old, ago=timedelta(days=2))
    listen(world, f"share{share}", 60)
    options = Options(heard_before={"known_share": share})
    listed = ids(ask(world, f"share{share}", options, page_size=40))
    known = {f"t{one}" for one in old}
    for shown in (10, 20, 40):
        assert share * shown == pytest.approx(sum(one in known for one in listed[:shown]), abs=1)
    assert "t60" not in listed


def test_new_artists_only(world: World) -> None:
    """Nobody whom the listener played or liked, and the page is full."""
    listen(world, "new", *range(0, 40, 2))
    liked = play_pb2.Feedback(
        listener_id="new", track_id="t44", kind=play_pb2.FEEDBACK_KIND_LIKE, given_at=stamp(datetime.now(UTC))
    )
    world.ingest.RecordFeedback(ingest_pb2.RecordFeedbackRequest(feedback=[liked]))
    played = {f"a{one}" for one in (*range(0, 40, 2), 44)}
    usual = ask(world, "new", Options(), page_size=50)
    response = ask(world, "new", Options(new_artists_only=True), page_size=50)
    assert played & {one.artist_ids[0] for one in usual.tracks}
    assert not played & {one.artist_ids[0] for one in response.tracks}
    assert (50, HYBRID) == (len(response.tracks), response.path)


def test_caps_hold_in_the_whole_answer(world: World) -> None:
    """Of each artist, and of each album of an artist."""
    listen(world, "caps", 0, 2)

    def most(options: Options, of: Callable[[int], object]) -> int:
        counts: dict[object, int] = {}
        response = ask(world, "caps", options, page_size=200)
        while True:
            for one in ids(response):
                counts[of(number(one))] = counts.get(of(number(one)), 0) + 1
            if not response.next_page_token:
                return max(counts.values())
            token = response.next_page_token
            response = ask(world, "caps", options, page_size=200, page_token=token)

    assert 1 == most(Options(max_per_artist=1), lambda one: track(one).artist_ids[0])
    assert 3 == most(Options(max_per_artist=3), lambda one: track(one).artist_ids[0])
    assert 1 == most(Options(max_per_album=1), lambda one: (track(one).artist_ids[0], track(one).album))


def test_diversity_makes_a_page_of_tracks_that_are_less_alike(world: World) -> None:
    """By the mean cosine of its pairs of factors; more diversity, less of it."""
    listen(world, "diverse", 1, 0, 2)

    def alike(diversity: float) -> float:
        listed = ids(ask(world, "diverse", Options(diversity=diversity, max_per_artist=200)))
        vectors = world.vectors.fetch(f"{VERSION}.factors", listed)
        rows = np.stack([vectors[one] / np.linalg.norm(vectors[one]) for one in listed])
        return float((rows @ rows.T)[np.triu_indices(len(listed), 1)].mean())

    none, some, much = alike(0.0), alike(0.5), alike(0.9)
    assert none > some > much


def test_damping_puts_what_is_played_much_behind(world: World) -> None:
    """A track was played as many times as its number says; scores fall along the answer all the same."""
    listen(world, "damped", 0, 2)

    def mean(damping: float) -> float:
        response = ask(world, "damped", Options(popularity_damping=damping, max_per_artist=200))
        assert all(one.score >= other.score for one, other in pairwise(response.tracks))
        return float(np.mean([number(one) for one in ids(response)]))

    assert mean(0.0) > mean(0.5) > mean(1.0)


def test_seeds_are_what_a_listener_whom_nobody_knows_is_answered_by(world: World) -> None:
    """The answer says so; none of them comes, nor does one that nobody knows spoil it."""
    seeds = [recommend_pb2.SeedTrack(track_id=one) for one in ("t1", "no-such-track", "t3")]
    response = ask(world, "seeded", Options(seeds=seeds))
    assert {"techno"} == {one.title.split()[0] for one in response.tracks}
    assert not {"t1", "t3"} & {*ids(response)}
    told = [(one.reason, one.to) for one in response.fallbacks]
    assert [(recommend_pb2.FALLBACK_REASON_NOTHING_KNOWN, recommend_pb2.FALLBACK_TO_SEEDS)] == told


def test_seeds_turn_an_answer_away_from_what_the_listener_plays_most(world: World) -> None:
    """Twenty tracks of jazz, and a session of techno: it is techno that comes first."""
    listen(world, "turned", *range(0, 40, 2))
    usual = ask(world, "turned", Options())
    seeds = [recommend_pb2.SeedTrack(track_id=f"t{one}", weight=3) for one in (1, 3, 5)]
    turned = ask(world, "turned", Options(seeds=seeds))
    assert {"jazz"} == {one.title.split()[0] for one in usual.tracks}
    assert sum(one.title.startswith("techno") for one in turned.tracks) > 10
    assert ([], HYBRID) == ([*turned.fallbacks], turned.path)


def test_every_item_says_its_score_parts_and_anchors(world: World) -> None:
    """The parts sum to the score, and a sentence with a title names that track's id."""
    listen(world, "parts", 0, 2)
    response = ask(world, "parts", Options(popularity_damping=0.3))
    anchored = 0
    for one in response.tracks:
        assert pytest.approx(one.score) == sum(reason.score_part for reason in one.reasons)
        for reason in one.reasons:
            assert all(track(number(anchor)).title in reason.text for anchor in reason.anchor_track_ids)
            anchored += len(reason.anchor_track_ids)
    assert anchored > 0
    parts = {one.part: one.milliseconds for one in response.latencies}
    assert {"profile", "factors", "content", "linear", "trend", "vector index"} <= parts.keys()
    assert all(taken >= 0 for taken in parts.values())


def test_the_same_question_is_given_the_same_answer_until_something_comes(world: World) -> None:
    """Also under options: without a look at the index, under an id of its own; a play makes it another one."""
    listen(world, "again", 0, 2)
    options = Options(filter=Filter(tags=["jazz"]), diversity=0.3)

    def parts(response: recommend_pb2.RecommendResponse) -> set[str]:
        return {one.part for one in response.latencies}

    answers = [ask(world, "again", options)]
    while "vector index" in parts(answers[-1]) and len(answers) < 20:  # the log's tail tells of the plays once more
        answers.append(ask(world, "again", options))
    first, last = answers[-2:]
    assert ("vector index" in parts(first), "vector index" in parts(last)) == (True, False)
    assert (ids(first), False) == (ids(last), first.recommendation_id == last.recommendation_id)
    listen(world, "again", 4)
    assert "t4" not in ids(ask(world, "again", options, page_size=20))
    assert "vector index" in parts(ask(world, "again", Options(diversity=0.31)))


BAD: dict[str, tuple[Options, str, str]] = {
    "years": (Options(filter=Filter(first_year=2001, last_year=1999)), "options.filter", "first_year"),
    "durations": (
        Options(filter=Filter(min_duration_milliseconds=5, max_duration_milliseconds=4)),
        "options.filter",
        "min_duration_milliseconds",
    ),
    "share": (Options(heard_before={"known_share": 1.5}), "options.heard_before.known_share", "1"),
    "diversity": (Options(diversity=-0.1), "options.diversity", "0"),
    "source": (Options(filter=Filter(sources=[99])), "options.filter.sources[0]", "defined"),  # type: ignore[list-item]
    "topic": (Options(filter=Filter(topic_ids=["9z"])), "options.filter.topic_ids", "ListTopics"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_asked_is_refused_by_its_field(world: World, kind: str) -> None:
    """With a sentence that says what to do."""
    options, field, word = BAD[kind]
    with pytest.raises(grpc.RpcError) as caught:
        ask(world, "ann", options)
    assert grpc.StatusCode.INVALID_ARGUMENT == caught.value.code()
    (violation,) = violations(caught.value)
    assert (field, True) == (violation.field, word in violation.description)


def violations(error: Any) -> Sequence[error_details_pb2.BadRequest.FieldViolation]:
    """The fields that an error names."""
    details = error_details_pb2.BadRequest()
    for one in rpc_status.from_call(error).details:
        one.Unpack(details)
    return list(details.field_violations)
