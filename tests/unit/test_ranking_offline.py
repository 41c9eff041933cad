"""A version answers offline as the server does, and what it learns on the simulator earns its keep."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from backend.adapters.vectors.embedded import EmbeddedVectorIndex
from backend.domain.feedback import Feedback, FeedbackKind
from backend.domain.listeners import PROFILE_PLAYS, Profile, merge
from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.domain.tracks import Track, catalogue_text
from backend.ports.models import CONTENT_NAMESPACE, FACTORS_NAMESPACE, ModelVersion
from backend.ranking.learning import Learning
from backend.ranking.library import Library, answer
from backend.ranking.lists import ArraySpace, Asked
from backend.ranking.profile import Taste, taste_of
from backend.ranking.sources import DEFAULT_WEIGHTS, NAMES, linear, trend
from backend.ranking.weights import FusionWeights
from backend.services import trending
from backend.services.answers import Answers
from backend.services.arrivals import Arrivals
from backend.services.catalogue import Catalogue
from backend.services.identities import KnownIdentities
from backend.services.model import CurrentModel
from backend.services.profiles import Profiles
from backend.services.recommend import Recommender
from backend.services.recommending import recommending
from backend.services.retrieve import Retriever
from backend.services.trending import Trending
from tests.memory import HandedModels, MemoryStore
from tests.rpc.conftest import WordEncoder
from tests.unit.test_trending import popular
from training.data.dataset import Float32, PlayColumns, compact, interactions
from training.data.split import Split, cutoff, split_at
from training.engines.local import LocalTrainer
from training.engines.trainer import AlsSettings, Factors
from training.evaluation.metrics import Float64, accuracy
from training.ranking import fusion, newcomers
from training.ranking.tastes import Tastes
from training.ranking.version import RankingVersion, Words, learn
from training.simulate import simulate

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
WORDS = 256
ALS = AlsSettings(dimension=32)
TRAINER = LocalTrainer(threads=1)


def words_of(text: str) -> Float32:
    """A unit vector by words: each has its place."""
    vector = np.zeros(WORDS, dtype=np.float32)
    for word in text.lower().replace(";", " ").replace(",", " ").split():
        vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % WORDS] += 1
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


@cache
def service() -> tuple[PlayColumns, Words]:
    """Three weeks of a small music service; texts without artist and album, which would give the artist away."""
    made = simulate(3, now=NOW, artists=60, tracks=400, listeners=300, days=21, plays=20_000)
    tracks = sorted(made.tracks, key=lambda track: track.track_id)
    words = Words(
        track_ids=[track.track_id for track in tracks],
        vectors=np.stack([words_of(catalogue_text(replace(track, album=""), ("somebody",))) for track in tracks]),
        artist_of={track.track_id: track.artist_ids[0] for track in tracks},
    )
    listener_ids = sorted({play.listener_id for play in made.plays})
    listener_of = {name: place for place, name in enumerate(listener_ids)}
    track_of = {name: place for place, name in enumerate(words.track_ids)}
    plays = PlayColumns(
        listener_ids=listener_ids,
        track_ids=words.track_ids,
        listeners=np.array([listener_of[play.listener_id] for play in made.plays], dtype=np.int32),
        tracks=np.array([track_of[play.track_id] for play in made.plays], dtype=np.int32),
        counts=np.ones(len(made.plays), dtype=np.float32),
        played_at=np.array([round(play.played_at.timestamp() * 1000) for play in made.plays], dtype=np.int64),
    )
    return compact(plays), words


def content_of(plays: PlayColumns, words: Words) -> Float32:
    """Content vectors by the numbers of `plays`."""
    place = {track_id: row for row, track_id in enumerate(words.track_ids)}
    return words.vectors[[place[track_id] for track_id in plays.track_ids]]


def learned(plays: PlayColumns, words: Words) -> RankingVersion:
    """A version of these plays."""
    pairs = interactions(plays)
    return learn(pairs, TRAINER.fit(pairs, settings=ALS, seed=0), words)


def server(
    version: RankingVersion, store: MemoryStore, vectors: EmbeddedVectorIndex, folder: Path, listener_ids: Sequence[str]
) -> Recommender:
    """The server's use case over the same version: vectors in the index, the rest at hand."""
    for template, rows in ((FACTORS_NAMESPACE, version.vectors.tracks), (CONTENT_NAMESPACE, version.vectors.content)):
        filled = np.flatnonzero(rows.any(axis=1))
        named = [version.vectors.track_ids[row] for row in filled.tolist()]
        vectors.create(template.format(version="v"), named, np.ascontiguousarray(rows[filled]))
    loaded = ModelVersion(
        version="v",
        dimension=ALS.dimension,
        encoder_name="words",
        encoder_dimension=WORDS,
        manifest={},
        parts=version.parts,
        weights=version.weights,
    )
    catalogue, model = Catalogue(store), CurrentModel(HandedModels(folder, loaded))
    model.refresh()
    arrivals = Arrivals(store=store, catalogue=catalogue, vectors=vectors, model=model, encoder=WordEncoder)
    # Each listener is their own pseudonym: what they would be recommended is asked here, not who they are.
    store.identities.pseudonym_of |= {one: one for one in listener_ids}
    return recommending(
        store=store,
        models=HandedModels(folder, loaded),
        identities=KnownIdentities(store.identities),
        profiles=Profiles(store),
        catalogue=catalogue,
        model=model,
        retriever=Retriever(vectors, catalogue, arrivals),
        trending=Trending(store),
        answers=Answers(store),
    ).recommender


