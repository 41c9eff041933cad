"""What a filter admits: by the columns of all tracks as by a look at each, and with what came since they were read."""

import random
from dataclasses import replace

import numpy as np
import pytest

from backend.domain.errors import InvalidInput, Unavailable
from backend.domain.rights import Source
from backend.domain.tracks import Track
from backend.domain.wanted import TrackFilter
from backend.ranking.facets import facet_table, in_topics, joined
from backend.services.catalogue import Catalogue
from backend.services.facets import CatalogueFacets
from backend.services.model import CurrentModel
from tests.memory import HandedModels, MemoryStore
from tests.rpc.wide import RARE, topic_tracks

FILTERS = (
    TrackFilter(),
    TrackFilter(tags=("jazz", "straße")),
    TrackFilter(artist_ids=("a1", "nobody")),
    TrackFilter(without_artist_ids=("a1", "a2")),
    TrackFilter(first_year=1970),
    TrackFilter(last_year=1980),
    TrackFilter(first_year=1960, last_year=1990),
    TrackFilter(shortest_milliseconds=100_000),
    TrackFilter(longest_milliseconds=200_000),
    TrackFilter(sources=(Source.LASTFM, Source.SPOTIFY)),
    TrackFilter(tags=("rock",), first_year=1950, without_artist_ids=("a3",), sources=(Source.FIRST_PARTY,)),
)


def tracks(count: int) -> list[Track]:
    """Of every kind, much unknown; not in the order of their ids."""
    chance = random.Random(7)
    made = [
        Track(
            track_id=f"t{number}",
            title="x",
            artist_ids=tuple({f"a{chance.randrange(6)}", f"a{chance.randrange(6)}"}),
            released_on=chance.choice(["", "1955", "1970-05", "1985-12-31", "2024"]),
            duration_milliseconds=chance.choice([0, 90_000, 100_000, 200_000, 300_000]),
            tags=tuple(chance.sample(["Jazz", "jazz", "ROCK", "Stra\u00dfe", "STRASSE", "pop"], 2)),
            source=chance.choice(list(Source)),
        )
        for number in range(count)
    ]
    chance.shuffle(made)
    return made


@pytest.mark.parametrize("wanted", FILTERS)
def test_columns_admit_what_a_look_at_each_track_admits(wanted: TrackFilter) -> None:
    """Of 500 tracks, in the order of their ids."""
    made = {one.track_id: one for one in tracks(500)}
    table = facet_table(made.values())
    mask = table.admitted(wanted)
    ids = sorted(made, key=str.encode)
    assert [table.ids[row] for row in range(len(ids))] == ids
    assert [wanted.admits(made[one], ()) for one in ids] == mask.tolist()
    assert 0 < mask.sum()
    assert (mask.sum() == 500) == (wanted == TrackFilter())


def test_topics_and_plays_are_joined_by_id() -> None:
    """Also where the version has fewer tracks than the catalogue, and the other way round."""
    topics = topic_tracks()
    made = [Track(track_id=f"t{number}", title="x", artist_ids=("a",)) for number in (5, 7, 107, 8, 2_500)]
    table = facet_table(made)
    held = joined(table.ids, topics)
    mask = in_topics(held, topics, ["rare"])
    assert ["t107", "t7"] == [table.ids[row] for row in np.flatnonzero(mask).tolist()]
    plays = {table.ids[row]: int(held.plays[row]) for row in range(len(made))}
    assert {"t107": 107, "t2500": 0, "t5": 5, "t7": 7, "t8": 8} == plays


class Held:
    """The facets over a small catalogue."""

    def __init__(self, folder: object, *made: Track) -> None:
        self.store = MemoryStore()
        self.store.put_tracks(made)
        self.catalogue = Catalogue(self.store)
        self.facets = CatalogueFacets(self.store, self.catalogue, CurrentModel(HandedModels(folder)))  # type: ignore[arg-type]


ONE = Track(track_id="t1", title="x", artist_ids=("a1",), tags=("jazz",))
JAZZ = TrackFilter(tags=("jazz",))


def test_a_track_that_came_since_is_admitted_as_it_is_now(tmp_path: object) -> None:
    """New ones, and those that changed either way."""
    held = Held(tmp_path, ONE, replace(ONE, track_id="t2", tags=("rock",)))
    assert ["t1"] == list(held.facets.admission(JAZZ, None).ids or ())
    held.catalogue.learn_tracks(
        [replace(ONE, tags=("rock",)), replace(ONE, track_id="t2"), replace(ONE, track_id="t3", tags=("JAZZ",))]
    )
    admission = held.facets.admission(JAZZ, None)
    assert (["t2", "t3"], 2) == (sorted(admission.ids or ()), admission.count)
    assert [False, True, True, False] == [admission.admits(one) for one in ("t1", "t2", "t3", "t4")]
    assert ["t2", "t3"] == sorted(admission.most_played(10))


def test_the_store_may_be_down_once_the_catalogue_was_read(tmp_path: object) -> None:
    """Before that nobody knows what a filter admits."""
    held = Held(tmp_path, ONE)
    held.store.down = True
    with pytest.raises(Unavailable):
        held.facets.admission(JAZZ, None)
    held.store.down = False
    held.facets.refresh()
    held.store.down = True
    assert 1 == held.facets.admission(JAZZ, None).count


def test_tags_go_to_the_index_as_the_catalogue_writes_them(tmp_path: object) -> None:
    """An index compares letter by letter."""
    held = Held(tmp_path, ONE, replace(ONE, track_id="t2", tags=("JAZZ", "Jazz")))
    assert frozenset({"jazz", "JAZZ", "Jazz"}) == held.facets.admission(JAZZ, None).where.tags


def test_topics_without_a_version_that_has_them_are_refused(tmp_path: object) -> None:
    """By the field, with what to do."""
    held = Held(tmp_path, ONE)
    with pytest.raises(InvalidInput, match=r"filter\.topic_ids: .*segue train") as caught:
        held.facets.admission(TrackFilter(topic_ids=("1a",)), None)
    assert ["filter.topic_ids"] == [one.field for one in caught.value.violations]


def test_rare_tracks_are_one_percent() -> None:
    """As the tests of options rely on."""
    assert 20 == len(RARE)
