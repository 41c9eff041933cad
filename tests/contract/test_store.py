"""The store's promise, on every implementation."""

import random
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

import pytest

from backend import wiring
from backend.adapters.store.mongo import MongoStore
from backend.domain.errors import InvalidInput, Unavailable
from backend.domain.listeners import Profile, RecentPlay
from backend.domain.rights import Source
from backend.domain.tables import Anomaly, AnomalyKind, ArtistEngagement, Severity, TrackPopularity, Trend
from backend.domain.tracks import Artist, AudioFeatures, Track
from backend.ports.event_log import TopicPartition
from backend.ports.store import Store, Table, TableQuery, TableRow
from backend.settings import Settings
from cli.stack.ports import free_port
from tests.memory import MemoryStore

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.stack)])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store, migrated twice."""
    store: Store = MemoryStore()
    if request.param == "mongo":
        settings: Settings = request.getfixturevalue("settings")
        store = wiring.store(settings.model_copy(update={"tenant": f"t{uuid.uuid4().hex[:12]}"}))
    store.migrate()
    store.migrate()
    yield store
    store.close()


def engagement(artist: str, hour: int, plays: int) -> ArtistEngagement:
    """A row of an artist `hour` hours after noon."""
    return ArtistEngagement(
        artist_id=artist,
        window_start=NOON + hour * HOUR,
        plays=plays,
        unique_listeners=2,
        milliseconds_played=plays * 1000,
        completion_rate=None,
        skips=0,
    )


def trend(track: str, hour: int, rank: int) -> Trend:
    """A trend of a track `hour` hours after noon."""
    return Trend(
        track_id=track,
        artist_id=f"artist-of-{track}",
        window_start=NOON + hour * HOUR,
        rank=rank,
        plays_24h=10,
        listeners_24h=5,
        baseline_24h=1.5,
        ratio=6.7,
        z_score=4.2,
    )


def anomaly(alert: str, z_score: float, *, severity: Severity = Severity.LOW, kind: AnomalyKind) -> Anomaly:
    """An anomaly at noon."""
    return Anomaly(
        alert_id=alert,
        artist_id="a",
        window_start=NOON,
        kind=kind,
        severity=severity,
        plays=100,
        unique_listeners=50,
        plays_per_listener=2.0,
        baseline_plays=10.0,
        z_score=z_score,
    )


def popularity(track: str, hour: int, listeners: int, plays: int) -> TrackPopularity:
    """A track's popularity `hour` hours after noon."""
    return TrackPopularity(
        track_id=track,
        artist_id="a",
        window_start=NOON + hour * HOUR,
        plays_24h=plays,
        listeners_24h=listeners,
        plays_8d=plays,
    )


def table_row(row: ArtistEngagement | Trend | Anomaly | TrackPopularity) -> TableRow:
    """The row as the sink writes it."""
    columns = {name: getattr(value, "value", value) for name, value in asdict(row).items()}
    match row:
        case ArtistEngagement():
            return TableRow(table=Table.ARTIST_ENGAGEMENT, key=f"{row.artist_id}|{row.window_start}", columns=columns)
        case Trend():
            return TableRow(table=Table.TRENDS, key=f"{row.track_id}|{row.window_start}", columns=columns)
        case Anomaly():
            return TableRow(table=Table.ANOMALIES, key=row.alert_id, columns=columns)
        case _:
            return TableRow(table=Table.TRACK_POPULARITY, key=row.track_id, columns=columns)


def test_tracks_and_artists_come_back_as_they_were_put(store: Store) -> None:
    """Every field survives; unknown ids are left out; a put replaces, the last of one id wins."""
    features = AudioFeatures(
        danceability=0.5,
        energy=0.25,
        valence=1.0,
        acousticness=0.0,
        instrumentalness=0.75,
        liveness=0.125,
        speechiness=0.5,
        tempo=120.0,
        loudness=-7.5,
    )
    full = Track(
        track_id="t1",
        title="Jóga 🎧",
        artist_ids=("a1", "a2"),
        album="Homogenic",
        released_on="1997-09",
        duration_milliseconds=305_000,
        tags=("electronic",),
        audio_features=features,
        source=Source.SPOTIFY,
        allow_training=False,
    )
    plain = Track(track_id="t0", title="Plain", artist_ids=("a1",))
    artist = Artist(artist_id="a1", name="Björk", tags=("iceland",), source=Source.LASTFM)
    store.put_tracks([replace(full, title="Old"), plain])
    store.put_tracks([replace(full, title="Older"), full])
    store.put_artists([artist])
    assert {"t1": full, "t0": plain} == store.tracks(["t1", "t0", "nobody"])
    assert {"a1": artist} == store.artists(["a1", "a2"])
    assert [plain, full] == list(store.all_tracks())
    assert [artist] == list(store.all_artists())