def profile_of(listener_id: str, plays: PlayColumns, rng: np.random.Generator) -> Profile:
    """What the server holds of a listener: plays, a like, a hidden track, and one play that teaches nothing."""
    own = np.flatnonzero(plays.listeners == list(plays.listener_ids).index(listener_id))
    events = [played(listener_id, plays, row, allow_training=row != own[0]) for row in own.tolist()]
    liked, hidden = rng.choice(np.unique(plays.tracks), 2, replace=False).tolist()
    feedback = [
        Feedback(
            event_id=f"{listener_id}-{kind}",
            listener_id=listener_id,
            track_id=plays.track_ids[track],
            artist_id="",
            kind=kind,
            given_at=NOW,
        )
        for kind, track in ((FeedbackKind.LIKE, liked), (FeedbackKind.HIDE, hidden))
    ]
    return merge(Profile(listener_id=listener_id), events, feedback)


def played(listener_id: str, plays: PlayColumns, row: int, *, allow_training: bool = True) -> Play:
    """A row of the columns as the server gets it."""
    return Play(
        event_id=f"play-{len(plays) - int(plays.tracks[row]):06}-{row}",
        listener_id=listener_id,
        track_id=plays.track_ids[plays.tracks[row]],
        artist_id="",
        played_at=datetime.fromtimestamp(int(plays.played_at[row]) / 1000, UTC),
        milliseconds_played=180_000,
        track_milliseconds=200_000,
        source=Source.SIMULATOR,
        allow_training=allow_training,
    )


def test_the_server_and_the_library_give_the_same_answers(tmp_path: Path) -> None:
    """Whole lists in order: recent, hidden and vanished tracks excluded, likes counted, artists kept apart."""
    plays, words = service()
    version = replace(
        learned(plays, words),
        weights=FusionWeights(below={"factors": 0.4, "linear": 0.3, "content": 0.2, "trend": 0.1}),
    )
    store = MemoryStore()
    gone = words.track_ids[3]
    store.put_tracks(
        [
            Track(track_id=track_id, title=track_id, artist_ids=(artist_id,))
            for track_id, artist_id in words.artist_of.items()
            if track_id != gone
        ]
    )
    rng = np.random.default_rng(1)
    profiles = [profile_of(one, plays, rng) for one in plays.listener_ids[:25]]
    store.put_profiles([*profiles, Profile(listener_id="nobody")])
    library = version.library(interactions(plays))
    for rank, track_id in enumerate(library.live[trend.NAME].track_ids, 1):
        popular(store, track_id, 1, rank)
    recommender = server(
        version, store, EmbeddedVectorIndex(tmp_path), tmp_path / "models", listener_ids=plays.listener_ids
    )
    artist_of = {track_id: artist for track_id, artist in words.artist_of.items() if track_id != gone}
    for profile in profiles:
        taste = taste_of(profile)
        offline = answer(library.lists(taste), version.weights, taste, artist_of)
        assert whole_answer(recommender, profile.listener_id) == offline
        assert not {*taste.unwanted, gone} & set(offline)
        assert max(np.unique([artist_of[one] for one in offline[:20]], return_counts=True)[1]) <= 2
    nobody = Taste(plays={}, last=[], unwanted=frozenset())
    alone = answer(library.lists(nobody), version.weights, nobody, artist_of)
    assert [one for one in library.live[trend.NAME].track_ids if one != gone][:2] == alone[:2]
    assert whole_answer(recommender, "nobody") == alone


def whole_answer(recommender: Recommender, listener_id: str) -> list[str]:
    """Every page of it."""
    page = recommender.recommend(listener_id, page_size=200)
    found = [one.track_id for one in page.recommendations]
    while page.next_page_token:
        page = recommender.recommend(listener_id, page_size=200, page_token=page.next_page_token)
        found += [one.track_id for one in page.recommendations]
    return found


