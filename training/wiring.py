"""Settings in, what the steps of a training need out: beside the jobs above it the only module here that reads them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from backend import wiring
from backend.settings import Settings
from training.data.exclusions import Limits, named
from training.engines.choice import chosen_trainer
from training.engines.trainer import Trainer
from training.material import Material, read_material
from training.publishing.promote import Promoter


def lock_folder(settings: Settings) -> Path:
    """The folder of this tenant's models where that is a folder, else the home: two homes may publish to one place."""
    url = urlsplit(settings.models)
    return Path(unquote(url.path)) / settings.tenant if url.scheme == "file" else settings.home


def tuning_folder(settings: Settings) -> Path:
    """Studies and the best settings found: beside the published versions."""
    return lock_folder(settings) / "tuning"


def limits(settings: Settings) -> Limits:
    """What is left out. Raises InvalidInput where the file of listeners cannot be read."""
    return Limits(
        day_plays=settings.training_day_plays,
        day_repeats=settings.training_day_repeats,
        listener_plays=settings.training_listener_plays,
        track_plays=settings.training_track_plays,
        flagged=named(settings.training_left_out_listeners),
    )


def material(settings: Settings) -> Material:
    """What there is to learn from. Raises as `read_material`."""
    most = limits(settings)
    with closing(wiring.store(settings)) as store:
        return read_material(store, settings.archive, most)


@contextmanager
def trainer(settings: Settings, *, threads: int | None) -> Iterator[Trainer]:
    """The engine that the settings name, for as long as the block runs. Raises Unavailable."""
    engine, master = settings.training_engine, settings.spark_master
    with chosen_trainer(engine, spark_master=master, threads=threads) as chosen:
        yield chosen


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
