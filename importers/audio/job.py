"""`segue ingest audio`: find → listen (or remember) → join → send, and what became of each file.

Outcomes of a file:
1. the catalogue took its features → "updated"; they told nothing new → "unchanged"
2. no id of its is in the catalogue → "added" with its tags' track where that is asked for, else "unknown"
3. another file of this run was the same track → "repeated", nothing sent
4. there is nothing to hear, or the server refuses what was heard → "failed" with the reason
Whatever one file is, the others go on. What was heard is remembered before it is sent.
"""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import grpc

from backend.domain.errors import InvalidInput, Violation
from backend.domain.tracks import AudioFeatures
from importers.audio.folder import AudioFile, find
from importers.audio.joining import DERIVED, Table, new_track, read_table, track_ids
from importers.audio.memory import Memory, remembered
from importers.audio.reading import LEAST_SECONDS
from importers.audio.sending import Fate, Offer, Sender
from importers.audio.sound import Sound
from importers.audio.statistics_file import write_statistics
from importers.audio.workers import Workers
from importers.rows import BadRow

BATCH: Final = 100
"""Sounds of one request at most; also sent whenever that many are waiting."""

MOST_SECONDS: Final = 600.0
OUTCOMES: Final = ("updated", "unchanged", "added", "unknown", "repeated", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What became of a file, by its name below the folder: one of OUTCOMES, and the sentences that belong to it."""

    file: str
    outcome: str
    track_id: str = ""
    reason: str = ""
    notes: tuple[str, ...] = ()
    audio_features: AudioFeatures | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What was asked for: `spectrograms` is a folder of images, `statistics` a file to write, `memory` in the cache."""

    memory: Path
    jobs: int
    seconds: float
    add: bool = False
    tracks: Path | None = None
    spectrograms: Path | None = None
    statistics: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioReport:
    """Every file in the order of the folder, bad rows of the table, files that were remembered, and why no search."""

    files: tuple[FileReport, ...]
    bad_rows: tuple[BadRow, ...]
    remembered: int
    no_search: str

    def count(self, outcome: str) -> int:
        """Files of this outcome."""
        return sum(file.outcome == outcome for file in self.files)


def ingest_audio(
    path: Path, channel: grpc.Channel, choices: Choices, *, progress: Callable[[int, int], None] = lambda done, of: None
) -> AudioReport:
    """Do all of it; `progress` is told how many files were listened to, of how many.

    Raises InvalidInput (the path, the table, seconds), Unavailable (server or memory), grpc.RpcError.
    """
    if not LEAST_SECONDS <= choices.seconds <= MOST_SECONDS or not math.isfinite(choices.seconds):
        raise InvalidInput([Violation("seconds", f"must be {LEAST_SECONDS:g} to {MOST_SECONDS:g}")])
    workers = Workers(jobs=choices.jobs, seconds=choices.seconds, spectrograms=choices.spectrograms)
    table = read_table(choices.tracks) if choices.tracks else Table()
    found = list(find(path))
    if not found:
        raise InvalidInput([Violation("path", f"{path} holds no audio file (wav, ogg, mp3, flac)")])
    with remembered(choices.memory, seconds=choices.seconds) as memory:
        run = _Run(workers, memory, table, Sender(channel), add=choices.add, progress=lambda n: progress(n, len(found)))
        reports = [
            FileReport(file=str(one.filename), outcome="failed", reason=f"cannot be entered: {one.strerror}")
            for one in found
            if isinstance(one, OSError)
        ]
        files = [one for one in found if isinstance(one, AudioFile)]
        with closing(run.reports(files)) as told:
            reports.extend(told)
        if choices.statistics is not None:
            joined = {one.file: one.track_id for one in reports if one.outcome in ("updated", "unchanged", "added")}
            known = ((joined[file.name], memory.get(file)) for file in files if file.name in joined)
            write_statistics(choices.statistics, ((track_id, sound) for track_id, sound in known if sound))
    return AudioReport(
        files=tuple(sorted(reports, key=lambda report: report.file)),
        bad_rows=table.bad_rows,
        remembered=run.remembered,
        no_search=run.sender.no_search,
    )


class _Run:
    """One run's state: sounds that wait to be sent, and which file each track was."""

    def __init__(
        self,
        workers: Workers,
        memory: Memory,
        table: Table,
        sender: Sender,
        *,
        add: bool,
        progress: Callable[[int], None],
    ) -> None:
        self._workers, self._memory, self._table, self.sender, self._add = workers, memory, table, sender, add
        self._progress = progress
        self._file_of: dict[str, str] = {}
        self.remembered = 0

    def reports(self, files: Sequence[AudioFile]) -> Generator[FileReport, None, None]:
        """What became of each, as it becomes known."""
        waiting: list[tuple[AudioFile, Sound]] = []
        with closing(self._sounds(files)) as sounds:
            for count, (file, sound) in enumerate(sounds, 1):
                self._progress(count)
                if isinstance(sound, str):
                    yield FileReport(file=file.name, outcome="failed", reason=sound)
                    continue
                waiting.append((file, sound))
                if len(waiting) == BATCH:
                    yield from self._sent(waiting)
                    waiting = []
        yield from self._sent(waiting)

    def _sounds(self, files: Sequence[AudioFile]) -> Generator[tuple[AudioFile, Sound | str], None, None]:
        """What is remembered comes with the files that are listened to, in between."""
        known: deque[tuple[AudioFile, Sound]] = deque()

        def to_hear() -> Iterator[AudioFile]:
            for file in files:
                sound = self._remembered(file)
                if sound is None:
                    yield file
                else:
                    known.append((file, sound))

        with closing(self._workers.listen(to_hear())) as heard:
            for file, found in heard:
                if isinstance(found, Sound):
                    self._memory.put(file, found)
                yield file, found
                while known:
                    yield known.popleft()
        yield from known

    def _remembered(self, file: AudioFile) -> Sound | None:
        image = self._workers.image(file)
        sound = None if image is not None and not image.exists() else self._memory.get(file)
        self.remembered += sound is not None
        return sound

    def _sent(self, waiting: Sequence[tuple[AudioFile, Sound]]) -> Iterator[FileReport]:
        offers = [
            Offer(
                track_ids=track_ids(file, sound.tags, self._table), audio_features=sound.audio_features, tags=sound.tags
            )
            for file, sound in waiting
        ]
        for (file, sound), offer, fate in zip(waiting, offers, self.sender.send(offers) if offers else [], strict=True):
            yield self._report(file, sound, offer, fate)

    def _report(self, file: AudioFile, sound: Sound, offer: Offer, fate: Fate) -> FileReport:
        report = FileReport(
            file=file.name,
            outcome=fate.outcome,
            track_id=fate.track_id,
            reason=fate.reason,
            notes=sound.notes,
            audio_features=sound.audio_features,
        )
        if fate.outcome == "unknown":
            return self._unknown(report, sound, offer)
        if fate.outcome == "failed":
            return report
        first = self._file_of.setdefault(fate.track_id, file.name)
        if first != file.name:
            return replace(report, outcome="repeated", reason=f"is the same track as {first}; the later one counts")
        return report

    def _unknown(self, report: FileReport, sound: Sound, offer: Offer) -> FileReport:
        told = replace(report, track_id="", reason=f"the catalogue has no such track; asked for {asked_for(offer)}")
        if not self._add:
            return told
        new = new_track(sound.tags, file_seconds=sound.file_seconds)
        if new is None:
            return replace(told, reason="is unknown, and its tags lack the title or the artist of a new track")
        track, artists = new
        fate = self.sender.add(replace(track, audio_features=sound.audio_features), artists)
        outcome = "added" if fate.outcome == "updated" else fate.outcome
        self._file_of.setdefault(fate.track_id, report.file)
        return replace(report, outcome=outcome, track_id=fate.track_id, reason=fate.reason)


def asked_for(offer: Offer) -> str:
    """What the catalogue was asked for, in words; ids that are made of artist and title stand as these."""
    told = [track_id for track_id in offer.track_ids if not DERIVED.match(track_id)]
    if offer.tags.title and offer.tags.artists:
        told.append(f"'{offer.tags.title}' by {', '.join(offer.tags.artists)}")
    return ", ".join(told) or "nothing: neither its name nor its tags hold an id, or artist and title"