def test_profiles_come_back_as_they_were_put(store: Store) -> None:
    """Plays, likes and hides of a listener survive; a put replaces."""
    play = RecentPlay(event_id="e", track_id="t", played_at=NOON, milliseconds_played=5, allow_training=False)
    profile = Profile(listener_id="l", recent=(play,), liked=frozenset({"x"}), hidden=frozenset({"y", "z"}))
    store.put_profiles([Profile(listener_id="l"), Profile(listener_id="m")])
    store.put_profiles([profile])
    assert {"l": profile, "m": Profile(listener_id="m")} == store.profiles(["l", "m", "n"])


def test_nothing_is_written_or_found_for_nothing(store: Store) -> None:
    """Empty lists are no error, and an empty table has no as-of time."""
    store.put_tracks([])
    store.put_profiles([])
    store.write([], {})
    assert {} == store.tracks([])
    assert {} == store.offsets()
    page = store.trends(TableQuery())
    assert ((), "", None) == (page.rows, page.next_page_token, page.as_of)


def test_writing_rows_again_changes_nothing_but_their_time(store: Store) -> None:
    """A replayed batch upserts the same rows; a later row of a key replaces the earlier one, also within a batch."""
    rows = [table_row(engagement("a", 0, 3)), table_row(engagement("b", 0, 2)), table_row(engagement("b", 0, 7))]
    for _ in range(2):
        store.write(rows, {TopicPartition("artist_engagement", 1): 12})
    assert (engagement("b", 0, 7), engagement("a", 0, 3)) == store.artist_engagement(TableQuery()).rows
    assert {TopicPartition("artist_engagement", 1): 12} == store.offsets()


def test_a_row_without_columns_is_deleted(store: Store) -> None:
    """Deleting what is not there is no error."""
    row = table_row(trend("t", 0, 1))
    store.write([row], {})
    store.write([replace(row, columns=None), replace(row, key="nobody", columns=None)], {})
    assert () == store.trends(TableQuery()).rows


def test_offsets_of_other_partitions_stay(store: Store) -> None:
    """A write moves only the offsets it names."""
    store.write([], {TopicPartition("plays", 0): 1, TopicPartition("plays", 1): 5})
    store.write([], {TopicPartition("plays", 0): 2})
    assert {TopicPartition("plays", 0): 2, TopicPartition("plays", 1): 5} == store.offsets()


