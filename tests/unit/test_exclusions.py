"""Training leaves out what no person plays and what nobody may learn from, and says how many rows that were."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backend.domain.errors import InvalidInput
from backend.settings import Settings
from training.data.dataset import PlayColumns
from training.data.exclusions import DAY_MILLISECONDS, Limits, choose
from training.wiring import limits

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
    chosen = choose(plays(*farm, *fan), withheld=(), limits=limited(day_plays=3))
    assert {"fan"} == set(chosen.plays.listener_ids)
    assert (5, 1) == (chosen.excluded["flagged_listener"], chosen.flagged_listeners)


def test_repeats_of_one_track_are_what_counts_for_the_second_limit() -> None:
    """Three plays of one track in a day against three of three tracks."""
    loop = [("loop", "t1", 1 + number / 10) for number in range(3)]
    fan = [("fan", f"t{number}", 1 + number / 10) for number in range(3)]
    chosen = choose(plays(*loop, *fan), withheld=(), limits=limited(day_repeats=2))
    assert {"fan"} == set(chosen.plays.listener_ids)


def test_listeners_named_in_a_file_are_left_out(tmp_path: Path) -> None:
    """One id a line; a file that is not there is an error that says what to write."""
    file = tmp_path / "left-out.txt"
    file.write_text("bot\n\n other \n")
    settings = Settings(home=tmp_path, training_left_out_listeners=file)
    chosen = choose(plays(("bot", "t1", 1), ("fan", "t1", 1)), withheld=(), limits=limits(settings))
    assert ([("fan", "t1")], 1) == (left(chosen.plays), chosen.excluded["flagged_listener"])
    assert 2 == limits(settings).numbers()["listeners_in_file"]
    with pytest.raises(InvalidInput, match="one listener id a line"):
        limits(settings.model_copy(update={"training_left_out_listeners": tmp_path / "nowhere"}))


def test_caps_keep_the_newest_plays() -> None:
    """First of each listener, then of each track."""
    held = plays(("a", "t1", 1), ("a", "t2", 2), ("a", "t3", 3), ("b", "t3", 4))
    chosen = choose(held, withheld=(), limits=limited(listener_plays=2, track_plays=1))
    assert [("a", "t2"), ("b", "t3")] == left(chosen.plays)
    assert (1, 1) == (chosen.excluded["listener_cap"], chosen.excluded["track_cap"])


def test_tracks_without_the_training_right_go_first() -> None:
    """A listener is not flagged for plays that do not count; nothing left is an error with the numbers."""
    held = plays(("a", "t1", 1), ("a", "t1", 1.1), ("a", "t2", 1.2))
    chosen = choose(held, withheld={"t1"}, limits=limited(day_plays=1))
    assert ([("a", "t2")], 2) == (left(chosen.plays), chosen.excluded["track_allow_training"])
    with pytest.raises(InvalidInput, match="'track_allow_training': 3"):
        choose(held, withheld={"t1", "t2"}, limits=NONE)


def test_without_limits_everything_stays() -> None:
    """0 is no limit."""
    held = plays(*(("a", "t1", 1 + number / 1000) for number in range(900)))
    assert 900 == len(choose(held, withheld=(), limits=NONE).plays)
