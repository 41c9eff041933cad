"""What a play teaches: numbers, numpy, DuckDB and the server's profile say what the table of cases says.

The archive's readers are held to it in test_dataset.py and test_engines_spark.py, Flink and the recount in
tests/jobs/test_lessons.py.
"""

from datetime import UTC, datetime

import duckdb
import numpy as np
import pytest

from backend.domain.listeners import Profile, RecentPlay
from backend.domain.plays import SKIP_SQL, Lesson, is_silent, is_skip, lesson
from backend.ranking.profile import counted_plays, last_tracks
from tests.lessons import LESSON_CASES, LessonCase

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("case", LESSON_CASES, ids=lambda case: case.name)
def test_a_play_teaches_one_thing(case: LessonCase) -> None:
    """By its two lengths alone."""
    assert case.teaches == lesson(case.heard, case.length)


def test_columns_say_what_numbers_say() -> None:
    """In the 32 bits that the archive has."""
    heard = np.array([case.heard for case in LESSON_CASES], dtype=np.int32)
    length = np.array([case.length for case in LESSON_CASES], dtype=np.int32)
    assert [case.teaches is Lesson.SKIP for case in LESSON_CASES] == is_skip(heard, length).tolist()
    assert [case.teaches is Lesson.SILENT for case in LESSON_CASES] == is_silent(heard, length).tolist()


def test_duckdb_tells_the_same_skips() -> None:
    """In the 32 bits that the archive has; a missing length is an unknown one."""
    with duckdb.connect() as database:
        database.execute("CREATE TABLE plays (name TEXT, milliseconds_played INT, track_milliseconds INT)")
        rows = [(case.name, case.heard, case.length) for case in LESSON_CASES]
        database.executemany("INSERT INTO plays VALUES (?, ?, ?)", [*rows, ("no-length", 0, None)])
        skips = database.execute(f"SELECT name FROM plays WHERE {SKIP_SQL}").fetchall()
    assert {case.name for case in LESSON_CASES if case.teaches is Lesson.SKIP} == {name for (name,) in skips}


def test_a_profile_counts_positive_plays_only() -> None:
    """For fold-in, links and content alike; a skipped track stays among those heard lately."""
    plays = tuple(
        RecentPlay(
            event_id=case.name,
            track_id=case.name,
            played_at=NOON,
            milliseconds_played=case.heard,
            track_milliseconds=case.length,
        )
        for case in LESSON_CASES
    )
    profile = Profile(listener_id="l", recent=plays)
    positive = [case.name for case in LESSON_CASES if case.teaches is Lesson.POSITIVE]
    assert dict.fromkeys(positive, 1) == counted_plays(profile)
    assert positive == last_tracks(profile, len(LESSON_CASES))
