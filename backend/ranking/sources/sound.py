"""Tracks that sound like one: by their audio features, or by what the autoencoder makes of these.

They answer for a track and not for a listener, so they are no `Source` and take no part in `sources.ALL`.
"""

from dataclasses import dataclass

from backend.ranking.lists import AUDIO_SPACE, LATENT_SPACE, AskedTrack, Because, CandidateList, all_because


@dataclass(frozen=True, slots=True)
class SoundSource:
    """`Likeness` by the cosine in one space of vectors of length 1."""

    name: str
    sentence: str

    @property
    def spaces(self) -> tuple[str, ...]:
        """The one it looks in, which has its name."""
        return (self.name,)

    def similar(self, asked: AskedTrack) -> CandidateList:
        """Nearest first; the vector is made now where the track is newer than the version. Empty without features."""
        space = asked.spaces[self.name]
        vector = space.fetch([asked.track_id]).get(asked.track_id)
        if vector is None:
            vector = asked.sound(self.name)
        if vector is None:
            return CandidateList()
        near = space.nearest(vector, limit=asked.limit, exclude=frozenset({asked.track_id}))
        new = [one for one in asked.newer(self.name, vector) if one[0] != asked.track_id]
        found = sorted((*near, *new), key=lambda one: (-one[1], one[0]))[: asked.limit] if new else near
        told = all_because(Because(self.sentence))
        return CandidateList([one for one, _ in found], [score for _, score in found], told)


AUDIO = SoundSource(AUDIO_SPACE, "near it in sound")
LATENT = SoundSource(LATENT_SPACE, "near it in sound, as tags hear it")
