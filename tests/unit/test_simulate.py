"""The simulated service is the same for the same seed, and looks like a real one where it matters."""

import uuid
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.domain.errors import InvalidInput
from backend.domain.plays import Lesson, Play, lesson
from backend.domain.rights import Source
from backend.rpc.contract import violations_of
from importers.messages import artist_message, play_message, track_message
from training.simulate import Incident, Simulation, interactions, simulate

NOW = datetime(2026, 3, 11, 15, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def world() -> Simulation:
    """The default world, as the demo runs it."""
    return simulate(7, now=NOW)


def small(seed: int, now: datetime = NOW) -> Simulation:
    """A world that is made in milliseconds."""
    return simulate(seed, now=now, artists=40, tracks=200, listeners=50, days=8, plays=2_000)


def ordinary(world: Simulation) -> list[Play]:
    """The plays that belong to no incident."""
    truth = world.ground_truth
    return [
        play
        for play in world.plays
        if play.listener_id not in truth.stream_farm.listener_ids and play.track_id not in truth.release_spike.track_ids
    ]


def genre_of(world: Simulation) -> dict[str, str]:
    """The genre of each artist."""
    return {artist.artist_id: artist.tags[1] for artist in world.artists}


def test_same_seed_gives_the_same_bytes() -> None:
    """Two runs are equal to the last field."""
    assert repr(small(3)) == repr(small(3))


def test_other_seed_gives_another_world() -> None:
    """No event and no track is shared between seeds, so two worlds can live in one Segue."""
    one, other = small(3), small(4)
    assert not {play.event_id for play in one.plays} & {play.event_id for play in other.plays}
    assert not {track.track_id for track in one.tracks} & {track.track_id for track in other.tracks}


def test_later_run_repeats_the_days_it_shares_as_the_same_events() -> None:
    """Three hours later, everything but the edges of the window is a duplicate, field by field."""
    before, after = small(3), small(3, NOW + 3 * HOUR)
    events = {play.event_id: play for play in before.plays}
    shared = [play for play in after.plays if play.event_id in events]
    assert all(events[play.event_id] == play for play in shared)
    assert len(shared) > 0.95 * len(before.plays)


def test_event_ids_are_uuids_and_unique(world: Simulation) -> None:
    """Each play has an id of its own in the canonical form that the contract asks for."""
    ids = [play.event_id for play in world.plays]
    assert len(ids) == len(set(ids))
    assert ids[0] == str(uuid.UUID(ids[0]))


def test_plays_come_in_time_order_within_the_window(world: Simulation) -> None:
    """None is before the window, none would end after now."""
    times = [play.played_at for play in world.plays]
    assert sorted(times) == times
    assert times[0] >= NOW - timedelta(days=21)
    assert all(play.played_at + timedelta(milliseconds=play.milliseconds_played) <= NOW for play in world.plays)


def test_sizes_are_those_asked_for(world: Simulation) -> None:
    """Artists and tracks exactly (with the release on top), plays within a tenth."""
    assert 150 == len(world.artists)
    assert 1501 == len(world.tracks)
    assert 40_000 == pytest.approx(len(ordinary(world)), rel=0.1)


def test_catalogue_is_whole(world: Simulation) -> None:
    """Names do not repeat, every track is by a known artist, and all is marked as the simulator's."""
    known = {artist.artist_id for artist in world.artists}
    assert len(known) == len({artist.name for artist in world.artists})
    assert all(set(track.artist_ids) <= known for track in world.tracks)
    assert {Source.SIMULATOR} == {value.source for value in (*world.artists, *world.tracks, *world.plays)}


def test_values_pass_the_servers_rules(world: Simulation) -> None:
    """Nothing that the simulator makes is rejected on ingestion."""
    messages = [
        *map(artist_message, world.artists),
        *map(track_message, world.tracks),
        *map(play_message, world.plays[::50]),
    ]
    assert [] == [violation for message in messages for violation in violations_of(message, path="")]


def test_audio_features_tell_genres_apart(world: Simulation) -> None:
    """Metal is louder and more energetic than ambient."""
    energy: dict[str, list[float]] = defaultdict(list)
    for track in world.tracks:
        assert track.audio_features is not None
        energy[track.tags[1]].append(track.audio_features.energy)
    assert np.mean(energy["metal"]) > np.mean(energy["ambient"]) + 0.5


def test_popularity_has_a_long_tail(world: Simulation) -> None:
    """The first tenth of artists takes over a quarter of plays, the last half less than a third; all are heard."""
    counts = sorted(Counter(play.artist_id for play in ordinary(world)).values(), reverse=True)
    assert 150 == len(counts)
    assert sum(counts[:15]) > 0.25 * sum(counts)
    assert sum(counts[75:]) < 0.33 * sum(counts)


def test_listening_follows_the_day_and_the_week(world: Simulation) -> None:
    """Evenings are busy, the early morning is quiet, Saturdays beat Mondays."""
    hours = Counter(play.played_at.hour for play in ordinary(world))
    days = Counter(play.played_at.weekday() for play in ordinary(world))
    assert hours[20] > 5 * hours[4]
    assert days[5] > 1.1 * days[0]


def test_sessions_keep_to_a_genre(world: Simulation) -> None:
    """Two plays of one listener within ten minutes share the genre far more often than two plays of anyone."""
    genres = genre_of(world)
    last: dict[str, Play] = {}
    same = []
    for play in ordinary(world):
        before = last.get(play.listener_id)
        if before and play.played_at - before.played_at < timedelta(minutes=10):
            same.append(genres[before.artist_id] == genres[play.artist_id])
        last[play.listener_id] = play
    shares = np.array(list(Counter(genres[play.artist_id] for play in ordinary(world)).values())) / len(ordinary(world))
    assert np.mean(same) > 0.7
    assert np.mean(same) > 3 * (shares**2).sum()


def test_tastes_are_learnable(world: Simulation) -> None:
    """A listener's artists of the first two weeks foretell the third week better than popularity does."""
    cut = NOW - timedelta(days=7)
    past: dict[str, Counter[str]] = defaultdict(Counter)
    overall: Counter[str] = Counter()
    future: dict[str, set[str]] = defaultdict(set)
    for play in ordinary(world):
        if play.played_at < cut:
            past[play.listener_id][play.artist_id] += 1
            overall[play.artist_id] += 1
        else:
            future[play.listener_id].add(play.artist_id)
    popular = {artist for artist, _ in overall.most_common(10)}
    own = [len(future[who] & {artist for artist, _ in past[who].most_common(10)}) for who in future]
    common = [len(future[who] & popular) for who in future]
    assert sum(own) > 2 * sum(common)


def test_nobody_hears_two_tracks_at_once_in_ordinary_listening(world: Simulation) -> None:
    """Each play of a listener starts after the one before it ended, except across the cut between two days."""
    ends: dict[str, datetime] = {}
    overlaps = 0
    for play in ordinary(world):
        overlaps += play.played_at < ends.get(play.listener_id, play.played_at)
        ends[play.listener_id] = play.played_at + timedelta(milliseconds=play.milliseconds_played)
    assert overlaps < 0.001 * len(world.plays)


def test_some_plays_are_skips_and_none_is_longer_than_its_track(world: Simulation) -> None:
    """Favourites are skipped seldom, so skips stay a minority; every length is known, so no play is silent."""
    taught = Counter(lesson(play.milliseconds_played, play.track_milliseconds) for play in world.plays)
    skips = taught[Lesson.SKIP]
    assert {Lesson.POSITIVE, Lesson.SKIP} == taught.keys()
    assert 0.08 * len(world.plays) < skips < 0.3 * len(world.plays)
    assert all(0 < play.milliseconds_played <= play.track_milliseconds for play in world.plays)


def _hour_by_hour(world: Simulation, incident: Incident) -> list[list[Play]]:
    hours = (incident.ended_at - incident.started_at) // HOUR
    plays = [play for play in world.plays if play.artist_id == incident.artist_id]
    starts = [incident.started_at + nth * HOUR for nth in range(hours)]
    return [[play for play in plays if start <= play.played_at < start + HOUR] for start in starts]


def test_release_spike_is_many_plays_by_many_listeners(world: Simulation) -> None:
    """Its first hour is over a hundred plays at about one each, against under five in the artist's usual hour."""
    spike = world.ground_truth.release_spike
    first = _hour_by_hour(world, spike)[0]
    listeners = {play.listener_id for play in first}
    usual = sum(play.artist_id == spike.artist_id for play in ordinary(world)) / (21 * 24)
    assert len(first) > 100
    assert len(first) < 2 * len(listeners)
    assert usual < 5
    assert NOW - timedelta(days=2) < spike.started_at < spike.ended_at <= NOW


def test_the_release_is_played_only_once_it_is_out(world: Simulation) -> None:
    """The spike's track is in the catalogue, dated that day, and unheard before."""
    spike = world.ground_truth.release_spike
    (release,) = [track for track in world.tracks if track.track_id in spike.track_ids]
    assert spike.started_at.date().isoformat() == release.released_on
    assert all(play.played_at >= spike.started_at for play in world.plays if play.track_id == release.track_id)


def test_stream_farm_is_many_plays_by_few_listeners_all_night(world: Simulation) -> None:
    """Every hour, each of three to five listeners plays the artist's tracks far over ten times, about 35 s each."""
    farm = world.ground_truth.stream_farm
    assert 3 <= len(farm.listener_ids) <= 5
    for plays in _hour_by_hour(world, farm):
        assert len(plays) > 50 * len({play.listener_id for play in plays})
    heard = [play.milliseconds_played for play in world.plays if play.listener_id in farm.listener_ids]
    assert 30_000 < min(heard) <= max(heard) < 40_000
    assert NOW - timedelta(days=2) < farm.started_at < farm.ended_at <= NOW


@pytest.mark.parametrize("which", ["release_spike", "stream_farm"])
def test_incident_artists_have_a_past_to_stand_out_from(world: Simulation, which: str) -> None:
    """Both artists were played more than a day before, within the week that the anomaly table looks at."""
    incident: Incident = getattr(world.ground_truth, which)
    low, high = incident.started_at - timedelta(days=7), incident.started_at - timedelta(hours=25)
    assert any(play.artist_id == incident.artist_id and low <= play.played_at < high for play in world.plays)


def test_newcomer_is_unknown_and_plays_five_artists_of_one_genre(world: Simulation) -> None:
    """The new listener's five plays are recent, in order, and by nobody's profile."""
    plays = world.newcomer_plays("jazz")
    genres = genre_of(world)
    assert 5 == len({play.artist_id for play in plays})
    assert {"jazz"} == {genres[play.artist_id] for play in plays}
    assert plays[0].listener_id not in {play.listener_id for play in world.plays}
    assert all(NOW - HOUR < play.played_at <= NOW for play in plays)


def test_newcomer_of_an_unheard_genre_is_refused(world: Simulation) -> None:
    """The error names the genre."""
    with pytest.raises(InvalidInput, match="polka has 0 artists"):
        world.newcomer_plays("polka")


def test_impossible_sizes_are_refused_all_at_once() -> None:
    """Every wrong argument is named."""
    with pytest.raises(InvalidInput) as caught:
        simulate(-1, now=NOW.replace(tzinfo=None), artists=5, days=1)
    assert {"seed", "artists", "days", "now"} == {violation.field for violation in caught.value.violations}


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    now=st.datetimes(datetime(2021, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - hypothesis wants naive bounds
)
def test_any_seed_and_time_give_a_sound_world(seed: int, now: datetime) -> None:
    """Order, uniqueness, known tracks and both incidents hold whatever the seed and the hour."""
    world = small(seed, now.replace(tzinfo=UTC))
    tracks = {track.track_id for track in world.tracks}
    assert sorted(play.played_at for play in world.plays) == [play.played_at for play in world.plays]
    assert len(world.plays) == len({play.event_id for play in world.plays})
    assert {play.track_id for play in world.plays} <= tracks
    assert world.ground_truth.release_spike.artist_id != world.ground_truth.stream_farm.artist_id
    assert world.plays[-1].played_at <= world.now


def test_interactions_are_exact_distinct_and_ordered() -> None:
    """As many pairs as asked for, none twice, by row and column, counts whole and from 1."""
    rows, cols, counts = interactions(1, 2_000, 1_000, 50_000)
    keys = rows.astype(np.int64) * 1_000 + cols
    assert 50_000 == len(rows) == len(cols) == len(counts)
    assert (np.diff(keys) > 0).all()
    assert (counts >= 1).all()
    assert (counts == np.floor(counts)).all()


def test_interactions_are_the_same_for_the_same_seed() -> None:
    """Arrays are equal element by element."""
    for one, two in zip(interactions(5, 500, 300, 5_000), interactions(5, 500, 300, 5_000), strict=True):
        np.testing.assert_array_equal(one, two)


def test_interactions_have_power_laws_and_structure() -> None:
    """A tenth of items takes most pairs; items that share listeners do so beyond chance."""
    rows, cols, _ = interactions(1, 3_000, 1_000, 60_000)
    popularity = np.sort(np.bincount(cols, minlength=1_000))[::-1]
    assert popularity[:100].sum() > 0.3 * 60_000
    matrix = np.zeros((3_000, 1_000), dtype=np.float32)
    matrix[rows, cols] = 1
    together = matrix.T @ matrix
    expected = np.outer(matrix.sum(axis=0), matrix.sum(axis=0)) / 3_000
    tail = np.argsort(-matrix.sum(axis=0))[:300]
    ratio = (together[np.ix_(tail, tail)] / expected[np.ix_(tail, tail)])[~np.eye(300, dtype=bool)]
    assert np.percentile(ratio, 99) > 3


def test_interactions_too_dense_are_refused() -> None:
    """The error names the limit."""
    with pytest.raises(InvalidInput, match="from 1 to 25"):
        interactions(1, 10, 10, 26)
