"""What the demo is told with."""

from datetime import UTC, datetime, timedelta

from backend.domain.plays import Timing
from cli.demo.material import simulated

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_the_newcomer_brings_history_along() -> None:
    """Their plays lie behind those that are in the log by then: told as live, most would be dead letters."""
    material = simulated(NOW)
    late = [
        play
        for play in material.newcomer_plays
        if material.plays[-1].played_at - play.played_at > timedelta(minutes=10)
    ]
    assert len(late) >= 3
    assert {Timing.HISTORY} == {play.timing for play in material.newcomer_plays}
