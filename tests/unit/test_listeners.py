"""Merging plays and feedback into a profile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.listeners import PROFILE_PLAYS, PROFILE_WORDS, Profile, merge
from backend.domain.plays import Play, Timing
from backend.domain.rights import Source

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMPTY = Profile(listener_id="l")
HISTORY = Timing.HISTORY


def play(number: int, *, listener: str = "l") -> Play:
    """A play `number` minutes after noon."""
    return Play(
        event_id=f"e{number:04}",
        listener_id=listener,
        track_id=f"t{number}",
        artist_id="a",
        played_at=NOON + timedelta(minutes=number),
        milliseconds_played=1,
        track_milliseconds=0,
        source=Source.FIRST_PARTY,
        allow_training=True,
    )


def word(kind: FeedbackKind, track_id: str = "t", *, minute: int = 0, event_id: str = "f") -> Feedback:
    """A listener's word, `minute` minutes after noon."""
    return Feedback(
        event_id=event_id,
        listener_id="l",
        track_id=track_id,
        artist_id="a",
        kind=kind,
        given_at=NOON + timedelta(minutes=minute),
    )


def test_plays_are_newest_first_and_the_oldest_are_forgotten() -> None:
    """In whatever order they come."""
    profile = merge(EMPTY, [play(number) for number in range(PROFILE_PLAYS + 50)], [])
    again = merge(EMPTY, [play(number) for number in reversed(range(PROFILE_PLAYS + 50))], [])
    assert profile == again
    assert (PROFILE_PLAYS, f"t{PROFILE_PLAYS + 49}") == (len(profile.recent), profile.recent[0].track_id)


@given(st.permutations(["live", "history", "newer"]))
def test_history_never_displaces_newer_plays(order: list[str]) -> None:
    """Told before, between or after them: the profile is of what was heard last, so are seeds and what stays away."""
    live = [play(number) for number in range(PROFILE_PLAYS - 1)]
    history = [
        replace(play(number), event_id=f"h{number}", played_at=NOON - timedelta(days=900 - number), timing=HISTORY)
        for number in range(300)
    ]
    told = {"live": live, "history": history, "newer": [play(PROFILE_PLAYS)]}
    profile = EMPTY
    for name in order:
        profile = merge(profile, told[name], [])
    assert {one.event_id for one in (*live, play(PROFILE_PLAYS))} == {one.event_id for one in profile.recent}
    assert f"t{PROFILE_PLAYS}" == profile.recent[0].track_id


def test_a_play_is_remembered_with_what_tells_whether_it_teaches() -> None:
    """How long it was heard of how long a track, and its training right."""
    heard = {"milliseconds_played": 24_500, "track_milliseconds": 25_000}
    one = replace(play(1), **heard)
    profile = merge(EMPTY, [one, replace(play(2), **heard, allow_training=False), play(3)], [])
    assert {"e0001": True, "e0002": False, "e0003": False} == {each.event_id: each.teaches for each in profile.recent}
    assert (24_500, 25_000) == (profile.recent[-1].milliseconds_played, profile.recent[-1].track_milliseconds)


def test_the_same_events_again_change_nothing() -> None:
    """Plays by event id, words by what they say."""
    events = ([play(1), play(2), play(1)], [word(FeedbackKind.LIKE), word(FeedbackKind.HIDE, "h")])
    profile = merge(EMPTY, *events)
    assert 2 == len(profile.recent)
    assert profile == merge(profile, *events)


@pytest.mark.parametrize(
    ("kinds", "liked", "hidden"),
    [
        ([FeedbackKind.LIKE], {"t"}, set()),
        ([FeedbackKind.SAVE], {"t"}, set()),
        ([FeedbackKind.HIDE], set(), {"t"}),
        ([FeedbackKind.DISLIKE], set(), {"t"}),
        ([FeedbackKind.SKIP], set(), set()),
        ([FeedbackKind.LIKE, FeedbackKind.HIDE], set(), {"t"}),
        ([FeedbackKind.HIDE, FeedbackKind.LIKE], {"t"}, set()),
        ([FeedbackKind.HIDE, FeedbackKind.SKIP], set(), {"t"}),
    ],
)
def test_the_last_word_on_a_track_holds(kinds: list[FeedbackKind], liked: set[str], hidden: set[str]) -> None:
    """A skip takes nothing back."""
    words = [word(kind, minute=minute, event_id=f"f{minute}") for minute, kind in enumerate(kinds)]
    profile = merge(EMPTY, [], words)
    assert (liked, hidden) == (profile.liked, profile.hidden)


