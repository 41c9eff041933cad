"""The archive becomes interactions, and splits hold out what they say."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.domain.errors import InvalidInput, NotFound
from backend.domain.plays import Lesson
from tests.lessons import LESSON_CASES
from training.data.archive import read_archive
from training.data.dataset import Interactions, PlayColumns, compact, interactions
from training.data.split import cold_items, leave_last, random_split, time_split

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def row(event: str, listener: str, track: str, **changes: object) -> dict[str, object]:
    """One archive row."""
    return {
        "event_id": event,
        "listener_id": listener,
        "track_id": track,
        "artist_id": "artist",
        "played_at": NOON,
        "milliseconds_played": 200_000,
        "track_milliseconds": 210_000,
        "source": "first_party",
        "allow_training": True,
        "recommendation_id": "",
        "surface": "",
        "device": "",
        "ingested_at": NOON,
    } | changes


def write(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    """A finished archive file as Flink leaves it."""
    day = folder / "day=2026-11-20"
    day.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), day / name)


def columns(listeners: list[int], tracks: list[int], played_at: list[int]) -> PlayColumns:
    """Plays of listeners and tracks named by number."""
    return PlayColumns(
        listener_ids=[f"l{number}" for number in range(max(listeners) + 1)],
        track_ids=[f"t{number}" for number in range(max(tracks) + 1)],
        listeners=np.array(listeners, dtype=np.int32),
        tracks=np.array(tracks, dtype=np.int32),
        counts=np.ones(len(listeners), dtype=np.float32),
        played_at=np.array(played_at, dtype=np.int64),
    )


def pairs_of(held: Interactions) -> set[tuple[int, int]]:
    """Pairs as a set."""
    return set(zip(held.listeners.tolist(), held.tracks.tolist(), strict=True))


def test_archive_becomes_numbered_plays(tmp_path: Path) -> None:
    """Ids are sorted, numbers are contiguous int32, times are UTC milliseconds."""
    write(tmp_path, "part-0", [row("e1", "zoe", "b"), row("e2", "amy", "a")])
    plays = read_archive(tmp_path.as_uri()).plays
    assert (["amy", "zoe"], ["a", "b"]) == (list(plays.listener_ids), list(plays.track_ids))
    assert [(1, 1), (0, 0)] == list(zip(plays.listeners.tolist(), plays.tracks.tolist(), strict=True))
    assert (np.int32, np.int32) == (plays.listeners.dtype, plays.tracks.dtype)
    assert int(NOON.timestamp() * 1000) == plays.played_at[0]


def test_rows_left_out_are_counted_by_reason(tmp_path: Path) -> None:
    """No training right, seen before, skipped, silent: each row has one reason; a short track heard whole is kept."""
    write(
        tmp_path,
        "part-0",
        [
            row("kept", "l", "t"),
            row("denied", "l", "t", allow_training=False),
            row("skipped", "l", "t", milliseconds_played=29_999),
            row("short track", "l", "t", milliseconds_played=20_000, track_milliseconds=20_000),
            row("length unknown", "l", "t", milliseconds_played=0, track_milliseconds=0),
            row("length missing", "l", "t", milliseconds_played=29_999, track_milliseconds=None),
            row("heard long", "l", "t", milliseconds_played=30_000, track_milliseconds=None),
        ],
    )
    write(tmp_path, "part-1", [row("kept", "l", "t", ingested_at=datetime(2026, 11, 21, tzinfo=UTC))])
    archive = read_archive(tmp_path.as_uri())
    assert {"allow_training": 1, "duplicate": 1, "skip": 1, "silent": 2} == archive.excluded
    assert 3 == len(archive.plays)


def test_training_learns_from_positive_plays_only(tmp_path: Path) -> None:
    """Those of the table of cases, and the manifest tells how many of the others there were."""
    rows = [
        row(case.name, "l", case.name, milliseconds_played=case.heard, track_milliseconds=case.length)
        for case in LESSON_CASES
    ]
    write(tmp_path, "part-0", rows)
    archive = read_archive(tmp_path.as_uri())
    assert sorted(case.name for case in LESSON_CASES if case.teaches is Lesson.POSITIVE) == list(
        archive.plays.track_ids
    )
    taught = Counter(case.teaches for case in LESSON_CASES)
    assert (taught[Lesson.SKIP], taught[Lesson.SILENT]) == (archive.excluded["skip"], archive.excluded["silent"])


def test_files_in_progress_are_not_read(tmp_path: Path) -> None:
    """Names beginning with "." or "_" belong to the writer."""
    write(tmp_path, "part-0", [row("e1", "l", "t")])
    write(tmp_path, ".part-1.inprogress", [row("e2", "l", "t")])
    write(tmp_path, "_SUCCESS", [row("e3", "l", "t")])
    assert 1 == len(read_archive(tmp_path.as_uri()).plays)


def test_no_archive_says_what_to_do(tmp_path: Path) -> None:
    """A folder that is missing or holds no finished file is NotFound with the next step."""
    with pytest.raises(NotFound, match="segue ingest"):
        read_archive((tmp_path / "nowhere").as_uri())
    (tmp_path / "day=2026-11-20").mkdir()
    with pytest.raises(NotFound, match="checkpoint"):
        read_archive(tmp_path.as_uri())


def test_missing_column_is_named(tmp_path: Path) -> None:
    """The error names the column and what was found instead."""
    rows = [row("e1", "l", "t")]
    del rows[0]["milliseconds_played"]
    write(tmp_path, "part-0", rows)
    with pytest.raises(InvalidInput, match="'milliseconds_played' is missing"):
        read_archive(tmp_path.as_uri())


def test_interactions_sum_plays_and_keep_the_latest_time() -> None:
    """One row per pair, ordered by listener, then track."""
    pairs = interactions(columns([1, 0, 1, 1], [0, 2, 0, 1], [5, 7, 9, 3]))
    assert [0, 1, 1] == pairs.listeners.tolist()
    assert [2, 0, 1] == pairs.tracks.tolist()
    assert [1.0, 2.0, 1.0] == pairs.plays.tolist()
    assert [7, 9, 3] == pairs.last_played_at.tolist()
    assert [[0, 0, 1], [2, 1, 0]] == pairs.matrix().toarray().tolist()


def test_compact_drops_listeners_and_tracks_without_plays() -> None:
    """Numbers stay contiguous after rows were left out."""
    plays = columns([0, 1, 2], [0, 1, 2], [1, 2, 3])
    left = compact(plays.where(plays.listeners != 1))
    assert (["l0", "l2"], ["t0", "t2"]) == (left.listener_ids, left.track_ids)
    assert ([0, 1], [0, 1]) == (left.listeners.tolist(), left.tracks.tolist())


def test_time_split_holds_out_only_later_and_new_pairs() -> None:
    """Of the latest plays, pairs met before and unknown listeners or tracks are not judged."""
    plays = columns([0, 0, 1, 1, 1, 0, 0, 2], [0, 1, 0, 2, 3, 2, 0, 0], [1, 2, 3, 4, 5, 8, 9, 10])
    split = time_split(plays, held_out=0.4)
    assert {(0, 0), (0, 1), (1, 0), (1, 2), (1, 3)} == pairs_of(split.train)
    assert {(0, 2)} == pairs_of(split.test)


def test_history_that_is_archived_after_live_plays_is_learned_from_and_not_judged() -> None:
    """The split goes by when a play was heard, in whatever order the archive gives them."""
    live = ([0, 0, 1, 1, 0], [0, 1, 0, 1, 2], [101, 102, 103, 104, 110])
    history = ([1, 0, 1], [2, 3, 3], [1, 2, 3])
    orders = [[first + then for first, then in zip(*both, strict=True)] for both in ((history, live), (live, history))]
    splits = [time_split(columns(*order), held_out=0.1) for order in orders]
    assert [{(0, 2)}, {(0, 2)}] == [pairs_of(split.test) for split in splits]
    assert pairs_of(splits[0].train) == pairs_of(splits[1].train)


def test_random_split_takes_the_share_of_each_listener() -> None:
    """Rounded down per listener, disjoint, the same for the same seed and another for another."""
    pairs = interactions(columns([0] * 10 + [1] * 4, [*range(10), *range(4)], [0] * 14))
    split = random_split(pairs, held_out=0.2, seed=3)
    assert [0, 0] == split.test.listeners.tolist()
    assert pairs_of(pairs) == pairs_of(split.train) | pairs_of(split.test)
    assert pairs_of(split.test) == pairs_of(random_split(pairs, held_out=0.2, seed=3).test)
    assert len({frozenset(pairs_of(random_split(pairs, held_out=0.2, seed=seed).test)) for seed in range(9)}) > 1


def test_leave_last_holds_out_the_newest_track() -> None:
    """A listener with one track keeps it."""
    split = leave_last(interactions(columns([0, 0, 0, 1], [0, 1, 2, 2], [5, 9, 7, 8])))
    assert {(0, 1)} == pairs_of(split.test)
    assert {(0, 0), (0, 2), (1, 2)} == pairs_of(split.train)


def test_cold_items_are_unknown_to_training() -> None:
    """Every pair with a chosen track moves to the test."""
    split = cold_items(interactions(columns([0, 0, 1], [0, 1, 1], [1, 2, 3])), tracks=np.array([1], dtype=np.int32))
    assert {(0, 1), (1, 1)} == pairs_of(split.test)
    assert {(0, 0)} == pairs_of(split.train)