def test_tastes_are_those_of_the_profiles_that_the_plays_make() -> None:
    """Columns of training and the server's profiles say the same; the two hundred latest plays count."""
    plays, _ = service()
    often = np.bincount(plays.listeners).argmax()
    many = compact(plays.where(plays.listeners == often))
    many = replace(
        many,
        **{name: np.tile(getattr(many, name), 3) for name in ("listeners", "tracks", "counts")},  # type: ignore[arg-type]  # columns
        played_at=np.concatenate([many.played_at + day * 86_400_000 for day in range(3)]),
    )
    assert len(many) > PROFILE_PLAYS
    for columns in (plays, many):
        tastes = Tastes(columns)
        for number, listener_id in enumerate(columns.listener_ids[:20]):
            events = [played(listener_id, columns, row) for row in np.flatnonzero(columns.listeners == number).tolist()]
            assert taste_of(merge(Profile(listener_id=listener_id), events, ())) == tastes.of(number)


def test_a_cut_taste_keeps_the_newest_tracks_and_all_that_is_unwanted() -> None:
    """So fusion learns for listeners of whom little is known, from those of whom much is."""
    plays, _ = service()
    whole, cut = Tastes(plays).of(0), Tastes(plays).of(0, newest=3)
    assert list(whole.plays)[:3] == list(cut.plays) == list(cut.last)
    assert whole.unwanted == cut.unwanted


def test_what_is_near_a_track_is_the_same_whoever_was_asked_before() -> None:
    """What a space keeps of one listener's question answers the next one's; a third of the tracks are as near."""
    rng = np.random.default_rng(0)
    names, vectors = [f"t{number:04}" for number in range(1000)], rng.normal(size=(1000, 8)).astype(np.float32)
    vectors[::3] = vectors[0]
    space = ArraySpace(names, vectors)
    for count in (0, 3, 300, 700):
        left_out = frozenset(rng.choice(names, count, replace=False).tolist())
        fresh = ArraySpace(names, vectors).nearest(vectors[7], limit=200, exclude=left_out | {"t0007"})
        near = space.near_tracks(["nobody", "t0007"], limit=200, exclude=left_out)
        assert ["t0007"] == list(near.seeds)
        found = zip(near.places[0].tolist(), near.scores[0].tolist(), strict=True)
        assert fresh == [(names[at], score) for at, score in found]
        assert len(fresh) == 200


def test_the_live_list_is_as_long_as_the_servers() -> None:
    """Ranking may not import the services, so the number stands twice."""
    assert trending.POPULAR == trend.LISTED


def ndcg(library: Library, split: Split, tastes: Tastes, weights: Mapping[str, float], words: Words) -> Float64:
    """NDCG@20 by listener of the answers on the test plays, as far as diversity lets it."""
    relevant = split.test.matrix()
    found = []
    for listener in np.unique(split.test.listeners).tolist():
        taste: Taste = tastes.of(listener)
        ranked = answer(library.lists(taste), FusionWeights(below=weights), taste, words.artist_of)[:20]
        wanted = {split.test.track_ids[track] for track in relevant[listener].indices.tolist()}
        hits = np.zeros((1, 20), dtype=bool)
        hits[0, : len(ranked)] = [one in wanted for one in ranked]
        found.append(accuracy(hits, np.array([len(wanted)]))["ndcg"][0])
    return np.array(found)


def test_served_blend_is_not_below_its_best_source_on_later_plays() -> None:
    """Weights learned on the first four fifths of the plays, judged on the last: beside every source, the old default.

    The tolerance is half the distance from the paired difference to the end of its interval.
    """
    plays, words = service()
    moment = cutoff(plays, held_out=0.2)
    earlier, split = plays.where(plays.played_at <= moment), split_at(plays, moment)
    before = cutoff(earlier, held_out=0.2)
    inner = split_at(earlier, before)
    library = learned(earlier.where(earlier.played_at <= before), words).library(inner.train)
    tastes = Tastes(earlier.where(earlier.played_at <= before))
    found = fusion.learn(library, fusion.ask(library, inner, tastes, np.unique(inner.test.listeners)), seed=0)
    assert [1, 5, 20] == [level.tracks for level in found.weights.levels]
    served, then = learned(earlier, words).library(split.train), Tastes(earlier)
    blended = ndcg(served, split, then, found.weights.below, words)
    for other in (*({source: 1.0} for source in NAMES), DEFAULT_WEIGHTS):
        difference = blended - ndcg(served, split, then, other, words)
        tolerance = 1.96 * difference.std() / np.sqrt(len(difference))
        assert difference.mean() >= -tolerance / 2, other


