"""The blends that were found best on validation plays (docs/adr/0006-recommendation-quality.md says how)."""

from training.engines.trainer import AlsSettings
from training.rankers.als import Als
from training.rankers.blend import Blend, cold_fifth
from training.rankers.content import Friends, TagRidge
from training.rankers.ease import Ease
from training.rankers.ranker import Ranker
from training.rankers.tag_kernel import TagKernel


def blend(*, friends: bool = True, threads: int = 1) -> Blend:
    """For tracks with plays: tag-stacked ALS of three sizes, EASE with and without tags, the tags' kernel, friends."""
    rankers: tuple[Ranker, ...] = (
        *(stacked_als(dimension, runs, threads) for dimension, runs in ((256, 1), (128, 2), (64, 3))),
        Ease(regularization=100.0, even_listeners=True, damping=0.1, tag_weight=1.0, name="ease-tags"),
        Ease(),
        TagKernel(),
    )
    if friends:
        return Blend(rankers=(*rankers, Friends()))
    return Blend(rankers=rankers, name="blend-without-friends")


def stacked_als(dimension: int = 128, runs: int = 1, threads: int = 1) -> Als:
    """ALS with the tags that tracks carry and listeners use, every listener heard alike, popular tracks damped."""
    return Als(
        als=AlsSettings(dimension=dimension, regularization=0.2, frequency_power=0.58, unobserved_mass=19.0),
        even_listeners=True,
        damping=0.26,
        tagged_gain=0.9,
        tag_weight=6.0,
        listener_tag_weight=0.5,
        runs=runs,
        threads=threads,
        name=f"ials-tags-{dimension}",
    )


def cold_blend(*, threads: int = 1) -> Blend:
    """For tracks that nobody played yet, among themselves: by their tags in four ways."""
    return Blend(
        rankers=(
            Als(
                als=AlsSettings(frequency_power=0.9),
                even_listeners=True,
                damping=0.2,
                tag_weight=2.5,
                tag_shares=False,
                threads=threads,
                name="ials-tag-counts",
            ),
            Ease(tag_weight=4.0, regularization=6000.0, tag_tracks=2, name="ease-tags"),
            TagRidge(regularization=20.0, threads=threads),
            TagKernel(),
        ),
        validation=cold_fifth,
        cold=True,
        name="cold-blend",
    )
