"""The demo's steps, each timed: catalogue, plays, archive, model, tables, answers, extract."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from analytics import queries
from backend.domain.errors import SegueError
from backend.domain.plays import Timing
from backend.settings import Settings
from cli.demo.material import Bookmark, Material
from cli.output import Output
from importers import send as ingest_client

if TYPE_CHECKING:
    import pandas as pd

TABLES_SECONDS = 300
"""How long the tables may take before the demo gives up and says where to look."""


# What a terminal has room for: column of the table → heading.
_ENGAGEMENT = {
    "window_start": "hour",
    "artist_name": "artist",
    "plays": "plays",
    "unique_listeners": "listeners",
    "completion_rate": "completion",
    "skips": "skips",
}
_TRENDS = {"rank": "rank", "title": "track", "artist_name": "artist", "plays_24h": "plays", "ratio": "ratio"}
_ANOMALIES = {
    "window_start": "hour",
    "artist_name": "artist",
    "kind": "kind",
    "severity": "severity",
    "plays": "plays",
    "unique_listeners": "listeners",
    "z_score": "z",
}


class Story:
    """Tells the steps on a running stack; `seconds` and `results` are what `--json` prints."""

    def __init__(self, settings: Settings, channel: grpc.Channel, output: Output) -> None:
        self._settings = settings
        self._channel = channel
        self._output = output
        self.seconds: dict[str, float] = {}
        self.results: dict[str, object] = {}

    @contextmanager
    def _step(self, name: str, doing: str, done: str) -> Iterator[None]:
        started = time.monotonic()
        with self._output.step(doing, done):
            yield
        self.seconds[name] = round(time.monotonic() - started, 1)

    def load(self, material: Material, now: datetime) -> int:
        """Send catalogue and plays, unless an earlier run did; the number of plays that the log holds of it."""
        home = self._settings.home
        marked = Bookmark.read(home)
        if marked and marked.about == material.about:
            self._output.say(f"  The log holds {marked.plays:,} plays of the {marked.about} from an earlier run.")
            self.seconds["plays"] = 0.0
            return marked.plays
        with self._step(
            "catalogue",
            f"sending {len(material.artists):,} artists and {len(material.tracks):,} tracks",
            f"catalogue: {len(material.artists):,} artists, {len(material.tracks):,} tracks",
        ):
            sent = ingest_client.send(self._channel, artists=material.artists, tracks=material.tracks)
            self._require(sent)
        started = time.monotonic()
        with self._output.bar("plays", len(material.plays)) as progress:
            task = progress.task_ids[0]
            sent = ingest_client.send(
                self._channel, plays=material.plays, report=lambda _, count: progress.advance(task, count)
            )
        self._require(sent)
        self.seconds["plays"] = round(time.monotonic() - started, 1)
        self._output.done(f"{sent.plays.accepted:,} plays acknowledged by the event log", self.seconds["plays"])
        Bookmark(material.about, sent.plays.accepted, now).write(home)
        return sent.plays.accepted

    def _require(self, sent: ingest_client.IngestReport) -> None:
        if sent.rejected:
            first = sent.rejections[0]
            raise SegueError(f"{sent.rejected} elements were refused, the first: {first.field}: {first.reason}")

    def archive(self, plays: int) -> None:
        """Wait until the archive, from which the model learns, holds every play."""
        with self._step("archive", "Flink starts and archives the plays", f"the archive holds all {plays:,} plays"):
            self._await(self._archived, plays)

    def tables(self, plays: int) -> None:
        """Wait until the engagement table holds every play."""
        with self._step("tables", "Flink counts the plays", f"live tables hold all {plays:,} plays"):
            self.results["plays_counted"] = self._await(self._settled_count, plays)

    def _await(self, count: Callable[[], int], plays: int) -> int:
        deadline = time.monotonic() + TABLES_SECONDS
        while (counted := count()) < plays:
            if time.monotonic() > deadline:
                raise SegueError(
                    f"after {TABLES_SECONDS} s the archive holds {self._archived():,} and the engagement table "
                    f"{self._counted():,} of {plays:,} plays; see {self._settings.home}/logs/keeper.log and "
                    f"{self._settings.home}/logs/flink-taskmanager.log"
                )
            time.sleep(1)
        return counted

    def _settled_count(self) -> int:
        """Plays in the engagement table once refreshes have ceased; 0 before that: counting pages through all of it."""
        return self._counted() if self._at_rest() else 0

    def _at_rest(self) -> bool:
        """Whether no refresh of the engagement table has come for longer than refreshes are apart."""
        newest = queries.artist_engagement(self._channel, limit=1).as_of
        quiet = timedelta(seconds=self._settings.refresh_seconds + 2)
        return newest is not None and datetime.now(UTC) - newest > quiet

    def _archived(self) -> int:
        from backend.domain.errors import NotFound
        from training.data.archive import count_rows

        try:
            return count_rows(self._settings.archive)
        except NotFound:
            return 0

    def _counted(self) -> int:
        return int(queries.artist_engagement(self._channel, limit=1_000_000).frame["plays"].sum())

    def train(self, now: datetime) -> str:
        """Train, publish and point; the version."""
        from training.train import prepare_encoder, train

        with self._step("encoder", "preparing the text encoder", "text encoder is ready"):
            prepare_encoder(self._settings.encoder)
        with self._step("training", "training", "model version trained and published"):
            report = train(self._settings, now=now, seed=0)
        metrics = {name: round(estimate.value, 4) for name, estimate in report.metrics.items()}
        baseline = {name: round(estimate.value, 4) for name, estimate in report.baseline.items()}
        self.results["model"] = {
            "version": report.version,
            "promoted": report.promoted,
            "reason": report.reason,
            "metrics": metrics,
            "most_popular": baseline,
        }
        self._output.table(
            f"Model {report.version}, judged on the latest fifth of the plays",
            ("metric", "model", "most popular"),
            [(name, value, baseline[name]) for name, value in metrics.items()],
        )
        if not report.promoted:
            self._output.warn(f"kept beside the current version: {report.reason}")
        return report.version if report.promoted else ""

    def answers(self, material: Material, version: str) -> None:
        """Ask for two known listeners and for a new one who brings five plays along; show what comes back and why."""
        newcomer = material.newcomer_plays[0].listener_id
        with self._step(
            "newcomer", "a new listener brings five plays along", f"{newcomer} brought five plays of the last half hour"
        ):
            self._require(ingest_client.send(self._channel, plays=material.newcomer_plays))
            self._await_answer(newcomer, version)
        told: dict[str, object] = {}
        started = time.monotonic()
        for listener in (*material.listeners, newcomer):
            answer = queries.recommendations(self._channel, listener, count=5)
            told[listener] = {
                "path": answer.path,
                "model_version": answer.model_version,
                "tracks": answer.tracks.to_dict("records"),
            }
            self._show(listener, answer)
        self.seconds["answers"] = round(time.monotonic() - started, 1)
        self.results["answers"] = told

    def _await_answer(self, listener: str, version: str) -> None:
        """Until the server answers with the version, knowing the listener's plays."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answer = queries.recommendations(self._channel, listener, count=1)
            if answer.path == "hybrid" and (not version or answer.model_version == version):
                return
            time.sleep(0.5)
        raise SegueError(
            f"the server does not answer for {listener} with model {version}; see {self._settings.home}/logs/server.log"
        )

    def _show(self, listener: str, answer: queries.Answer) -> None:
        self._output.table(
            f"What next for {listener}? ({answer.path}, model {answer.model_version})",
            ("track", "by", "because"),
            [(row.title, row.artists, row.why) for row in answer.tracks.itertuples()],
        )

    def show_tables(self, material: Material) -> None:
        """The top rows of the three live tables."""
        started = time.monotonic()
        engagement = queries.artist_engagement(self._channel, limit=6).frame
        trends = queries.trends(self._channel, limit=6).frame
        trends = trends[trends["window_start"] == trends["window_start"].max()]
        anomalies = queries.anomalies(self._channel, limit=1000).frame
        letters = int(queries.dead_letter_counts(self._channel).frame["records"].sum())
        self.seconds["reading_tables"] = round(time.monotonic() - started, 1)
        self._frame("Artist engagement, latest hours", engagement, _ENGAGEMENT)
        self._frame("Trends, latest hour (24 h against the seven days before)", trends, _TRENDS)
        of_artists = anomalies[anomalies["subject"] == "artist"]
        self._frame("Anomalies of artists, latest hours", of_artists.head(8), _ANOMALIES)
        self._output.say(f"  Dead letters (records that a live table could not count): {letters:,}")
        found = set(zip(anomalies["artist_id"], anomalies["kind"], strict=True))
        self.results |= {
            "engagement": engagement.to_dict("records"),
            "trends": trends.to_dict("records"),
            "anomalies": anomalies.to_dict("records"),
            "dead_letters": letters,
            "planted_anomalies_found": f"{len(material.expected_anomalies & found)}/{len(material.expected_anomalies)}",
        }

    def _frame(self, title: str, frame: "pd.DataFrame", columns: Mapping[str, str]) -> None:
        rows = frame[list(columns)].itertuples(index=False)
        self._output.table(title, list(columns.values()), [tuple(map(_short, row)) for row in rows])

    def extract(self, path: Path, now: datetime) -> None:
        """Write the Tableau extract."""
        from analytics.hyper import Format
        from cli import extracting

        with self._step("extract", "writing the Tableau extract", f"Tableau extract: {path}"):
            extracting.write(self._channel, path, home=self._settings.home, form=Format.HYPER, now=now)
        self.results["extract"] = str(path)


def _short(value: object) -> object:
    """A cell that a terminal has room for."""
    if isinstance(value, datetime):
        return value.strftime("%m-%d %H:%M")
    return round(value, 2) if isinstance(value, float) else value


def play_on(channel: grpc.Channel, material: Material, *, stop_after: timedelta | None = None) -> None:
    """Simulated listeners go on: each second one play of the material's past happens again, now, until interrupted."""
    import random
    import uuid
    from dataclasses import replace

    chance = random.Random(material.about)
    started = time.monotonic()
    while stop_after is None or time.monotonic() - started < stop_after.total_seconds():
        play = chance.choice(material.plays)
        play = replace(play, event_id=str(uuid.uuid4()), played_at=datetime.now(UTC), timing=Timing.LIVE)
        ingest_client.send(channel, plays=[play])
        time.sleep(1)