@pytest.mark.parametrize("order", [("hide", "like"), ("like", "hide"), ("like", "hide", "like")])
def test_a_like_given_before_a_hide_and_arriving_after_it_changes_nothing(order: tuple[str, ...]) -> None:
    """A listener's "never again" is not undone by what they said an hour before it."""
    given = {
        "hide": word(FeedbackKind.HIDE, minute=60, event_id="e-hide"),
        "like": word(FeedbackKind.LIKE, minute=0, event_id="e-like"),
    }
    profile = EMPTY
    for name in order:
        profile = merge(profile, [], [given[name]])
    assert (set(), {"t"}) == (profile.liked, profile.hidden)


def test_of_words_given_in_one_millisecond_the_greater_event_id_holds() -> None:
    """To the millisecond, as the log holds them: what a server took in a moment ago knows the microsecond."""
    hide = replace(word(FeedbackKind.HIDE, event_id="2"), given_at=NOON + timedelta(microseconds=100))
    like = replace(word(FeedbackKind.LIKE, event_id="1"), given_at=NOON + timedelta(microseconds=400))
    for words in ([hide, like], [like, hide]):
        profile = merge(EMPTY, [], words)
        assert ({"t"}, [NOON]) == (profile.hidden, [each.given_at for each in profile.words])


def test_the_oldest_words_are_forgotten() -> None:
    """Those of the most tracks that a profile remembers, in whatever order they came."""
    words = [word(FeedbackKind.HIDE, f"t{n}", minute=n, event_id=f"f{n}") for n in range(PROFILE_WORDS + 2)]
    profile = merge(merge(EMPTY, [], words[PROFILE_WORDS:]), [], words[:PROFILE_WORDS])
    assert {each.track_id for each in words[2:]} == profile.hidden


@st.composite
def told(draw: st.DrawFn) -> tuple[list[Play | Feedback], list[list[Play | Feedback]]]:
    """Plays and words of few tracks and moments, and the same in another order, some again, in several parts."""
    words = st.builds(
        word,
        st.sampled_from(FeedbackKind),
        st.sampled_from(["t0", "t1", "t2", "t3"]),
        minute=st.integers(0, 3),
        event_id=st.sampled_from(["f0", "f1", "f2"]),
    )
    events: list[Play | Feedback] = draw(st.lists(words | st.builds(play, st.integers(0, 6)), max_size=10))
    again = draw(
        st.permutations(events + draw(st.lists(st.sampled_from(events), max_size=5) if events else st.just([])))
    )
    cuts = sorted(draw(st.lists(st.integers(0, len(again)), max_size=3)))
    return events, [again[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(again)], strict=True)]


def merged(profile: Profile, events: Sequence[Play | Feedback]) -> Profile:
    """The profile with these events."""
    plays = [each for each in events if isinstance(each, Play)]
    return merge(profile, plays, [each for each in events if isinstance(each, Feedback)])


@given(told())
def test_the_same_events_in_any_order_and_sent_again_come_to_the_same_profile(
    told: tuple[list[Play | Feedback], list[list[Play | Feedback]]],
) -> None:
    """However they are cut into batches, and also where a profile has no room for all of them."""
    events, batches = told
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backend.domain.listeners.PROFILE_PLAYS", 3)
        patch.setattr("backend.domain.listeners.PROFILE_WORDS", 2)
        profile = EMPTY
        for batch in batches:
            profile = merged(profile, batch)
        assert merged(EMPTY, events) == profile


def test_another_listeners_events_are_refused() -> None:
    """They would give away what somebody else plays."""
    with pytest.raises(ValueError, match="does not belong"):
        merge(EMPTY, [play(1, listener="m")], [])
