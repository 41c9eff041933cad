"""A listener's own rows of the home page, through a real server."""

from collections.abc import Iterator

import pytest
from segue.v1 import topics_pb2

from tests.rpc.conftest import World
from tests.rpc.test_options import listen
from tests.rpc.test_recommend import make_popular
from tests.rpc.test_topics import home
from tests.rpc.wide import wide


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One server for all."""
    with wide(tmp_path_factory.mktemp("home")) as world:
        make_popular(world, "t1000", "t1001", "t1002")
        yield world


def kinds(page: topics_pb2.HomeResponse) -> list[str]:
    """Of the rows, in words."""
    return [topics_pb2.HomeRowKind.Name(row.kind).removeprefix("HOME_ROW_KIND_").lower() for row in page.rows]


def test_a_listener_has_rows_of_their_own_before_the_others(world: World) -> None:
    """For them, because of the last two tracks, of the topics they play most; what is popular, the other topics."""
    listen(world, "ann", 0, 2, 1, 4)
    page = home(world, listener_id="ann", row_size=5)
    assert ["for_you", "because", "because", "liked_topic", "liked_topic", "popular", "topic"] == kinds(page)
    assert ["t0", "t2"] == [row.anchor_track_id for row in page.rows[1:3]]
    assert ["Because you played jazz 0", "Because you played jazz 2"] == [row.title for row in page.rows[1:3]]
    assert ["jazz", "techno", "rare"] == [row.topic_id for row in page.rows if row.topic_id]
    assert all(row.tracks for row in page.rows)
    assert {"jazz"} == {one.title.split()[0] for one in page.rows[3].tracks}
    assert (True, False) == (bool(page.recommendation_id), page.degraded)
    assert all(one.reason for row in page.rows[:5] for one in row.tracks)


def test_no_track_stands_twice_on_a_page(world: World) -> None:
    """Nor does one that the listener played stand in a row of their own."""
    listen(world, "bob", 1000, 1002, 1001)
    page = home(world, listener_id="bob", row_size=50)
    listed = [one.track_id for row in page.rows for one in row.tracks]
    assert len(listed) == len({*listed}) > 200
    own = [one.track_id for row in page.rows if row.title != "Popular" for one in row.tracks]
    assert not {"t1000", "t1001", "t1002"} & {*own}


def test_rows_of_their_own_come_in_pages_too(world: World) -> None:
    """Two rows each, all of them in the end."""
    listen(world, "cat", 0, 2, 1, 4)
    rows, token = [], ""
    while True:
        page = home(world, listener_id="cat", row_size=3, page_size=2, page_token=token)
        rows += kinds(page)
        token = page.next_page_token
        if not token:
            break
    assert kinds(home(world, listener_id="cat", row_size=3)) == rows


def test_a_listener_of_whom_nothing_is_known_has_the_rows_of_everybody(world: World) -> None:
    """And no recommendation to send back."""
    page = home(world, listener_id="stranger", row_size=3)
    assert (kinds(home(world, row_size=3)), "") == (kinds(page), page.recommendation_id)


def test_a_home_page_without_the_index_has_the_other_rows(world: World) -> None:
    """It says that it is degraded; local factors still fill the row for them."""
    listen(world, "dan", 0, 2, 4)
    world.vectors.down = True
    page = home(world, listener_id="dan", row_size=3)
    world.vectors.down = False
    assert page.degraded
    assert "because" not in kinds(page)
    assert {"popular", "liked_topic"} <= {*kinds(page)}
