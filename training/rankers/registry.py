"""The models that `segue evaluate` knows by name."""

from collections.abc import Sequence
from dataclasses import replace

from backend.domain.errors import InvalidInput, Violation
from training.rankers.als import Als
from training.rankers.blend import Validation
from training.rankers.content import Friends, TagProfile
from training.rankers.ease import Ease
from training.rankers.neighbours import ItemNeighbours, ListenerNeighbours
from training.rankers.popularity import Popularity
from training.rankers.ranker import Ranker
from training.rankers.recommended import blend, cold_blend, stacked_als
from training.rankers.reference import ImplicitDefaults
from training.rankers.served_lists import ServedLists
from training.rankers.tag_kernel import TagKernel

NEED_TAGS = ("ials-tags-128", "tag-profile", "tag-kernel", "cold-blend")
NEED_FRIENDS = ("friends",)


def known(threads: int, validation: Validation | None = None) -> dict[str, Ranker]:
    """Every model by name, ALS with this many threads; `validation` replaces the plays the blend holds out itself."""
    blended = blend(threads=threads)
    models: tuple[Ranker, ...] = (
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
        ServedLists(threads=threads),
        blended if validation is None else replace(blended, validation=validation),
        cold_blend(threads=threads),
    )
    return {model.name: model for model in models}


def chosen(
    names: Sequence[str], threads: int, *, without: Sequence[str] = (), validation: Validation | None = None
) -> list[Ranker]:
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