def test_engagement_is_newest_hour_first_then_most_plays(store: Store) -> None:
    """Ties go by the artist's id."""
    rows = [engagement("b", 0, 9), engagement("b", 1, 2), engagement("a", 1, 2), engagement("c", 1, 5)]
    store.write([table_row(row) for row in rows], {})
    expected = [("c", 1), ("a", 1), ("b", 1), ("b", 0)]
    found = store.artist_engagement(TableQuery()).rows
    assert expected == [(row.artist_id, (row.window_start - NOON) // HOUR) for row in found]


def test_pages_neither_repeat_nor_hide_rows_written_meanwhile(store: Store) -> None:
    """Rows that are there all the time come exactly once, whatever arrives between two pages."""
    stable = [engagement(f"s{number}", 0, number) for number in range(25)]
    store.write([table_row(row) for row in stable], {})
    query, seen = TableQuery(page_size=4), []
    for turn in range(100):
        page = store.artist_engagement(query)
        seen.extend(row for row in page.rows if row.artist_id.startswith("s"))
        store.write([table_row(engagement(f"new{turn}", turn % 2, 10 * turn))], {})
        if not page.next_page_token:
            break
        query = replace(query, page_token=page.next_page_token)
    assert sorted(stable, key=lambda row: -row.plays) == seen


def test_trends_are_paged_by_rank(store: Store) -> None:
    """Newest hour first, then by rank; the last page has no token."""
    store.write([table_row(trend(f"t{rank}", hour, rank)) for hour in range(2) for rank in range(1, 4)], {})
    first = store.trends(TableQuery(page_size=4))
    second = store.trends(TableQuery(page_size=4, page_token=first.next_page_token))
    ranks = [((row.window_start - NOON) // HOUR, row.rank) for row in (*first.rows, *second.rows)]
    assert [(1, 1), (1, 2), (1, 3), (0, 1), (0, 2), (0, 3)] == ranks
    assert "" == second.next_page_token


def test_anomalies_are_paged_by_distance_from_the_baseline(store: Store) -> None:
    """A drop of -9 is further away than a spike of 7."""
    rows = [
        anomaly("x", 7.0, kind=AnomalyKind.RELEASE_SPIKE, severity=Severity.MEDIUM),
        anomaly("y", -9.0, kind=AnomalyKind.DROP, severity=Severity.HIGH),
        anomaly("z", 6.5, kind=AnomalyKind.STREAM_FARM),
    ]
    store.write([table_row(row) for row in rows], {})
    first = store.anomalies(TableQuery(page_size=2))
    second = store.anomalies(TableQuery(page_size=2, page_token=first.next_page_token))
    assert (rows[1], rows[0], rows[2]) == (*first.rows, *second.rows)
    assert (rows[1], rows[0]) == store.anomalies(TableQuery(min_severity=Severity.MEDIUM)).rows
    assert (rows[2],) == store.anomalies(TableQuery(kind=AnomalyKind.STREAM_FARM)).rows


def test_filters_keep_what_they_say(store: Store) -> None:
    """The range includes its start, not its end; the others compare."""
    store.write([table_row(engagement(artist, hour, 10 * hour)) for artist in "ab" for hour in range(3)], {})
    store.write([table_row(trend(track, 0, rank)) for rank, track in enumerate("uvw", 1)], {})

    def keys(query: TableQuery) -> list[tuple[str, int]]:
        return [(row.artist_id, row.plays) for row in store.artist_engagement(query).rows]

    assert [("a", 10), ("b", 10)] == keys(TableQuery(start=NOON + HOUR, end=NOON + 2 * HOUR))
    assert [("a", 20), ("a", 10), ("a", 0)] == keys(TableQuery(artist_id="a"))
    assert [("a", 20), ("b", 20)] == keys(TableQuery(min_plays=11))
    assert ["u", "v"] == [row.track_id for row in store.trends(TableQuery(max_rank=2)).rows]
    assert ["w"] == [row.track_id for row in store.trends(TableQuery(track_id="w")).rows]


def test_watchers_find_exactly_what_was_written_after_they_looked(store: Store) -> None:
    """`as_of` of one look, given as `written_after` to the next, misses nothing and repeats nothing."""
    store.write([table_row(engagement("a", 0, 1))], {})
    seen = store.artist_engagement(TableQuery()).as_of
    assert () == store.artist_engagement(TableQuery(written_after=seen)).rows
    for number in range(5):
        store.write([table_row(engagement(f"b{number}", 0, 1))], {})
        page = store.artist_engagement(TableQuery(written_after=seen))
        assert [f"b{number}"] == [row.artist_id for row in page.rows]
        seen = page.as_of


def test_popular_tracks_have_most_listeners_first(store: Store) -> None:
    """Then plays, then the track's id; rows older than asked are left out."""
    rows = [popularity("a", 0, 5, 9), popularity("b", 0, 5, 9), popularity("c", 0, 5, 10), popularity("d", -9, 99, 99)]
    store.write([table_row(row) for row in rows], {})
    found = store.popular_tracks(since=NOON - HOUR, limit=10)
    assert ["c", "a", "b"] == [row.track_id for row in found]
    assert 1 == len(store.popular_tracks(since=NOON - HOUR, limit=1))


@pytest.mark.parametrize("token", ["x", "e30", "AAAA", "W10", "€", "W251bGxd"])
def test_a_bad_page_token_is_invalid(store: Store, token: str) -> None:
    """Whatever is sent as a token, the field is named."""
    with pytest.raises(InvalidInput) as caught:
        store.artist_engagement(TableQuery(page_token=token))
    assert "page_token" == caught.value.violations[0].field


def test_a_token_of_another_question_is_invalid(store: Store) -> None:
    """Changing a filter between two pages is refused; changing the page size is not."""
    store.write([table_row(engagement("a", hour, 1)) for hour in range(3)], {})
    token = store.artist_engagement(TableQuery(page_size=1)).next_page_token
    assert 2 == len(store.artist_engagement(TableQuery(page_size=5, page_token=token)).rows)
    with pytest.raises(InvalidInput):
        store.artist_engagement(TableQuery(page_size=1, artist_id="a", page_token=token))


def test_an_unreachable_store_is_unavailable() -> None:
    """Reading and writing say so instead of waiting for ever."""
    port = free_port(set(), random.SystemRandom())
    store = MongoStore(f"mongodb://127.0.0.1:{port}", tenant="t", connect_seconds=0.2)
    for call in (store.ping, lambda: store.tracks(["t"]), lambda: store.put_artists([Artist(artist_id="a", name="A")])):
        with pytest.raises(Unavailable):
            call()
    store.close()
