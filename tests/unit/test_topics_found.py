"""Topics keep their ids between versions, have names that tell them apart, and come back from a version's files."""

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from backend.domain.errors import ModelRefused
from backend.ports.models import TRACK_IDS_FILE
from backend.ranking.stored import Files, lines_bytes
from backend.ranking.topics import TopicTracks, TrackIds
from backend.versions.topics import PLACES_FILE, TOPICS_FILE, read_topics, topic_files
from training.content.clusters import FEATURES, NOWHERE, Bounds, find_levels
from training.content.topic_ids import matched, numbers_of
from training.content.topic_names import names, sound_words, telling_tags
from training.content.topics import Before, FoundTopics, before_of, before_of_clusters, found_topics

GROUPS = {"metal": 0.9, "folk": 0.1, "disco": 0.5}
"""Where on every axis the tracks of a tag lie."""


def tracks(
    sizes: Mapping[str, int], *, seed: int = 0, first: int = 0
) -> tuple[list[str], np.ndarray, dict[str, tuple[str, ...]]]:
    """Ids, features and tags of so many tracks of each group, half of each tagged slow and set apart a little."""
    rng = np.random.default_rng(seed)
    ids, rows, tags = [], [], {}
    for tag, size in sizes.items():
        for number in range(first, first + size):
            slow = number % 2 == 0
            ids.append(f"{tag}-{number:04}")
            tags[ids[-1]] = (tag, "slow" if slow else "quick", "music")
            rows.append([GROUPS[tag] + (0.03 if slow else -0.03)] * 9 + rng.normal(size=9) * 0.004)
    order = np.argsort(ids)
    return [ids[row] for row in order], np.array(rows)[order], tags


def found(
    sizes: Mapping[str, int],
    *,
    before: Before | None = None,
    most: int = 3,
    seed: int = 0,
    first: int = 0,
) -> FoundTopics:
    """The topics of `tracks`, two within each."""
    ids, table, tags = tracks(sizes, seed=seed, first=first)
    levels = find_levels(table, Bounds(least=2, most=most, within=2), seed=seed)
    assert levels is not None
    return found_topics(levels, ids, table, tags_of=tags, before=before or Before())


def published(topics: FoundTopics) -> TopicTracks:
    """Through a version's files, whose track ids are more than those that have a topic."""
    track_ids = sorted([*topics.track_ids, "zz-silent"])
    places = np.array([*topics.places, -1], dtype=np.int16)
    plays = np.ones(len(track_ids), dtype=np.int32)
    contents = {**topic_files(topics.topics, places, plays), TRACK_IDS_FILE: lines_bytes(track_ids)}
    read = read_topics(_files(contents))
    assert read is not None
    return read


def _files(contents: Mapping[str, bytes]) -> Files:
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return Files(manifest={"files": digests}, read=lambda name: contents[name], where="v")


def by_tag(topics: FoundTopics, *, within: bool = False) -> dict[str, str]:
    """Which topic of a level the tracks of each first tag (and, within, of each second one) are in most."""
    held: dict[str, list[str]] = {}
    tracks = published(topics)
    for track_id in topics.track_ids:
        lowest, *upper = tracks.topics_of(track_id)
        tag, number = track_id.split("-")
        key = f"{tag} {int(number) % 2}" if within else tag
        held.setdefault(key, []).append(lowest if within or not upper else upper[0])
    return {tag: max(sorted(set(ids)), key=ids.count) for tag, ids in held.items()}


SIZES = {"metal": 120, "folk": 90, "disco": 60}


def test_topics_have_two_levels() -> None:
    """Three of the planted sizes with two within each, the largest first, and each track in the lowest one."""
    topics = found(SIZES)
    upper = [topic for topic in topics.topics if not topic.parent_id]
    assert [120, 90, 60] == [topic.tracks for topic in upper]
    assert [0, 1, 2] == [topic.cluster for topic in upper]
    assert upper[0] == topics.topics[0]
    for topic in upper:
        within = [one for one in topics.topics if one.parent_id == topic.topic_id]
        assert topic.tracks == sum(one.tracks for one in within)
        assert [None, None] == [one.cluster for one in within]
    assert 9 == len({topic.topic_id for topic in topics.topics})
    assert topics.topics[0].centre.energy == pytest.approx(0.9, abs=0.01)


def test_the_same_tracks_make_the_same_topics() -> None:
    """To the byte: ids, names and places."""
    first, second = found(SIZES), found(SIZES)
    assert (first.topics, first.places.tolist()) == (second.topics, second.places.tolist())


