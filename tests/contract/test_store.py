"""The store's promise, on every implementation."""

import random
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, get_args

import pytest
from pymongo import MongoClient

from backend import wiring
from backend.adapters.store.mongo import MongoStore
from backend.domain.errors import InvalidInput, Unavailable
from backend.domain.feedback import FeedbackKind
from backend.domain.listeners import HIDING, LIKING, Profile, RecentPlay, Word, merge
from backend.domain.live_tables import (
    ANOMALIES,
    ARTIST_ENGAGEMENT,
    ARTIST_POPULARITY,
    DEAD_LETTER_COUNTS,
    DEAD_LETTERS,
    LISTENER_ACTIVITY,
    LIVE_TABLES,
    TOPIC_HOURS,
    TRACK_POPULARITY,
    TRENDS,
    LiveTable,
)
from backend.domain.rights import Source
from backend.domain.tables import (
    Anomaly,
    AnomalyKind,
    AnomalySubject,
    ArtistEngagement,
    ArtistPopularity,
    DeadLetter,
    DeadLetterCount,
    DeadLetterReason,
    Direction,
    ListenerActivity,
    PopularitySpan,
    Severity,
    Span,
    TopicHour,
    TrackCluster,
    TrackPopularity,
    Trend,
)
from backend.domain.tracks import Artist, AudioFeatures, Track
from backend.ports.event_log import TopicPartition
from backend.ports.store import KeptAnswer, Store, TableQuery, TableRow
from backend.settings import Settings
from stack.ports import free_port
from streaming.schema import schema
from tests.memory import MemoryStore
from tests.unit.test_listeners import word

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


