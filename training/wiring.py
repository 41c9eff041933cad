"""Settings in, what the steps of a training need out: beside the jobs above it the only module here that reads them."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from backend import wiring
from backend.domain.errors import InvalidInput, Violation
from backend.ports.encoder import TextEncoder
from backend.ports.erasures import ErasureStore
from backend.ports.identity import Identities
from backend.settings import Settings
from training.content.clusters import Bounds, Float64, Levels, find_levels
from training.data.catalogue import read_catalogue
from training.data.exclusions import Limits, Withheld, named
from training.data.rights import withheld_listeners
from training.engines.choice import chosen_trainer
from training.engines.spark import SparkTrainer
from training.engines.trainer import Trainer
from training.material import Material, read_material, withheld_by
from training.publishing.promote import Promoter
from training.topics import TopicFinder

_log = logging.getLogger(__name__)


def lock_folder(settings: Settings) -> Path:
    """The folder of this tenant's models where that is a folder, else the home: two homes may publish to one place."""
    url = urlsplit(settings.models)
    return Path(unquote(url.path)) / settings.tenant if url.scheme == "file" else settings.home


def tuning_folder(settings: Settings) -> Path:
    """Studies and the best settings found: beside the published versions."""
    return lock_folder(settings) / "tuning"


def limits(settings: Settings, known: Callable[[], Identities]) -> Limits:
    """What is left out. Raises InvalidInput where the file of listeners cannot be read, Unavailable.

    `known` is asked where the file names anybody: a machine that only trains needs no identity secret otherwise.
    Whoever the file names, and nobody knows, has no plays: how many these are is told, but not who.
    """
    listed = named(settings.training_left_out_listeners)
    flagged = frozenset(known().pseudonyms(listed).values()) if listed else frozenset()
    if unknown := len(listed) - len(flagged):
        _log.warning("training_left_out_listeners: nobody knows %d of the %d that it names", unknown, len(listed))
    return Limits(
        day_plays=settings.training_day_plays,
        day_repeats=settings.training_day_repeats,
        listener_plays=settings.training_listener_plays,
        track_plays=settings.training_track_plays,
        flagged=flagged,
    )


def material(settings: Settings) -> Material:
    """What there is to learn from. Raises as `read_material`."""
    with closing(wiring.store(settings)) as store:
        store.ping()  # before the log is opened, whose client tells of its own troubles line by line
        withheld = _withheld_listeners(settings)
        most = limits(settings, lambda: wiring.identities(settings, store))
        return read_material(store, settings.archive, most, listeners=withheld)


def withheld(settings: Settings) -> Withheld:
    """What nobody may learn from as things stand now. Raises Unavailable."""
    listeners = _withheld_listeners(settings)
    with closing(wiring.store(settings)) as store:
        return withheld_by(read_catalogue(store.all_tracks(), store.all_artists()), listeners)


def _withheld_listeners(settings: Settings) -> frozenset[str]:
    event_log = wiring.event_log(settings)
    try:
        return withheld_listeners(event_log)
    finally:
        event_log.close(timeout_seconds=5)


@contextmanager
def erasures(settings: Settings) -> Iterator[ErasureStore]:
    """Who is being erased, for as long as the block runs."""
    with closing(wiring.store(settings)) as store:
        yield store


@contextmanager
def trainer(settings: Settings, *, threads: int | None) -> Iterator[Trainer]:
    """The engine that the settings name, for as long as the block runs. Raises Unavailable."""
    engine, master = settings.training_engine, settings.spark_master
    with chosen_trainer(engine, spark_master=master, threads=threads) as chosen:
        yield chosen


def bounds(settings: Settings) -> Bounds:
    """How many topics there may be. Raises InvalidInput where the least is above the most."""
    if settings.clusters_least > settings.clusters:
        text = f"must not be above clusters, which is {settings.clusters}: lower it, or raise clusters"
        raise InvalidInput([Violation("clusters_least", text)])
    return Bounds(least=settings.clusters_least, most=settings.clusters, within=settings.clusters_within)


def topic_finder(settings: Settings, trainer: Trainer) -> TopicFinder:
    """What finds topics, on the engine of the trainer. Raises as `bounds`."""
    if not isinstance(trainer, SparkTrainer):
        return TopicFinder(
            find_levels=lambda table, bounds, seed: find_levels(table, bounds, seed=seed), bounds=bounds(settings)
        )
    from training.content.spark_clusters import find_levels_on  # noqa: PLC0415 - pyarrow, for this engine only

    session = trainer.session

    def on_spark(table: Float64, bounds: Bounds, seed: int) -> Levels | None:
        return find_levels_on(session, table, bounds, seed)

    return TopicFinder(find_levels=on_spark, bounds=bounds(settings))


def promoter(settings: Settings) -> Promoter:
    """Who publishes, points and prunes."""
    return Promoter(
        models=wiring.models(settings),
        index=wiring.vector_index(settings),
        event_log=lambda: wiring.event_log(settings),
        locks=lock_folder(settings),
        drafts=settings.home,
        keep=settings.keep_models,
    )


def encoder(settings: Settings) -> TextEncoder:
    """The exported text encoder, as the server opens it. Raises Unavailable where there is none."""
    return wiring.encoder(settings)
