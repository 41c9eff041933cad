"""Training leaves out what no person plays and what nobody may learn from, and says how many rows that were."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backend.domain.errors import InvalidInput
from backend.domain.rights import ListenerRights
from backend.domain.tracks import Artist, Track
from backend.ports.event_log import Record, Topic
from backend.ports.records import rights_record
from backend.settings import Settings
from tests.memory import MemoryEventLog, MemoryIdentities, MemoryStore
from training.data.dataset import PlayColumns
from training.data.exclusions import DAY_MILLISECONDS, Limits, Withheld, choose
from training.data.rights import withheld_listeners
from training.material import data_window, read_material
from training.wiring import limits

NOTHING = Withheld()
NONE = Limits(day_plays=0, day_repeats=0, listener_plays=0, track_plays=0)


def plays(*rows: tuple[str, str, float]) -> PlayColumns:
    """Plays of (listener, track, days since 1970)."""
    listeners, tracks = sorted({row[0] for row in rows}), sorted({row[1] for row in rows})
    return PlayColumns(
        listener_ids=listeners,
        track_ids=tracks,
        listeners=np.array([listeners.index(row[0]) for row in rows], dtype=np.int32),
        tracks=np.array([tracks.index(row[1]) for row in rows], dtype=np.int32),
        counts=np.ones(len(rows), dtype=np.float32),
        played_at=np.array([round(row[2] * DAY_MILLISECONDS) for row in rows], dtype=np.int64),
    )


def left(held: PlayColumns) -> list[tuple[str, str]]:
    """Listener and track of each row."""
    return [
        (held.listener_ids[listener], held.track_ids[track])
        for listener, track in zip(held.listeners.tolist(), held.tracks.tolist(), strict=True)
    ]


def limited(**changes: int) -> Limits:
    """No limits but these."""
    return replace(NONE, **changes)  # type: ignore[arg-type]  # no test names listeners here


def test_a_farm_is_left_out_whole_by_what_it_does_on_one_day() -> None:
    """Four plays on a day are too many here, four on two days are not; all of the farm's plays go."""
    farm = [("farm", f"t{number}", 1.1 + number / 100) for number in range(4)] + [("farm", "t9", 5.0)]
    fan = [("fan", f"t{number}", 1.98 + number / 100) for number in range(4)]
    chosen = choose(plays(*farm, *fan), withheld=NOTHING, limits=limited(day_plays=3))
    assert {"fan"} == set(chosen.plays.listener_ids)
    assert (5, 1) == (chosen.excluded["flagged_listener"], chosen.flagged_listeners)


def test_repeats_of_one_track_are_what_counts_for_the_second_limit() -> None:
    """Three plays of one track in a day against three of three tracks."""
    loop = [("loop", "t1", 1 + number / 10) for number in range(3)]
    fan = [("fan", f"t{number}", 1 + number / 10) for number in range(3)]
    chosen = choose(plays(*loop, *fan), withheld=NOTHING, limits=limited(day_repeats=2))
    assert {"fan"} == set(chosen.plays.listener_ids)


def test_listeners_named_in_a_file_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One of the apps' ids a line; whom nobody knows is told without a name; a file that is not there is an error."""
    file = tmp_path / "left-out.txt"
    file.write_text("bot\n\n other \n")
    settings = Settings(home=tmp_path, training_left_out_listeners=file)
    known = MemoryIdentities()
    bot, fan = known.ensure(["bot"])["bot"], known.ensure(["fan"])["fan"]
    most = limits(settings, lambda: known)
    chosen = choose(plays((bot, "t1", 1), (fan, "t1", 1)), withheld=NOTHING, limits=most)
    assert ([(fan, "t1")], 1) == (left(chosen.plays), chosen.excluded["flagged_listener"])
    assert 1 == most.numbers()["listeners_in_file"]
    assert ["training_left_out_listeners: nobody knows 1 of the 2 that it names"] == caplog.messages
    with pytest.raises(InvalidInput, match="one listener id a line"):
        limits(settings.model_copy(update={"training_left_out_listeners": tmp_path / "nowhere"}), lambda: known)


