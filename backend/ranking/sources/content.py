"""Tracks whose words are near: those of what a listener played last, of one track, or of a question."""

from collections import defaultdict

from backend.ranking.learning import Learning
from backend.ranking.lists import CONTENT_SPACE, Asked, AskedTrack, Because, CandidateList, Space, Vectors
from backend.ranking.stored import Files, Stored

NAME = "content"


class ContentSource:
    """`Source` without a part: the vectors of the tracks' texts are all it needs."""

    name = NAME
    default_weight = 0.25
    spaces = (CONTENT_SPACE,)

    def learn(self, learning: Learning) -> None:
        """Nothing: the text encoder makes the vectors."""

    def live(self, learning: Learning) -> CandidateList:
        """Nothing: it needs a version."""
        return CandidateList()

    def store(self, part: object) -> Stored:
        """Nothing beside the vectors."""
        return Stored()

    def load(self, files: Files) -> None:
        """Nothing beside the vectors."""

    def ask(self, asked: Asked) -> CandidateList:
        """Near the tracks played last: cosines summed over them, newer ones weighing more (1, 1/2, 1/3 …)."""
        parts: dict[str, dict[str, float]] = {}
        scores: dict[str, float] = defaultdict(float)
        space = asked.spaces[CONTENT_SPACE]
        for place, (seed, vector) in enumerate(space.fetch(asked.taste.last).items(), 1):
            near = space.nearest(vector, limit=asked.limit, exclude=asked.exclude | {seed}, of=seed)
            parts[seed] = {track_id: score / place for track_id, score in near}
            for track_id, part in parts[seed].items():
                scores[track_id] += part
        # The sort is stable, so equal sums are in the order of the ids.
        best = sorted(sorted(scores), key=scores.__getitem__, reverse=True)[: asked.limit]

        def explain(track_id: str) -> Because:
            strongest = max((given[track_id], seed) for seed, given in parts.items() if track_id in given)
            return Because("near {}, which you played", strongest[1])

        return CandidateList(best, [scores[track_id] for track_id in best], explain)

    def similar(self, asked: AskedTrack) -> CandidateList:
        """Tracks near its text, which is embedded now where the track is newer than the version."""
        vector = asked.spaces[CONTENT_SPACE].fetch([asked.track_id]).get(asked.track_id)
        if vector is None:
            vector = asked.words()
        if vector is None:
            return CandidateList()
        own = frozenset({asked.track_id})
        return self.near(
            asked.spaces[CONTENT_SPACE], vector, limit=asked.limit, exclude=own, because="near it in words"
        )

    def near(
        self, space: Space, vector: Vectors, *, limit: int, exclude: frozenset[str], because: str
    ) -> CandidateList:
        """Tracks near a point of the text encoder that made the vectors in `space`."""
        found = space.nearest(vector, limit=limit, exclude=exclude)
        sentence = Because(because)
        return CandidateList([one for one, _ in found], [score for _, score in found], lambda _: sentence)


SOURCE = ContentSource()
