"""The models that `segue evaluate` knows by name."""

from collections.abc import Sequence
from dataclasses import replace

from backend.domain.errors import InvalidInput, Violation
from training.sources.als import Als
from training.sources.blend import Validation
from training.sources.content import Friends, TagProfile
from training.sources.ease import Ease
from training.sources.neighbours import ItemNeighbours, ListenerNeighbours
from training.sources.popularity import Popularity
from training.sources.recommended import blend, cold_blend, stacked_als
from training.sources.reference import ImplicitDefaults
from training.sources.serving import Serving
from training.sources.source import Source
from training.sources.tag_kernel import TagKernel

NEED_TAGS = ("ials-tags-128", "tag-profile", "tag-kernel", "cold-blend")
NEED_FRIENDS = ("friends",)


def known(threads: int, validation: Validation | None = None) -> dict[str, Source]:
    """Every model by name, ALS with this many threads; `validation` replaces the plays the blend holds out itself."""
    blended = blend(threads=threads)
    models: tuple[Source, ...] = (
        Popularity(),
        ImplicitDefaults(counts=False),
        Als(threads=threads),
        Ease(),
        ItemNeighbours(),
        ListenerNeighbours(),
        stacked_als(threads=threads),
        TagProfile(),
        TagKernel(),
        Friends(),
        Serving(threads=threads),
        blended if validation is None else replace(blended, validation=validation),
        cold_blend(threads=threads),
    )
    return {model.name: model for model in models}


def chosen(
    names: Sequence[str], threads: int, *, without: Sequence[str] = (), validation: Validation | None = None
) -> list[Source]:
    """The most popular list and the named models; where none is named, all but those in `without`.

    Raises InvalidInput for an unknown name.
    """
    models = known(threads, validation)
    unknown = [name for name in names if name not in models]
    if unknown:
        raise InvalidInput(
            [Violation("model", f"{name!r} is not known; known are {', '.join(models)}") for name in unknown]
        )
    wanted = names or [name for name in models if name not in without]
    return [model for name, model in models.items() if name in wanted or name == Popularity.name]