def engagement(artist: str, hour: int, plays: int, *, span: Span = Span.HOUR) -> ArtistEngagement:
    """A row of an artist `hour` hours after noon."""
    return ArtistEngagement(
        artist_id=artist,
        span=span,
        window_start=NOON + hour * HOUR,
        plays=plays,
        unique_listeners=2,
        returning_share=0.5,
        milliseconds_played=plays * 1000,
        completion_rate=None,
        skips=0,
        likes=3,
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


def anomaly(
    alert: str, z_score: float, *, severity: Severity = Severity.LOW, kind: AnomalyKind, track: str | None = None
) -> Anomaly:
    """An anomaly at noon, of the track where one is named, otherwise of its artist."""
    return Anomaly(
        alert_id=alert,
        subject=AnomalySubject.TRACK if track else AnomalySubject.ARTIST,
        artist_id="a",
        track_id=track,
        window_start=NOON,
        kind=kind,
        direction=Direction.UP if z_score > 0 else Direction.DOWN,
        severity=severity,
        plays=100,
        unique_listeners=50,
        plays_per_listener=2.0,
        baseline_plays=10.0,
        z_score=z_score,
        baseline_per_listener=1.5,
        z_per_listener=0.5,
        seasonal_plays=None,
        seasonal_z=None,
    )


def popularity(track: str, end: int, rank: int, *, span: PopularitySpan = PopularitySpan.DAY) -> TrackPopularity:
    """A track's rank in the window that ends `end` hours after noon."""
    return TrackPopularity(
        span=span, track_id=track, artist_id="a", window_end=NOON + end * HOUR, rank=rank, plays=9, listeners=5
    )


def artist_rank(artist: str, end: int, rank: int) -> ArtistPopularity:
    """An artist's rank in the 24 hours that end `end` hours after noon."""
    return ArtistPopularity(
        span=PopularitySpan.DAY, artist_id=artist, window_end=NOON + end * HOUR, rank=rank, plays=9, listeners=5
    )


def activity(listener: str, day: int, plays: int) -> ListenerActivity:
    """A listener's day, `day` days after the first of March."""
    start = NOON + day * 24 * HOUR - 12 * HOUR
    return ListenerActivity(
        listener_id=listener,
        window_start=start,
        sessions=2,
        plays=plays,
        skips=1,
        milliseconds_played=plays * 1000,
        last_active=start + 20 * HOUR,
    )


def topic_hour(cluster: int, hour: int) -> TopicHour:
    """A cluster's hour, `hour` hours after noon; nobody knows how loud it was."""
    return TopicHour(
        cluster=cluster,
        window_start=NOON + hour * HOUR,
        plays=7,
        danceability=0.5,
        energy=0.25,
        valence=1.0,
        acousticness=0.0,
        instrumentalness=0.75,
        liveness=0.125,
        speechiness=0.5,
        tempo=120.0,
        loudness=None,
    )


def letter(reason: DeadLetterReason, offset: int, minute: int) -> DeadLetter:
    """A dead letter noted `minute` minutes after noon."""
    return DeadLetter(
        reason=reason,
        source_topic="plays",
        source_partition=1,
        source_offset=offset,
        record_key=None,
        record="bm8ganNvbg==",
        detail="not JSON",
        records=1,
        noted_at=NOON + timedelta(minutes=minute),
    )


TABLES = {table.row: table for table in LIVE_TABLES.values()}


def table_row(row: Any) -> TableRow:
    """The row as the sink writes it."""
    columns = {name: getattr(value, "value", value) for name, value in asdict(row).items()}
    table = TABLES[type(row)].name
    return TableRow(table=table, key="|".join(str(columns[name]) for name in schema(table).key), columns=columns)


def write(store: Store, *rows: object) -> None:
    """One batch of the sink."""
    store.write([table_row(row) for row in rows], {})


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
        estimated=("energy", "valence"),
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
    play = RecentPlay(
        event_id="e",
        track_id="t",
        played_at=NOON,
        milliseconds_played=5,
        track_milliseconds=200_000,
        allow_training=False,
    )
    words = tuple(
        Word(track_id=f"t-{kind}", kind=kind, given_at=NOON - timedelta(milliseconds=nth), event_id=f"e{nth}")
        for nth, kind in enumerate(sorted(LIKING | HIDING))
    )
    profile = Profile(listener_id="l", recent=(play,), words=words)
    store.put_profiles([Profile(listener_id="l"), Profile(listener_id="m")])
    store.put_profiles([profile])
    assert {"l": profile, "m": Profile(listener_id="m")} == store.profiles(["l", "m", "n"])


def test_dropped_profiles_are_there_no_more(store: Store) -> None:
    """The others are; those that were not there are not counted."""
    store.put_profiles([Profile(listener_id=one) for one in ("l", "m", "n")])
    assert 2 == store.drop_profiles(["l", "n", "nobody", "l"])
    assert ["m"] == list(store.profiles(["l", "m", "n"]))
    assert 0 == store.drop_profiles(["l"]) == store.drop_profiles([])


@pytest.mark.stack
def test_profiles_of_earlier_versions_can_be_read(settings: Settings) -> None:
    """Tracks' lengths are unknown, and words are older than any that has a moment."""
    tenant = f"t{uuid.uuid4().hex[:12]}"
    old = {"event_id": "e", "track_id": "t", "played_at": NOON, "milliseconds_played": 5, "allow_training": True}
    with (
        MongoClient(settings.store_url, tz_aware=True) as client,
        closing(wiring.store(settings.model_copy(update={"tenant": tenant}))) as store,
    ):
        client[tenant]["profiles"].insert_one({"_id": "l", "recent": [old], "liked": ["x"], "hidden": ["h"]})
        found = store.profiles(["l"])["l"]
    assert (RecentPlay(event_id="e", track_id="t", played_at=NOON, milliseconds_played=5),) == found.recent
    assert ({"x"}, {"h"}) == (found.liked, found.hidden)
    merged = merge(found, [], [word(FeedbackKind.HIDE, "x"), word(FeedbackKind.LIKE, "h")])
    assert ({"h"}, {"x"}) == (merged.liked, merged.hidden)


def test_nothing_is_written_or_found_for_nothing(store: Store) -> None:
    """Empty lists are no error, and an empty table has no as-of time."""
    store.put_tracks([])
    store.put_profiles([])
    store.write([], {})
    assert {} == store.tracks([])
    assert {} == store.offsets()
    page = store.page(TRENDS, TableQuery())
    assert ((), "", None) == (page.rows, page.next_page_token, page.as_of)


def test_writing_rows_again_changes_nothing_but_their_time(store: Store) -> None:
    """A replayed batch upserts the same rows; a later row of a key replaces the earlier one, also within a batch."""
    rows = [table_row(engagement("a", 0, 3)), table_row(engagement("b", 0, 2)), table_row(engagement("b", 0, 7))]
    for _ in range(2):
        store.write(rows, {TopicPartition("artist_engagement", 1): 12})
    assert (engagement("b", 0, 7), engagement("a", 0, 3)) == store.page(ARTIST_ENGAGEMENT, TableQuery()).rows
    assert {TopicPartition("artist_engagement", 1): 12} == store.offsets()


def test_a_row_without_columns_is_deleted(store: Store) -> None:
    """Deleting what is not there is no error."""
    row = table_row(trend("t", 0, 1))
    store.write([row], {})
    store.write([replace(row, columns=None), replace(row, key="nobody", columns=None)], {})
    assert () == store.page(TRENDS, TableQuery()).rows


def test_offsets_of_other_partitions_stay(store: Store) -> None:
    """A write moves only the offsets it names."""
    store.write([], {TopicPartition("plays", 0): 1, TopicPartition("plays", 1): 5})
    store.write([], {TopicPartition("plays", 0): 2})
    assert {TopicPartition("plays", 0): 2, TopicPartition("plays", 1): 5} == store.offsets()


@pytest.mark.stack
def test_a_table_that_cannot_be_written_holds_the_offsets_back(settings: Settings) -> None:
    """Tables are written side by side: one row that is too large for the store, and no table tells of this write."""
    written, at = table_row(trend("t", 0, 1)), TopicPartition("trends", 0)
    tenant = f"t{uuid.uuid4().hex[:12]}"
    with closing(wiring.store(settings.model_copy(update={"tenant": tenant}))) as store:
        store.migrate()
        store.write([written], {at: 1})
        before = store.page(TRENDS, TableQuery()).as_of
        with pytest.raises(Unavailable):
            store.write([written, TableRow(table="dead_letters", key="k", columns={"record": "x" * 2**25})], {at: 2})
        assert ({at: 1}, before) == (store.offsets(), store.page(TRENDS, TableQuery()).as_of)


def test_letters_are_kept_with_their_offset(store: Store) -> None:
    """Those of the latest write of a place; a write that names none, as when the offsets are put back, has 0."""
    tracks, artists = TopicPartition("tracks", 0), TopicPartition("artists", 1)
    store.write([], {tracks: 7, artists: 3}, {tracks: 2, artists: 3})
    store.write([], {tracks: 9}, {tracks: 4})
    assert {tracks: 4, artists: 3} == store.letters()
    store.write([], {tracks: 0})
    assert {artists: 3} == store.letters()


def test_engagement_is_newest_hour_first_then_most_plays(store: Store) -> None:
    """Ties go by the artist's id."""
    rows = [engagement("b", 0, 9), engagement("b", 1, 2), engagement("a", 1, 2), engagement("c", 1, 5)]
    store.write([table_row(row) for row in rows], {})
    expected = [("c", 1), ("a", 1), ("b", 1), ("b", 0)]
    found = store.page(ARTIST_ENGAGEMENT, TableQuery()).rows
    assert expected == [(row.artist_id, (row.window_start - NOON) // HOUR) for row in found]


def test_pages_neither_repeat_nor_hide_rows_written_meanwhile(store: Store) -> None:
    """Rows that are there all the time come exactly once, whatever arrives between two pages."""
    stable = [engagement(f"s{number}", 0, number) for number in range(25)]
    store.write([table_row(row) for row in stable], {})
    query, seen = TableQuery(page_size=4), []
    for turn in range(100):
        page = store.page(ARTIST_ENGAGEMENT, query)
        seen.extend(row for row in page.rows if row.artist_id.startswith("s"))
        store.write([table_row(engagement(f"new{turn}", turn % 2, 10 * turn))], {})
        if not page.next_page_token:
            break
        query = replace(query, page_token=page.next_page_token)
    assert sorted(stable, key=lambda row: -row.plays) == seen


def made(table: LiveTable[Any], number: int) -> Any:
    """A row of any table: every cell tells the number, in twos and threes where ties are wanted."""
    cells = {}
    for name, hint in table.columns.items():
        kind, *nothing = get_args(hint) or (hint,)
        if nothing and number % 2:
            cells[name] = None
        elif name == "span":
            cells[name] = table.span
        elif kind is datetime:
            cells[name] = NOON + number // 3 * HOUR * (name != table.moment or not table.is_ranking)
        elif kind is str:
            cells[name] = f"{name} {number}"
        elif issubclass(kind, StrEnum):
            cells[name] = list(kind)[number % len(kind)]
        else:
            cells[name] = kind(number // 2) * (-1 if kind is float and number % 2 else 1)
    return table.row(**cells)


PAGED = [table for table in LIVE_TABLES.values() if table.order]


@pytest.mark.parametrize("table", PAGED, ids=lambda table: table.name)
def test_every_tables_pages_are_its_order(store: Store, table: LiveTable[Any]) -> None:
    """One row a page: each comes once, after those that its columns say come before; cells come back as they were."""
    rows = {table_row(row).key: row for row in (made(table, number) for number in range(7))}
    write(store, *rows.values())
    query, seen = TableQuery(page_size=1), []
    for _ in range(len(rows) + 1):
        page = store.page(table, query)
        seen.extend(page.rows)
        query = replace(query, page_token=page.next_page_token)
        if not page.next_page_token:
            break
    expected = list(rows.values())
    for by in reversed(table.order):
        cells = [getattr(row, by.column) for row in expected]
        sizes = [abs(cell) for cell in cells] if by.by_size else cells
        places = sorted(range(len(sizes)), key=sizes.__getitem__, reverse=by.descending)
        expected = [expected[place] for place in places]
    assert expected == seen


def test_a_filter_that_a_table_has_no_column_for_is_an_error(store: Store) -> None:
    """It would find nothing, or everything, and nobody would know."""
    for query in (TableQuery(listener_id="l"), TableQuery(min_plays=1), TableQuery(cluster=0)):
        with pytest.raises(ValueError, match="trends has no column"):
            store.page(TRENDS, query)
    with pytest.raises(ValueError, match="dead_letter_counts has no column of a moment"):
        store.page(DEAD_LETTER_COUNTS, TableQuery(start=NOON))


def test_clusters_are_stored_like_rows_that_are_read(store: Store) -> None:
    """The sink carries every result table, also those that nobody lists."""
    cluster = TrackCluster(track_id="t", cluster=3, distance=0.5)
    store.write([table_row(cluster)], {TopicPartition("track_clusters", 0): 1})
    assert {TopicPartition("track_clusters", 0): 1} == store.offsets()


def test_trends_are_paged_by_rank(store: Store) -> None:
    """Newest hour first, then by rank; the last page has no token."""
    store.write([table_row(trend(f"t{rank}", hour, rank)) for hour in range(2) for rank in range(1, 4)], {})
    first = store.page(TRENDS, TableQuery(page_size=4))
    second = store.page(TRENDS, TableQuery(page_size=4, page_token=first.next_page_token))
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
    first = store.page(ANOMALIES, TableQuery(page_size=2))
    second = store.page(ANOMALIES, TableQuery(page_size=2, page_token=first.next_page_token))
    assert (rows[1], rows[0], rows[2]) == (*first.rows, *second.rows)
    assert (rows[1], rows[0]) == store.page(ANOMALIES, TableQuery(min_severity=Severity.MEDIUM)).rows
    assert (rows[2],) == store.page(ANOMALIES, TableQuery(kind=AnomalyKind.STREAM_FARM)).rows


def test_filters_keep_what_they_say(store: Store) -> None:
    """The range includes its start, not its end; the others compare."""
    store.write([table_row(engagement(artist, hour, 10 * hour)) for artist in "ab" for hour in range(3)], {})
    store.write([table_row(trend(track, 0, rank)) for rank, track in enumerate("uvw", 1)], {})

    def keys(query: TableQuery) -> list[tuple[str, int]]:
        return [(row.artist_id, row.plays) for row in store.page(ARTIST_ENGAGEMENT, query).rows]

    assert [("a", 10), ("b", 10)] == keys(TableQuery(start=NOON + HOUR, end=NOON + 2 * HOUR))
    assert [("a", 20), ("a", 10), ("a", 0)] == keys(TableQuery(artist_id="a"))
    assert [("a", 20), ("b", 20)] == keys(TableQuery(min_plays=11))
    assert ["u", "v"] == [row.track_id for row in store.page(TRENDS, TableQuery(max_rank=2)).rows]
    assert ["w"] == [row.track_id for row in store.page(TRENDS, TableQuery(track_id="w")).rows]


def test_watchers_find_exactly_what_was_written_after_they_looked(store: Store) -> None:
    """`as_of` of one look, given as `written_after` to the next, misses nothing and repeats nothing."""
    store.write([table_row(engagement("a", 0, 1))], {})
    seen = store.page(ARTIST_ENGAGEMENT, TableQuery()).as_of
    assert () == store.page(ARTIST_ENGAGEMENT, TableQuery(written_after=seen)).rows
    for number in range(5):
        store.write([table_row(engagement(f"b{number}", 0, 1))], {})
        page = store.page(ARTIST_ENGAGEMENT, TableQuery(written_after=seen))
        assert [f"b{number}"] == [row.artist_id for row in page.rows]
        seen = page.as_of


def test_days_and_hours_are_asked_for_apart(store: Store) -> None:
    """Hours where nothing is said; both pages are newest first, each in its own time."""
    days = [engagement("a", 24 * day - 12, 50, span=Span.DAY) for day in range(2)]
    hours = [engagement("a", hour, 5) for hour in range(2)]
    write(store, *days, *hours)
    assert (hours[1], hours[0]) == store.page(ARTIST_ENGAGEMENT, TableQuery()).rows
    first = store.page(ARTIST_ENGAGEMENT, TableQuery(span=Span.DAY, page_size=1))
    second = store.page(ARTIST_ENGAGEMENT, TableQuery(span=Span.DAY, page_size=1, page_token=first.next_page_token))
    assert (days[1], days[0]) == (*first.rows, *second.rows)
    with pytest.raises(InvalidInput):
        store.page(ARTIST_ENGAGEMENT, TableQuery(span=Span.HOUR, page_size=1, page_token=first.next_page_token))


def test_rankings_are_those_of_the_newest_window_of_their_span(store: Store) -> None:
    """24 hours where nothing is said; rows of windows that are over stay away, whatever their rank."""
    day = [popularity("b", 1, 1), popularity("a", 1, 2), popularity("c", 1, 3)]
    week = [popularity("w", 5, 1, span=PopularitySpan.WEEK), popularity("a", 5, 2, span=PopularitySpan.WEEK)]
    write(store, *day, *week, popularity("over", 0, 1))
    first = store.page(TRACK_POPULARITY, TableQuery(page_size=2))
    second = store.page(TRACK_POPULARITY, TableQuery(page_size=2, page_token=first.next_page_token))
    assert (tuple(day), "") == ((*first.rows, *second.rows), second.next_page_token)
    assert tuple(week) == store.page(TRACK_POPULARITY, TableQuery(span=PopularitySpan.WEEK)).rows
    assert () == store.page(TRACK_POPULARITY, TableQuery(span=PopularitySpan.HOUR)).rows
    assert tuple(day[:2]) == store.page(TRACK_POPULARITY, TableQuery(max_rank=2)).rows
    write(store, popularity("c", 2, 1))
    assert ["c"] == [row.track_id for row in store.page(TRACK_POPULARITY, TableQuery()).rows]


def test_artists_are_ranked_like_tracks(store: Store) -> None:
    """And found by their id."""
    rows = [artist_rank("x", 1, 1), artist_rank("y", 1, 2)]
    write(store, *rows, artist_rank("over", 0, 1), popularity("t", 9, 1))
    assert tuple(rows) == store.page(ARTIST_POPULARITY, TableQuery()).rows
    assert (rows[1],) == store.page(ARTIST_POPULARITY, TableQuery(artist_id="y")).rows


def test_popular_tracks_are_the_newest_windows_and_then_earlier_ones(store: Store) -> None:
    """By rank within a window; other spans stay away; the limit cuts the end."""
    rows = [popularity("a", 1, 1), popularity("b", 1, 2), popularity("c", 0, 1), popularity("d", -9, 1)]
    write(store, *reversed(rows), popularity("w", 3, 1, span=PopularitySpan.WEEK))
    assert rows == store.popular_tracks(PopularitySpan.DAY, limit=10)
    assert rows[:3] == store.popular_tracks(PopularitySpan.DAY, limit=3)
    assert rows[:1] == store.popular_tracks(PopularitySpan.DAY, limit=1)
    assert [] == store.popular_tracks(PopularitySpan.HOUR, limit=1)


def test_anomalies_of_tracks_and_artists_are_told_apart(store: Store) -> None:
    """By subject, and by the track's id; columns without a value come back without one."""
    artist = anomaly("x", 7.0, kind=AnomalyKind.RELEASE_SPIKE)
    track = anomaly("y", -8.0, kind=AnomalyKind.DROP, track="t1")
    write(store, artist, track)
    assert (track, artist) == store.page(ANOMALIES, TableQuery(artist_id="a")).rows
    assert (track,) == store.page(ANOMALIES, TableQuery(subject=AnomalySubject.TRACK)).rows
    assert (artist,) == store.page(ANOMALIES, TableQuery(subject=AnomalySubject.ARTIST)).rows
    assert (track,) == store.page(ANOMALIES, TableQuery(track_id="t1")).rows


def test_listeners_days_come_newest_first(store: Store) -> None:
    """Within a day the busiest listener first; one listener's days alone where asked."""
    rows = [activity("m", 1, 3), activity("l", 0, 9), activity("m", 0, 2)]
    write(store, *reversed(rows))
    first = store.page(LISTENER_ACTIVITY, TableQuery(page_size=2))
    second = store.page(LISTENER_ACTIVITY, TableQuery(page_size=2, page_token=first.next_page_token))
    assert tuple(rows) == (*first.rows, *second.rows)
    assert (rows[0], rows[2]) == store.page(LISTENER_ACTIVITY, TableQuery(listener_id="m")).rows
    assert (rows[0],) == store.page(LISTENER_ACTIVITY, TableQuery(start=rows[0].window_start)).rows


def test_rows_of_before_a_moment_go(store: Store) -> None:
    """Those whose own moment is before it, of this table only."""
    write(store, *(activity("ann", day, 1) for day in range(1, 5)), engagement("a", 1, 5))
    (last, third, *_) = store.page(LISTENER_ACTIVITY, TableQuery()).rows
    assert 2 == store.drop_rows_before(LISTENER_ACTIVITY, third.window_start)
    assert (last, third) == store.page(LISTENER_ACTIVITY, TableQuery()).rows
    assert 0 == store.drop_rows_before(LISTENER_ACTIVITY, third.window_start)
    assert 1 == len(store.page(ARTIST_ENGAGEMENT, TableQuery()).rows)


def test_topic_hours_come_newest_first_then_by_cluster(store: Store) -> None:
    """Cluster 0 is a cluster like any other."""
    rows = [topic_hour(0, 1), topic_hour(7, 1), topic_hour(0, 0)]
    write(store, *reversed(rows))
    first = store.page(TOPIC_HOURS, TableQuery(page_size=2))
    second = store.page(TOPIC_HOURS, TableQuery(page_size=2, page_token=first.next_page_token))
    assert tuple(rows) == (*first.rows, *second.rows)
    assert (rows[0], rows[2]) == store.page(TOPIC_HOURS, TableQuery(cluster=0)).rows


def test_dead_letters_come_newest_first_with_their_counts(store: Store) -> None:
    """By reason where asked; the counts are of every reason."""
    late, unknown, malformed = DeadLetterReason.TOO_LATE, DeadLetterReason.UNKNOWN_TRACK, DeadLetterReason.MALFORMED
    rows = [letter(late, 4, 9), letter(malformed, 2, 5), letter(malformed, 3, 5), letter(unknown, 1, 5)]
    counts = [
        DeadLetterCount(reason=malformed, source_topic="plays", records=2),
        DeadLetterCount(reason=late, source_topic="plays", records=40),
    ]
    write(store, *reversed(rows), *reversed(counts))
    first = store.page(DEAD_LETTERS, TableQuery(page_size=2))
    second = store.page(DEAD_LETTERS, TableQuery(page_size=2, page_token=first.next_page_token))
    assert tuple(rows) == (*first.rows, *second.rows)
    assert (rows[1], rows[2]) == store.page(DEAD_LETTERS, TableQuery(reason=malformed)).rows
    assert (rows[0],) == store.page(DEAD_LETTERS, TableQuery(start=NOON + timedelta(minutes=6))).rows
    assert counts == list(store.page(DEAD_LETTER_COUNTS, TableQuery()).rows)


def test_rows_and_letters_that_name_a_listener_can_be_dropped(store: Store) -> None:
    """By listener, by a letter's key, by its text, and by the kept bytes of its record; others' stay."""
    gone = "a2b3c4d5e6f7g2h3i4j5k6l7m2"
    kept = b64encode(f"of {gone}".encode()).decode()
    named = [{"record_key": gone}, {"detail": f"listener_id is {gone}"}, {"record": kept}]
    plain = letter(DeadLetterReason.MALFORMED, 0, 0)
    letters = [replace(plain, source_offset=at, **columns) for at, columns in enumerate(named, start=1)]
    days = [activity(gone, 0, 3), activity(gone, 1, 3), activity("another", 0, 3)]
    write(store, plain, *letters, *days)
    assert 5 == store.drop_rows_of([gone, "nobody"])
    assert 0 == store.drop_rows_of([gone])
    assert (plain,) == store.page(DEAD_LETTERS, TableQuery()).rows
    assert (days[2],) == store.page(LISTENER_ACTIVITY, TableQuery()).rows


@pytest.mark.stack
def test_rows_of_an_older_shape_go_when_the_store_is_migrated(settings: Settings) -> None:
    """Tables that got new columns and keys are computed again; what no reader understands must not stay."""
    store = wiring.store(settings.model_copy(update={"tenant": f"t{uuid.uuid4().hex[:12]}"}))
    old: dict[str, Any] = {"alert_id": "x", "artist_id": "a", "window_start": NOON, "z_score": 5.0}
    store.write([TableRow(table=ANOMALIES.name, key="x", columns=old)], {})
    write(store, anomaly("y", 7.0, kind=AnomalyKind.DROP))
    store.migrate()
    assert ["y"] == [row.alert_id for row in store.page(ANOMALIES, TableQuery()).rows]
    store.close()


@pytest.mark.stack
def test_letters_from_before_topics_stay_and_are_of_plays(settings: Settings) -> None:
    """Read as they are, and completed in the order of pages, whose index is made anew."""
    tenant = f"t{uuid.uuid4().hex[:12]}"
    store = wiring.store(settings.model_copy(update={"tenant": tenant}))
    rows = [letter(DeadLetterReason.TOO_LATE, offset, 9 - offset) for offset in range(3)]
    for row in rows:
        old = {name: cell for name, cell in asdict(row).items() if name != "source_topic"}
        key = f"too_late|1|{row.source_offset}"
        store.write([TableRow(table=DEAD_LETTERS.name, key=key, columns=old | {"reason": "too_late"})], {})
    assert rows == list(store.page(DEAD_LETTERS, TableQuery()).rows)
    with MongoClient[dict[str, Any]](settings.store_url) as client:
        letters = client[tenant]["dead_letters"]
        before = [("noted_at", -1), ("reason", 1), ("source_partition", 1), ("source_offset", 1)]
        letters.create_index(before, name="page_order")
        store.migrate()
        assert [(by.column, -1 if by.descending else 1) for by in DEAD_LETTERS.order] == [
            (name, int(way)) for name, way in letters.index_information()["page_order"]["key"]
        ]
        assert 3 == letters.count_documents({"source_topic": "plays"})
    store.migrate()
    assert rows == list(store.page(DEAD_LETTERS, TableQuery()).rows)
    store.close()


@pytest.mark.parametrize("token", ["x", "e30", "AAAA", "W10", "€", "W251bGxd"])
def test_a_bad_page_token_is_invalid(store: Store, token: str) -> None:
    """Whatever is sent as a token, the field is named."""
    with pytest.raises(InvalidInput) as caught:
        store.page(ARTIST_ENGAGEMENT, TableQuery(page_token=token))
    assert "page_token" == caught.value.violations[0].field


def test_a_token_of_another_question_is_invalid(store: Store) -> None:
    """Changing a filter between two pages is refused; changing the page size is not."""
    store.write([table_row(engagement("a", hour, 1)) for hour in range(3)], {})
    token = store.page(ARTIST_ENGAGEMENT, TableQuery(page_size=1)).next_page_token
    assert 2 == len(store.page(ARTIST_ENGAGEMENT, TableQuery(page_size=5, page_token=token)).rows)
    with pytest.raises(InvalidInput):
        store.page(ARTIST_ENGAGEMENT, TableQuery(page_size=1, artist_id="a", page_token=token))


def test_an_unreachable_store_is_unavailable() -> None:
    """Reading and writing say so instead of waiting for ever."""
    port = free_port(set(), random.SystemRandom())
    store = MongoStore(f"mongodb://127.0.0.1:{port}", tenant="t", connect_seconds=0.2)
    for call in (store.ping, lambda: store.tracks(["t"]), lambda: store.put_artists([Artist(artist_id="a", name="A")])):
        with pytest.raises(Unavailable):
            call()
    store.close()


def test_an_answer_is_read_until_it_expires(store: Store) -> None:
    """Byte for byte; the last put wins."""
    content = bytes(range(256)) * 200
    store.put_answers([KeptAnswer(answer_id="a", content=b"before", expires_at=NOON)])
    store.put_answers([KeptAnswer(answer_id=one, content=content, expires_at=NOON + HOUR) for one in ("a", "b")])
    store.put_answers([])
    assert content == store.answer("a", now=NOON)
    assert None is store.answer("a", now=NOON + HOUR)
    assert None is store.answer("nobody", now=NOON)


def test_answers_are_dropped_by_name_or_when_they_have_expired(store: Store) -> None:
    """The others stay, and what is not there costs nothing."""
    soon = datetime.now(UTC).replace(microsecond=0) + HOUR
    for number in range(1, 5):
        store.put_answers([KeptAnswer(answer_id=f"a{number}", content=b"x", expires_at=soon + number * HOUR)])
    store.drop_answers(["a1", "nobody"])
    store.drop_expired_answers(now=soon + 3 * HOUR)
    assert [None, None, None, b"x"] == [store.answer(f"a{number}", now=soon) for number in range(1, 5)]
