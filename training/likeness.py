"""What a training learns of tracks that are alike: by sound, and how the approaches are weighed."""

from backend.ranking.lists import CONTENT_SPACE, FACTORS_SPACE
from training.content import autoencoder
from training.content.autoencoder import Heard
from training.judging.judge import Judgement
from training.material import Material
from training.ranking import alike
from training.ranking.alike import Alike
from training.stopwatch import Report


def heard(material: Material, seed: int, report: Report) -> Heard | None:
    """What the audio features come to; None where no track has any, and without an autoencoder where it is told why."""
    ids, features = material.feature_ids, material.features
    if not ids:
        report("no approach by sound: no track that may be learned from has audio features")
        return None
    if why := autoencoder.missing(len(ids)):
        report(f"no latent space of sound: {why}")
        return autoencoder.standardised(ids, features)
    return autoencoder.learn(ids, features, labels=material.catalogue.labels_of, seed=seed)


def weighed(judgement: Judgement, sounds: Heard | None, material: Material, seed: int) -> Alike | None:
    """Weights of the approaches, learned on the plays that were held out; None where none were."""
    if judgement.early is None:
        return None
    vectors = judgement.early.vectors
    spaces = {FACTORS_SPACE: (vectors.track_ids, vectors.tracks), CONTENT_SPACE: (vectors.track_ids, vectors.content)}
    if sounds is not None:
        spaces |= {space: (sounds.track_ids, rows) for space, rows in sounds.spaces.items()}
    later = material.plays.where(material.plays.played_at > judgement.moment)
    return alike.learn(spaces, later, seed=seed)