def test_names_say_sound_and_tags() -> None:
    """The tag that every track carries tells nothing, the group's own does; within, what the siblings do not have."""
    topics = found(SIZES)
    named = {topic.topic_id: topic for topic in topics.topics}
    of = by_tag(topics)
    assert "metal" == named[of["metal"]].tags[0]
    assert "music" not in {tag for topic in topics.topics for tag in topic.tags}
    assert named[of["metal"]].name.endswith("; metal")
    within = by_tag(topics, within=True)
    assert ("slow",) == named[within["metal 0"]].tags
    siblings = [topic.name for topic in topics.topics if topic.parent_id == of["metal"]]
    assert 2 == len(set(siblings))


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ({"tempo": 1.4, "loudness": 2.0}, ["loud", "fast"]),
        ({"tempo": -1.4, "danceability": -3.0, "energy": 0.4}, ["slow"]),
        ({"acousticness": 0.5, "speechiness": 0.9}, ["spoken", "acoustic"]),
        ({}, []),
    ],
)
def test_a_sound_has_words_for_what_stands_out(offsets: dict[str, float], expected: list[str]) -> None:
    """The farthest from the others first; what has no word, or is near, is not said."""
    assert expected == sound_words(np.array([offsets.get(name, 0.0) for name in FEATURES]))


def test_names_are_never_alike() -> None:
    """More tags first, then more words, then a number; without either there is still a name."""
    sounds: Sequence[Sequence[str]] = [["fast", "loud"]] * 3 + [["fast", "loud", "live"]] + [[]] * 2
    tags = [("punk", "metal")] * 2 + [("punk", "metal", "core")] + [("punk", "metal")] + [()] * 2
    assert [
        "fast, loud; punk, metal",
        "fast, loud; punk, metal (2)",
        "fast, loud; punk, metal, core",
        "fast, loud, live; punk, metal",
        "in between",
        "in between (2)",
    ] == names(sounds, tags)


def test_tags_are_told_by_lift_and_share() -> None:
    """Not what is as common beside the topic, nor what one track carries; case does not count."""
    tags = [("Rock", "punk", "odd")] + [("rock", "PUNK")] * 5 + [("rock", "soul")] * 6 + [()]
    places = np.array([0] * 6 + [1] * 6 + [-1])
    assert [("punk",), ("soul",)] == telling_tags(tags, places, 2)


def test_ids_stay_when_tracks_come_and_go() -> None:
    """A third of the tracks is new, sizes turn around, the seed is another: the same topics go on, on both levels."""
    before = found(SIZES)
    after = found({"metal": 40, "folk": 90, "disco": 150}, before=before_of(published(before)), seed=9, first=0)
    assert by_tag(before) == by_tag(after)
    assert by_tag(before, within=True) == by_tag(after, within=True)
    numbers = {topic.topic_id: topic.cluster for topic in before.topics}
    assert {topic.topic_id: topic.cluster for topic in after.topics} == numbers


def test_a_new_topic_has_a_new_id_and_a_new_number() -> None:
    """The old ones keep theirs; the largest is the new one now, and it is number 2."""
    before = found({"metal": 120, "folk": 90}, most=2)
    after = found({"metal": 120, "folk": 90, "disco": 150}, before=before_of(published(before)))
    old, new = by_tag(before), by_tag(after)
    assert old == {tag: new[tag] for tag in old}
    assert new["disco"] not in {topic.topic_id for topic in before.topics}
    assert 2 == {topic.topic_id: topic.cluster for topic in after.topics}[new["disco"]]


def test_what_is_gone_leaves_its_number_to_nobody_while_there_are_others() -> None:
    """Folk goes, disco comes: the number of folk stays empty, and the streaming job has no track near it."""
    before = found({"metal": 120, "folk": 90}, most=2)
    after = found({"metal": 120, "disco": 90}, before=before_of(published(before)), most=2)
    folk = next(topic for topic in before.topics if topic.topic_id == by_tag(before)["folk"])
    numbers = {topic.topic_id: topic.cluster for topic in after.topics if not topic.parent_id}
    assert by_tag(before)["metal"] in numbers
    assert folk.topic_id not in numbers
    assert {0, 2} == set(numbers.values())
    assert NOWHERE == after.clusters.centroids[1]


def test_numbers_are_given_again_only_when_none_is_left() -> None:
    """Of three, two are kept; the third new topic gets the first unused one, then that of a topic which is no more."""
    known = before_of(published(found({"metal": 120, "folk": 90}, most=2))).upper
    assert [1, 2, 3] == numbers_of([1, None, None], known, most=4)
    assert [1, 2, 0] == numbers_of([1, None, None], known, most=3)
    assert [0, 1] == numbers_of([None, None], None, most=3)


