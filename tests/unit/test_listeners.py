"""Merging plays and feedback into a profile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.listeners import PROFILE_PLAYS, Profile, merge
from backend.domain.plays import Play
from backend.domain.rights import Source

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMPTY = Profile(listener_id="l")


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


def word(kind: FeedbackKind, track_id: str = "t") -> Feedback:
    """A listener's word."""
    return Feedback(event_id="f", listener_id="l", track_id=track_id, artist_id="a", kind=kind, given_at=NOON)


def test_plays_are_newest_first_and_the_oldest_are_forgotten() -> None:
    """In whatever order they come."""
    profile = merge(EMPTY, [play(number) for number in range(PROFILE_PLAYS + 50)], [])
    again = merge(EMPTY, [play(number) for number in reversed(range(PROFILE_PLAYS + 50))], [])
    assert profile == again
    assert (PROFILE_PLAYS, f"t{PROFILE_PLAYS + 49}") == (len(profile.recent), profile.recent[0].track_id)


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
    profile = merge(EMPTY, [], [word(kind) for kind in kinds])
    assert (liked, hidden) == (profile.liked, profile.hidden)


def test_another_listeners_events_are_refused() -> None:
    """They would give away what somebody else plays."""
    with pytest.raises(ValueError, match="does not belong"):
        merge(EMPTY, [play(1, listener="m")], [])
