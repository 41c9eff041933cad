"""Send a data set to the server: listening with its catalogue, a catalogue alone, or how tracks sound."""

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cli import options
from cli.commands import ingest_audio, ingest_tracks
from cli.output import Output

if TYPE_CHECKING:
    from backend.settings import Settings
    from importers.dataset import Dataset
    from importers.send import IngestReport

WHOLE = "data-set"
"""What is meant where no kind is named: `segue ingest PATH`."""


class _WholeByDefault(TyperGroup):
    """`segue ingest PATH` means the kind data-set; a path that is called as a kind is written ./tracks."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the kind before the rest where none is named."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = [WHOLE, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_WholeByDefault, rich_markup_mode=None)
app.command("tracks")(ingest_tracks.command)
app.command("audio")(ingest_audio.command)

SHOWN = 20
"""Bad rows and rejections that are listed; all are counted."""


@app.command(WHOLE)
def command(
    *,
    path: Annotated[Path, typer.Argument(help="A file, or a folder with the files of one data set.")],
    format_name: Annotated[
        str,
        typer.Option("--format", help="lastfm-1k, hetrec, spotify-songs or spotify-2023 (default: found by content)."),
    ] = "",
    allow_training: Annotated[
        bool,
        typer.Option(
            "--allow-training",
            help="Let models learn from rows that come from Spotify. Its developer policy forbids training on its "
            "content, so they are kept but left out of training unless you hold the right and say so here.",
        ),
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many plays (tracks, where the data set has no plays).")
    ] = None,
    shift_to_now: Annotated[
        bool,
        typer.Option(
            "--shift-to-now",
            help="Move all plays in time by one span, so that the last is now; a few far after the rest are bad.",
        ),
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Exit with 0 also when rows were bad or rejected.")
    ] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Read a public data set and send it: artists, then tracks, then plays in time order.

    Rows that cannot be read and elements that the server rejects are listed and cost no other; then the exit code is 1,
    unless --skip-bad is given. Event ids come from the rows, so sending a file again counts nothing twice.

    The plays are sent as history, also with --shift-to-now: none is too late. At the end it says of which days they
    are, and how the live tables get what they could not take at once.
    """
    from importers.dataset import load, moved_to
    from importers.rows import ReadOptions

    output, settings = Output(as_json=json), options.settings(home)
    now = datetime.now(UTC)
    with output.step(f"reading {path}", f"read {path}"):
        reading = ReadOptions(now=now, allow_training=True if allow_training else None)
        data = load(path, reading, format_name=format_name, limit=limit)
        if shift_to_now:
            data = moved_to(data, now, file=path.name)
    report = _send(settings, output, data)
    _show(output, data, report, _history(data, report, now, lateness_minutes=settings.lateness_minutes))
    if (report.rejected or data.bad_rows) and not skip_bad:
        raise typer.Exit(1)


def _send(settings: "Settings", output: Output, data: "Dataset") -> "IngestReport":
    from cli import reach
    from importers import send as ingest_client

    total = len(data.artists) + len(data.tracks) + len(data.plays)
    with reach.channel(settings) as channel, output.bar(f"sending {data.format}", total) as progress:
        return ingest_client.send(
            channel,
            artists=data.artists,
            tracks=data.tracks,
            plays=data.plays,
            report=lambda _, count: progress.advance(progress.task_ids[0], count),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was sent that is history: accepted plays, their first and last day, and how the rest of these days comes.

    `backfill` is "" where none of the days can be computed yet.
    """

    plays: int
    first_day: date
    last_day: date
    backfill: str

    def told(self) -> str:
        """In a sentence or two."""
        what = (
            f"  {self.plays:,} plays are history, of {self.first_day} to {self.last_day}: archive, profiles and artist "
            "engagement take them all. Charts, trends and listeners' activity take those that came before anything "
            "newer; "
        )
        return what + (
            f"`{self.backfill}` brings the rest of these days."
            if self.backfill
            else "the rest comes with tomorrow's `segue backfill`: only days that have ended can be computed."
        )


def _history(data: "Dataset", report: "IngestReport", now: datetime, *, lateness_minutes: int) -> History | None:
    """None where no play was accepted."""
    from streaming.compact import last_settled_day

    if data.days is None or not report.plays.accepted:
        return None
    first, last = data.days
    end = min(last, last_settled_day(now, lateness_minutes=lateness_minutes)) + timedelta(days=1)
    command = f"segue backfill --from {first} --to {end}" if first < end else ""
    return History(plays=report.plays.accepted, first_day=first, last_day=last, backfill=command)


def _show(output: Output, data: "Dataset", report: "IngestReport", history: History | None) -> None:
    lines = {"artists": data.artist_lines, "tracks": data.track_lines, "plays": data.play_lines}
    rejections = [asdict(each) | {"line": lines[each.kind][each.position]} for each in report.rejections]
    tallies = {kind: getattr(report, kind) for kind in lines}
    output.table(
        f"{data.format}, sent in {report.seconds:.1f} s",
        ("", "accepted", "duplicate", "rejected"),
        [(kind, tally.accepted, tally.duplicate, tally.rejected) for kind, tally in tallies.items()],
    )
    if rejections:
        title = f"rejected by the server: {report.rejected:,}, the first of them"
        columns = ("kind", "line", "id", "field", "reason")
        output.table(title, columns, [[each[column] for column in columns] for each in rejections])
    if data.bad_rows:
        rows = [(bad.file, bad.line, bad.field, bad.reason) for bad in data.bad_rows[:SHOWN]]
        title = f"rows that could not be read: {len(data.bad_rows):,}, the first of them"
        output.table(title, ("file", "line", "field", "reason"), rows)
    if history:
        output.say(history.told())
    output.result(
        {
            "format": data.format,
            **tallies,
            "history": history,
            "rejections": rejections,
            "bad_rows": len(data.bad_rows),
            "first_bad_rows": data.bad_rows[:SHOWN],
            "seconds": round(report.seconds, 3),
        }
    )