def test_a_split_leaves_the_id_with_the_larger_part_and_a_merger_with_the_larger_topic() -> None:
    """100 tracks part into 70 and 30, and come together again."""
    whole, parts = np.repeat([0, 1], (100, 50)), np.repeat([0, 1, 2], (30, 70, 50))
    assert [None, 0, 1] == matched(parts, whole, count=3, count_before=2)
    assert [1, 2] == matched(whole, parts, count=2, count_before=3)


def test_too_small_an_overlap_is_another_topic() -> None:
    """A topic of which a quarter is left is none that goes on; nor is one of no common track."""
    before, now = np.repeat([0, 1], 40), np.repeat([0, 1, 0, 1], (10, 30, 30, 10))
    assert [1, 0] == matched(now, before, count=2, count_before=2)
    scattered = np.tile(np.arange(4), 20)
    assert [None] * 4 == matched(scattered, before, count=4, count_before=2)
    nobody = np.full(80, -1)
    assert [None, None] == matched(now, nobody, count=2, count_before=2)


def test_history_of_a_version_without_topics_goes_on() -> None:
    """Its clusters are matched by where they put today's tracks: the numbers stay."""
    before = found({"metal": 120, "folk": 90, "disco": 60})
    ids, table, _ = tracks({"metal": 60, "folk": 90, "disco": 120}, seed=4)
    after = found(
        {"metal": 60, "folk": 90, "disco": 120}, before=before_of_clusters(before.clusters, ids, table), seed=4
    )
    numbers = {
        tag: {one.topic_id: one.cluster for one in before.topics}[topic] for tag, topic in by_tag(before).items()
    }
    assert numbers == {
        tag: {one.topic_id: one.cluster for one in after.topics}[topic] for tag, topic in by_tag(after).items()
    }


def test_tracks_of_a_topic_come_the_most_played_first() -> None:
    """Of equal plays by id; the upper level has those of all within it."""
    topics = found(SIZES)
    tracks = published(topics)
    plays = np.zeros(len(tracks.track_ids), dtype=np.int32)
    for number, track_id in enumerate(("metal-0007", "metal-0004", "folk-0001")):
        row = tracks.track_ids.row(track_id)
        assert row is not None
        plays[row] = number + 1
    tracks = TopicTracks(topics=tracks.topics, track_ids=tracks.track_ids, places=tracks.places, plays=plays)
    rows = tracks.rows(by_tag(topics)["metal"])
    listed = [tracks.track_ids[row] for row in rows.tolist()]
    assert ["metal-0004", "metal-0007", "metal-0000", "metal-0001"] == listed[:4]
    assert 120 == len(listed)
    assert () == tracks.topics_of("zz-silent")
    assert () == tracks.topics_of("nobody")
    assert (tracks.topic("nobody"), 0) == (None, len(tracks.rows("nobody")))


@pytest.mark.parametrize("track_ids", [[], ["a"], ["a", "a-b", "b", "ba"]])
def test_track_ids_are_found_in_their_file(track_ids: list[str]) -> None:
    """Each at its row, none that is not there."""
    held = TrackIds(lines_bytes(track_ids))
    assert track_ids == [held[row] for row in range(len(held))]
    assert list(range(len(track_ids))) == [held.row(track_id) for track_id in track_ids]
    assert [None, None, None] == [held.row(other) for other in ("", "aa", "c")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({TOPICS_FILE: b"{}"}, "topics.json is incomplete"),
        ({TOPICS_FILE: json.dumps({"topics": [{"name": "x"}]}).encode()}, "topics.json is incomplete"),
        ({TOPICS_FILE: json.dumps({"topics": []}).encode()}, "names a topic that topics.json does not have"),
        ({PLACES_FILE: b"none"}, "topic_places.npy is incomplete"),
    ],
)
def test_altered_topics_are_refused(changed: dict[str, bytes], said: str) -> None:
    """With the file's name; a version that has none has none."""
    topics = found({"metal": 60})
    places = topics.places.astype(np.int16)
    whole = {
        **topic_files(topics.topics, places, places.astype(np.int32)),
        TRACK_IDS_FILE: lines_bytes(topics.track_ids),
    }
    with pytest.raises(ModelRefused, match=said):
        read_topics(_files(whole | changed))
    assert read_topics(_files({})) is None