def test_caps_keep_the_newest_plays() -> None:
    """First of each listener, then of each track."""
    held = plays(("a", "t1", 1), ("a", "t2", 2), ("a", "t3", 3), ("b", "t3", 4))
    chosen = choose(held, withheld=NOTHING, limits=limited(listener_plays=2, track_plays=1))
    assert [("a", "t2"), ("b", "t3")] == left(chosen.plays)
    assert (1, 1) == (chosen.excluded["listener_cap"], chosen.excluded["track_cap"])


def test_tracks_without_the_training_right_go_first() -> None:
    """A listener is not flagged for plays that do not count; nothing left is an error with the numbers."""
    held = plays(("a", "t1", 1), ("a", "t1", 1.1), ("a", "t2", 1.2))
    chosen = choose(held, withheld=Withheld(tracks=frozenset({"t1"})), limits=limited(day_plays=1))
    assert ([("a", "t2")], 2) == (left(chosen.plays), chosen.excluded["track_allow_training"])
    with pytest.raises(InvalidInput, match="'track_allow_training': 3"):
        choose(held, withheld=Withheld(tracks=frozenset({"t1", "t2"})), limits=NONE)


def test_what_was_taken_back_is_left_out_by_whose_word_it_is() -> None:
    """Each play counts for the first reason that it meets: its listener, its track, one of the artists."""
    held = plays(*((listener, track, 1) for listener in ("a", "b") for track in ("t1", "t2", "t3")))
    withheld = Withheld(listeners=frozenset({"a"}), tracks=frozenset({"t1"}), of_artists=frozenset({"t1", "t2"}))
    chosen = choose(held, withheld=withheld, limits=NONE)
    assert [("b", "t3")] == left(chosen.plays)
    reasons = ("listener_allow_training", "track_allow_training", "artist_allow_training")
    assert (3, 1, 1) == tuple(chosen.excluded[reason] for reason in reasons)


def test_the_last_word_of_a_listener_holds() -> None:
    """Taken back, given again, taken away by an erasure, and one that nobody can read."""
    log = MemoryEventLog()
    said = [("a", False), ("b", False), ("c", False), ("b", True), ("d", True)]
    records = [rights_record(ListenerRights(listener_id=who, allow_training=allowed)) for who, allowed in said]
    log.append(Topic.RIGHTS, [*records, Record(key=b"c", value=None), Record(key=b"e", value=b"?")], timeout_seconds=1)
    assert {"a"} == withheld_listeners(log)


def test_without_limits_everything_stays() -> None:
    """0 is no limit."""
    held = plays(*(("a", "t1", 1 + number / 1000) for number in range(900)))
    assert 900 == len(choose(held, withheld=NOTHING, limits=NONE).plays)


def test_a_manifest_says_by_whose_word_plays_were_left_out(tmp_path: Path) -> None:
    """The play's own, its listener's, its track's and one of its artists'; a word of today counts for old plays."""
    store = MemoryStore()
    store.put_artists([Artist(artist_id=one, name=one, allow_training=one != "shy") for one in ("loud", "shy")])
    tracks = {"t1": ("loud",), "own": ("loud",), "guest": ("loud", "shy")}
    store.put_tracks(
        [Track(track_id=one, title=one, artist_ids=by, allow_training=one != "own") for one, by in tracks.items()]
    )
    rows = [(listener, track) for listener in ("ann", "bob") for track in tracks]
    columns = {
        "event_id": [f"{listener}-{track}" for listener, track in rows] + ["says-no"],
        "listener_id": [listener for listener, _ in rows] + ["bob"],
        "track_id": [track for _, track in rows] + ["t1"],
        "played_at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 7, pa.timestamp("ms", tz="UTC")),
        "milliseconds_played": pa.array([180_000] * 7, pa.int32()),
        "track_milliseconds": pa.array([200_000] * 7, pa.int32()),
        "allow_training": [True] * 6 + [False],
    }
    pq.write_table(pa.table(columns), tmp_path / "part-0")
    material = read_material(store, tmp_path.as_uri(), NONE, listeners=frozenset({"ann"}))
    assert [("bob", "t1")] == left(material.plays)
    told = data_window(material).excluded
    assert {
        "allow_training": 1,
        "listener_allow_training": 3,
        "track_allow_training": 1,
        "artist_allow_training": 1,
    } == {reason: rows for reason, rows in told.items() if rows}
