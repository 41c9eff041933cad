"""What answers for listeners, put together over the services that it asks."""

from dataclasses import dataclass

from backend.ports.models import ModelRepository
from backend.ports.store import CatalogueStore
from backend.services.answers import Answers
from backend.services.arrange import Arranger
from backend.services.asking import VersionSources
from backend.services.catalogue import Catalogue
from backend.services.facets import CatalogueFacets
from backend.services.identities import KnownIdentities
from backend.services.local_factors import LocalFactors
from backend.services.model import CurrentModel
from backend.services.parts import Parts
from backend.services.profiles import Profiles
from backend.services.recall import Recall
from backend.services.recommend import Recommender
from backend.services.retrieve import Retriever
from backend.services.stand_ins import StandIns
from backend.services.topics import TopicBrowser
from backend.services.trending import Trending


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommending:
    """The recommender and what it stands on; `facets` and `local_factors` are read by loops (`refresh`)."""

    recommender: Recommender
    recall: Recall
    facets: CatalogueFacets
    local_factors: LocalFactors
    parts: Parts


def recommending(
    *,
    store: CatalogueStore,
    models: ModelRepository,
    identities: KnownIdentities,
    profiles: Profiles,
    catalogue: Catalogue,
    model: CurrentModel,
    retriever: Retriever,
    trending: Trending,
    answers: Answers,
) -> Recommending:
    """All of it; the news of erasures comes to it by `profiles`."""
    facets, local, parts = CatalogueFacets(store, catalogue, model), LocalFactors(models, model), Parts()
    recall = Recall(identities=identities, profiles=profiles, trending=trending, catalogue=catalogue, parts=parts)
    recommender = Recommender(
        recall=recall,
        model=model,
        facets=facets,
        sources=VersionSources(retriever, local),
        stand_ins=StandIns(TopicBrowser(model=model, trending=trending)),
        arranger=Arranger(recall, retriever, facets),
        answers=answers,
        parts=parts,
        newest=lambda: retriever.newest,
    )
    profiles.listen(recommender.forget)
    return Recommending(recommender=recommender, recall=recall, facets=facets, local_factors=local, parts=parts)
