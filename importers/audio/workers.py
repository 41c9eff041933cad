"""Files listened to in processes of their own, on one thread each: one that ends its process costs only itself."""

import multiprocessing
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import chain
from multiprocessing import forkserver
from pathlib import Path
from typing import Final

from backend.extras import missing
from importers.audio import worker
from importers.audio.folder import AudioFile
from importers.audio.sound import Sound

NEEDED: Final = ("librosa", "soundfile", "mutagen", "soxr")

PINNED: Final[Mapping[str, str]] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""One process a core is the parallel form; threads inside each would only stand in each other's way."""

ENDED: Final = "ended the process that listened to it: its decoder failed, or memory ran out"


def require_extra() -> None:
    """Raises MissingExtra where librosa and what it needs are not installed; imports none of it."""
    for module in NEEDED:
        if find_spec(module) is None and (told := missing(module, extra="audio")) is not None:
            raise told


class Workers:
    """`jobs` processes that listen to the middle `seconds` of files; images go to `spectrograms` where given."""

    def __init__(self, *, jobs: int, seconds: float, spectrograms: Path | None = None) -> None:
        self._jobs = jobs
        self._seconds = seconds
        self._spectrograms = spectrograms

    def image(self, file: AudioFile) -> Path | None:
        """Where the file's spectrogram goes; None where none is wanted."""
        return None if self._spectrograms is None else self._spectrograms / f"{file.name}.png"

    def listen(self, files: Iterable[AudioFile]) -> Generator[tuple[AudioFile, Sound | str], None, None]:
        """Each file as it is done: its sound, or why there is none. At most two a process are under way.

        Where a process ends, the files that were under way are listened to again, one by one, to find whose fault it
        was.
        """
        waiting = iter(files)
        first = next(waiting, None)
        if first is None:
            return
        waiting = chain([first], waiting)
        exhausted = False
        while not exhausted:
            with self._pool(self._jobs) as pool:
                under_way: dict[Future[Sound | str], AudioFile] = {}
                try:
                    while not exhausted or under_way:
                        while not exhausted and len(under_way) < 2 * self._jobs:
                            file = next(waiting, None)
                            exhausted = file is None
                            if file is not None:
                                under_way[self._submit(pool, file, under_way)] = file
                        for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                            found = done.result()
                            yield under_way.pop(done), found
                except BrokenProcessPool:
                    suspects = list(under_way.values())
                else:
                    suspects = []
            for file in suspects:
                yield file, self._alone(file)

    def _submit(
        self, pool: ProcessPoolExecutor, file: AudioFile, under_way: dict[Future[Sound | str], AudioFile]
    ) -> Future[Sound | str]:
        try:
            return pool.submit(partial(worker.heard, file, seconds=self._seconds, image=self.image(file)))
        except BrokenProcessPool:
            under_way[Future()] = file  # a suspect like the others
            raise

    def _alone(self, file: AudioFile) -> Sound | str:
        with self._pool(1) as pool:
            try:
                return self._submit(pool, file, {}).result()
            except BrokenProcessPool:
                return ENDED

    @contextmanager
    def _pool(self, jobs: int) -> Iterator[ProcessPoolExecutor]:
        _start_server()
        pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("forkserver"), initializer=worker.begin)
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_server() -> None:
    """Start what workers are forked from, where it does not run yet, with threads pinned and librosa imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["importers.audio.preloaded"])
    before = {name: os.environ.get(name) for name in PINNED}
    os.environ.update(PINNED)
    try:
        forkserver.ensure_running()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