def test_weights_to_judge_by_come_from_the_other_half_of_the_listeners() -> None:
    """Whatever a listener played changes the weights of the others only."""
    plays, words = service()
    moment = cutoff(plays, held_out=0.2)
    split, earlier = split_at(plays, moment), plays.where(plays.played_at <= moment)
    library, tastes = learned(earlier, words).library(split.train), Tastes(earlier)
    listeners = np.unique(split.test.listeners)
    found = fusion.learn(library, fusion.ask(library, split, tastes, listeners), seed=0)
    # The first half of the listeners now found nothing but one track each, whatever list that came from.
    first = np.unique(split.test.listeners, return_index=True)[1]
    kept = found.half[split.test.listeners] | np.isin(np.arange(len(split.test)), first)
    other = fusion.learn(
        library, fusion.ask(library, replace(split, test=split.test.where(kept)), tastes, listeners), seed=0
    )
    for listener in listeners.tolist():
        mine, theirs = found.unseen_by(listener), other.unseen_by(listener)
        assert found.half[listener] or mine == theirs
    assert found.from_others[1] != other.from_others[1]


def test_new_tracks_reach_the_listeners_of_their_artist() -> None:
    """One track of each artist with several taken out of training: its place by artist against its place by words.

    Of the listeners who play it, the share who get it among their first twenty of 400.
    """
    plays, words = service()
    artists = np.array([words.artist_of[track_id] for track_id in plays.track_ids])
    rng = np.random.default_rng(0)
    several = [np.flatnonzero(artists == artist) for artist in np.unique(artists)]
    new = np.array([rng.choice(tracks) for tracks in several if len(tracks) >= 3])
    rest = compact(plays.where(~np.isin(plays.tracks, new)))
    factors = TRAINER.fit(interactions(rest), settings=ALS, seed=0)
    known = newcomers.Known(
        factors=factors.tracks,
        words=content_of(rest, words),
        artist_ids=[words.artist_of[track_id] for track_id in rest.track_ids],
    )
    newcomer = newcomers.learn(known)
    content = content_of(plays, words)
    recall = {}
    for way in ("artist", "words"):
        vectors = [newcomer.place(content[track], artists[track] if way == "artist" else "") for track in new]
        recall[way] = recall_of(plays, rest, factors, new, np.stack(vectors))
    assert recall["artist"] > 0.7
    assert recall["artist"] > recall["words"] + 0.05


def recall_of(plays: PlayColumns, rest: PlayColumns, factors: Factors, new: np.ndarray, vectors: Float32) -> float:
    """The share of (listener, new track played) with the track among the listener's first twenty unheard ones."""
    held_out = interactions(plays.where(np.isin(plays.tracks, new)))
    place = {listener: row for row, listener in enumerate(rest.listener_ids)}
    heard = interactions(rest).matrix()
    hits = []
    for listener, track in zip(held_out.listeners, held_out.tracks, strict=True):
        row = place.get(plays.listener_ids[listener])
        if row is not None:
            scores = np.concatenate([factors.tracks, vectors]) @ factors.listeners[row]
            scores[heard[row].indices] = -np.inf
            own = scores[len(factors.tracks) + int(np.flatnonzero(new == track)[0])]
            hits.append(int((scores > own).sum()) < 20)
    return float(np.mean(hits))


def test_links_are_the_weights_of_ease_that_speak_for_a_track() -> None:
    """With every neighbour kept, a listener's rows add up to the closed form's; the source lists by these sums."""
    plays, _ = service()
    pairs = interactions(plays)
    learning = Learning(
        track_ids=pairs.track_ids, plays=pairs.matrix(), last_played_at=pairs.last_played_at, fold_in=None
    )
    found = linear.links(learning, regularization=50.0, kept=len(plays.track_ids))
    assert list(plays.track_ids) == list(found.track_ids)
    own = pairs.tracks[pairs.listeners == 0]
    sums = np.zeros(len(plays.track_ids))
    for row in own.tolist():
        held = found.neighbours[row] >= 0
        np.add.at(sums, found.neighbours[row][held], found.weights[row][held])
    heard = (pairs.matrix().toarray() > 0).astype(np.float64)
    inverse = np.linalg.inv(heard.T @ heard + 50.0 * np.eye(heard.shape[1]))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    expected = np.maximum(weights[own], 0.0).sum(axis=0)
    np.testing.assert_allclose(expected, sums, atol=1e-5)
    taste = Tastes(pairs).of(0)
    listed = linear.SOURCE.ask(Asked(taste=taste, exclude=taste.unwanted, part=found))
    expected[own] = -np.inf
    best = [plays.track_ids[track] for track in np.argsort(-expected, kind="stable")[:10].tolist()]
    assert best == list(listed.track_ids[:10])
