"""The models that `segue evaluate` knows by name."""

from collections.abc import Sequence

from backend.domain.errors import InvalidInput, Violation
from training.sources.als import Als
from training.sources.ease import Ease
from training.sources.neighbours import ItemNeighbours, ListenerNeighbours
from training.sources.popularity import Popularity
from training.sources.reference import ImplicitDefaults
from training.sources.source import Source


def known(threads: int) -> dict[str, Source]:
    """Every model by name, ALS with this many threads."""
    models: tuple[Source, ...] = (
        Popularity(),
        ImplicitDefaults(counts=True),
        Als(threads=threads),
        Ease(),
        ItemNeighbours(),
        ListenerNeighbours(),
    )
    return {model.name: model for model in models}


def chosen(names: Sequence[str], threads: int) -> list[Source]:
    """The most popular list and the named models (all where none is named). Raises InvalidInput for an unknown name."""
    models = known(threads)
    unknown = [name for name in names if name not in models]
    if unknown:
        raise InvalidInput(
            [Violation("model", f"{name!r} is not known; known are {', '.join(models)}") for name in unknown]
        )
    return [model for name, model in models.items() if not names or name in names or name == Popularity.name]
