"""A server of a bench's own, as a process, with a model of a simulated service to answer from."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from time import monotonic, sleep

from google.protobuf.message import Message
from segue.v1 import recommend_pb2, recommend_pb2_grpc

from backend import wiring
from backend.domain.errors import SegueError
from backend.domain.listeners import Profile, merge
from backend.domain.plays import Play
from backend.domain.tracks import Artist, Track
from backend.ports.store import Store
from backend.settings import Settings
from bench import stacks
from cli import reach
from cli.output import Output

PARTS = ("kafka", "mongo", "server")
"""What a recommendation passes through; nothing else runs beside."""

READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that answers from a model, and the listeners whom it knows."""

    settings: Settings
    listeners: Sequence[str]
    token: str

    def requests(self, *, page_size: int = 0) -> list[Message]:
        """A question for each listener."""
        return [recommend_pb2.RecommendRequest(listener_id=one, page_size=page_size) for one in self.listeners]


@contextmanager
def served(output: Output, *, seed: int) -> Iterator[Served]:
    """Start broker, store and server, publish a model of a simulated service, and wait for answers from it."""
    from training.simulate import simulate
    from training.train import train

    now = datetime.now(UTC)
    with stacks.stack(output, PARTS) as settings:
        with output.step("training a model of a simulated service", "the model is published"):
            service = simulate(seed, now=now)
            with closing(wiring.store(settings)) as store:
                listeners = _fill(store, service.artists, service.tracks, service.plays)
            archive(settings.home / "archive", service.plays)
            train(settings, now=now, seed=seed)
        token = (settings.tokens / "operator.token").read_text().strip()
        found = Served(settings=settings, listeners=listeners, token=token)
        _await(found)
        yield found


def _fill(store: Store, artists: Sequence[Artist], tracks: Sequence[Track], plays: Sequence[Play]) -> Sequence[str]:
    """The catalogue and a profile for each listener, as the sink would; the listeners, busiest last."""
    by_listener: dict[str, list[Play]] = {}
    for play in plays:
        by_listener.setdefault(play.listener_id, []).append(play)
    store.put_artists(artists)
    store.put_tracks(tracks)
    store.put_profiles([merge(Profile(listener_id=one), heard, []) for one, heard in by_listener.items()])
    return sorted(by_listener, key=lambda one: len(by_listener[one]))


def archive(folder: Path, plays: Sequence[Play]) -> None:
    """The plays as the streaming job leaves them: one folder per day."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for day, group in groupby(plays, key=lambda play: play.played_at.date()):
        path = folder / f"day={day.isoformat()}"
        path.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([asdict(play) for play in group]), path / "part-0")


def _await(found: Served) -> None:
    deadline = monotonic() + READY_SECONDS
    with reach.channel(found.settings) as channel:
        stub = recommend_pb2_grpc.RecommendServiceStub(channel)
        while monotonic() < deadline:
            if stub.Recommend(found.requests()[-1]).path == recommend_pb2.ANSWER_PATH_HYBRID:
                return
            sleep(0.2)
    raise SegueError(f"the server gave no answer from the model within {READY_SECONDS:.0f} s; see its log")
