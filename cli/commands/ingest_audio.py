"""`segue ingest audio`: how tracks sound, heard in their files."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import options
from cli.output import Output

if TYPE_CHECKING:
    from importers.audio.job import AudioReport

SHOWN = 20
"""Files that are listed; all are counted, and all are in --json."""


def command(
    *,
    folder: Annotated[Path, typer.Argument(help="A folder with wav, ogg, mp3 or flac files, or one of them.")],
    tracks: Annotated[
        Path | None,
        typer.Option(
            "--tracks",
            help="A CSV that says which track a file is: track_id, and path, isrc, recording (MusicBrainz) or artist "
            "and title.",
        ),
    ] = None,
    add: Annotated[
        bool, typer.Option("--add", help="Put unknown tracks into the catalogue, as the files' tags name them.")
    ] = False,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processes that listen (default: one a processor).")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Seconds of a file's middle that are listened to, 3 to 600.")] = 60.0,
    spectrograms: Annotated[
        Path | None, typer.Option("--spectrograms", help="Write a mel spectrogram (PNG) of each file into this folder.")
    ] = None,
    statistics: Annotated[
        Path | None,
        typer.Option(
            "--statistics",
            help="Write MFCC, chroma, spectral contrast and the like of each known track, as FMA's features.csv.",
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Exit with 0 also when files failed or are unknown.")
    ] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Listen to audio files and tell the catalogue how their tracks sound.

    Tempo and loudness are measured; the other audio features are estimated by rules of thumb and marked so. What a
    source told of a track stays, and so does all else that the catalogue knows of it. A file is joined to its track by
    the table, by its name (a track id, or FMA's six digits), or by the ids, artist and title in its tags; one that is
    no known track is listed.

    Files that cannot be listened to are listed and cost no other; then the exit code is 1, unless --skip-bad is given.
    What was listened to is remembered (in the cache): run the command again after anything, and it goes on from there.
    """
    from cli import reach
    from importers.audio.job import Choices, ingest_audio
    from importers.audio.workers import require_extra

    require_extra()
    output, settings = Output(as_json=json), options.settings(home)
    choices = Choices(
        memory=settings.cache / "sound",
        jobs=jobs or len(os.sched_getaffinity(0)),
        seconds=seconds,
        add=add,
        tracks=tracks,
        spectrograms=spectrograms,
        statistics=statistics,
    )
    started = time.monotonic()
    with reach.channel(settings) as channel, output.bar(f"listening to {folder}", None) as bar:
        report = ingest_audio(
            folder, channel, choices, progress=lambda done, of: bar.update(bar.task_ids[0], completed=done, total=of)
        )
    _show(output, folder, report, time.monotonic() - started)
    if (report.count("failed") or report.count("unknown") or report.bad_rows) and not skip_bad:
        raise typer.Exit(1)


def _show(output: Output, folder: Path, report: "AudioReport", seconds: float) -> None:
    from importers.audio.job import OUTCOMES

    counts = {outcome: report.count(outcome) for outcome in OUTCOMES}
    title = f"{folder}: {len(report.files):,} files in {seconds:.1f} s, {report.remembered:,} of them remembered"
    output.table(title, tuple(counts), [tuple(counts.values())])
    odd = [one for one in report.files if one.outcome not in ("updated", "unchanged", "added") or one.notes]
    if odd:
        rows = [(one.file, one.outcome, "; ".join(filter(None, (one.reason, *one.notes)))) for one in odd[:SHOWN]]
        output.table(f"worth a look: {len(odd):,}, the first of them", ("file", "outcome", "reason"), rows)
    if report.bad_rows:
        rows = [(bad.file, str(bad.line), f"{bad.field}: {bad.reason}") for bad in report.bad_rows[:SHOWN]]
        output.table(f"bad rows of the table: {len(report.bad_rows):,}", ("file", "line", "reason"), rows)
    if report.no_search:
        output.warn(f"no track was looked for by artist and title: {report.no_search}")
    output.result(
        {
            "path": folder,
            **counts,
            "remembered": report.remembered,
            "files": report.files,
            "bad_rows": report.bad_rows,
            "no_search": report.no_search,
            "seconds": round(seconds, 3),
        }
    )
