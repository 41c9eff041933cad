"""Two servers over the same parts: what one of them took in or answered, the other knows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from segue.v1 import catalogue_pb2, ingest_pb2

from tests.rpc.conftest import World, running, served
from tests.rpc.test_ingest import ACCEPTED, DUPLICATE, play, send
from tests.rpc.test_recommend import answer, listen, make_popular, until


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[World, World]]:
    """Servers A and B."""
    with running(tmp_path, with_model=True) as a, served(tmp_path, a.log, a.store, a.vectors, a.models) as b:
        yield a, b


def shown(world: World, listener: str = "ann") -> set[str]:
    """Every track that the listener is recommended."""
    return {track.track_id for track in answer(world, listener, page_size=200).tracks}


def test_a_play_that_one_accepted_is_not_recommended_by_the_other(pair: tuple[World, World]) -> None:
    """Although no sink has brought it to the store."""
    a, b = pair
    make_popular(a, "t7", "t3")
    assert {"t7", "t3"} == shown(b)
    listen(a, "ann", "t7")
    until(lambda: "t7" not in shown(b))


def test_an_event_that_one_accepted_is_a_duplicate_to_the_other(pair: tuple[World, World]) -> None:
    """Nothing is written twice."""
    a, b = pair
    sent = play(listener="ann")
    assert [ACCEPTED] == [result.outcome for result in send(a, sent)]
    # B follows the log's tail: when it knows the play it knows the event id.
    until(lambda: "t1" not in shown(b) and bool(shown(b)))
    assert [DUPLICATE] == [result.outcome for result in send(b, sent)]


def test_a_track_that_one_took_in_can_be_played_and_is_placed_at_the_other(pair: tuple[World, World]) -> None:
    """Before its first play, without reading the catalogue again."""
    a, b = pair
    listen(b, "ann", "t0", "t2", "t4")
    answer(b)
    track = catalogue_pb2.Track(track_id="new", title="untitled", artist_ids=["a0"])
    a.ingest.UpsertTracks(ingest_pb2.UpsertTracksRequest(tracks=[track]))
    until(lambda: "new" in shown(b))
    assert [ACCEPTED] == [result.outcome for result in send(b, play("new"))]
