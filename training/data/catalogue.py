"""The catalogue as training sees it: the texts it may learn from, and the tracks it must leave out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from backend.domain.tracks import Artist, AudioFeatures, Track, catalogue_text
from backend.ports.vectors import Facets, facets_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """`texts`: track id → the sentence that stands for it.

    `withheld`: ids of tracks that carry no training right, `of_withheld`: of those one of whose artists carries none.
    `sounds`: track id → audio features, of the tracks in `texts` that have any. `artist_of`: track id → its first
    artist, `labels_of`: track id → its tags and artists, `tags_of`: its tags alone, `facets`: track id → what the
    vector index is filtered by, all of the tracks in `texts`.
    """

    texts: Mapping[str, str]
    withheld: frozenset[str]
    of_withheld: frozenset[str]
    sounds: Mapping[str, AudioFeatures]
    artist_of: Mapping[str, str]
    labels_of: Mapping[str, tuple[str, ...]]
    tags_of: Mapping[str, tuple[str, ...]]
    facets: Mapping[str, Facets] = field(default_factory=dict)

    @property
    def estimated(self) -> int:
        """Tracks of `sounds` some of whose features are estimates."""
        return sum(bool(sound.estimated) for sound in self.sounds.values())


def read_catalogue(tracks: Iterable[Track], artists: Iterable[Artist]) -> Catalogue:
    """Neither a track without the training right is learned from, nor one of whose artists any is without it."""
    names: dict[str, str] = {}
    withheld_artists = set()
    for artist in artists:
        names[artist.artist_id] = artist.name
        if not artist.allow_training:
            withheld_artists.add(artist.artist_id)
    texts: dict[str, str] = {}
    sounds: dict[str, AudioFeatures] = {}
    artist_of: dict[str, str] = {}
    labels_of: dict[str, tuple[str, ...]] = {}
    tags_of: dict[str, tuple[str, ...]] = {}
    facets: dict[str, Facets] = {}
    withheld, of_withheld = set(), set()
    for track in tracks:
        if not track.allow_training:
            withheld.add(track.track_id)
        elif not withheld_artists.isdisjoint(track.artist_ids):
            of_withheld.add(track.track_id)
        else:
            known = tuple(names[artist_id] for artist_id in track.artist_ids if artist_id in names)
            texts[track.track_id] = catalogue_text(track, known or ("unknown artist",))
            artist_of[track.track_id] = track.artist_ids[0]
            tags, by = (f"tag {tag}" for tag in track.tags), (f"artist {each}" for each in track.artist_ids)
            labels_of[track.track_id] = (*tags, *by)
            tags_of[track.track_id] = track.tags
            facets[track.track_id] = facets_of(track)
            if track.audio_features is not None:
                sounds[track.track_id] = track.audio_features
    return Catalogue(
        texts=texts,
        withheld=frozenset(withheld),
        of_withheld=frozenset(of_withheld),
        sounds=sounds,
        artist_of=artist_of,
        labels_of=labels_of,
        tags_of=tags_of,
        facets=facets,
    )
