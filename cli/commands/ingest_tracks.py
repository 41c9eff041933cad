"""Send a catalogue's files to the server: tracks and artists, in any layout that is known or mapped."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from backend.domain.errors import AlreadyExists, InvalidInput, Violation
from cli import options
from cli.output import Output

if TYPE_CHECKING:
    from rich.progress import Progress

    from importers.catalogue.report import ImportReport
    from importers.catalogue.run import Advance


def command(
    *,
    path: Annotated[Path | None, typer.Argument(help="A file, or a folder with the files of one data set.")] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="A TOML file that says which column holds what (default: the layout is found by columns)."),
    ] = None,
    guess: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a mapping for FILE into this folder, and send nothing.")
    ] = None,
    allow_training: Annotated[
        bool,
        typer.Option(
            "--allow-training",
            help="Let models learn from rows that come from Spotify. Its developer policy forbids training on its "
            "content, so they are kept but left out of training unless you hold the right and say so here.",
        ),
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write every repair and refusal here, with its line, as JSON lines.")
    ] = None,
    afresh: Annotated[
        bool, typer.Option("--afresh", help="Begin at the first record, also where a killed import could go on.")
    ] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Exit with 0 also when records were rejected.")] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Read tracks and artists from a file or folder and send them; docs/catalogue-import.md lists the layouts.

    CSV, TSV, JSON lines and Parquet. A record that lacks its title, its artists or its id is rejected; any other cell
    that is wrong is left out, and the record is kept and told as repaired. Neither costs another record; where some
    were rejected the exit code is 1, unless --skip-bad is given.

    An import that was killed goes on where it was: run the same command again. Sending a file twice changes nothing.
    """
    output = Output(as_json=json)
    if guess is not None:
        _guess(output, guess)
        return
    if path is None:
        raise InvalidInput([Violation("path", "say which file or folder to import, or --guess FILE")])
    result = _import(output, path, mapping, report, home, allow_training=allow_training, afresh=afresh)
    _show(output, result, report)
    if result.total("rejected") and not skip_bad:
        raise typer.Exit(1)


def _guess(output: Output, file: Path) -> None:
    from importers.catalogue.guess import guess
    from importers.catalogue.mapping_file import written_out

    target = Path(f"{file.name.partition('.')[0]}.mapping.toml")
    text = written_out(guess(file), about=f"which columns of {file.name} hold what")
    if target.exists():
        raise AlreadyExists(f"{target} is there already; move it away, or give it with --mapping {target}")
    target.write_text(text, encoding="utf-8")
    output.say(f"wrote {target}; look through it, then: segue ingest tracks {file} --mapping {target}")
    output.result({"mapping": target, "text": text})


def _import(
    output: Output,
    path: Path,
    mapping: Path | None,
    report: Path | None,
    home: Path | None,
    *,
    allow_training: bool,
    afresh: bool,
) -> "ImportReport":
    from cli import reach
    from importers.catalogue.mapping_file import read_mapping
    from importers.catalogue.run import Import, run

    settings = options.settings(home)
    asked = Import(
        path=path,
        mapping=read_mapping(mapping) if mapping is not None else None,
        allow_training=True if allow_training else None,
    )
    with reach.channel(settings) as channel, output.bar(f"reading {path}", None) as progress:
        return run(
            channel,
            asked,
            imports=settings.home / "imports",
            report=report,
            afresh=afresh,
            advance=_advance(progress),
        )


def _advance(progress: "Progress") -> "Advance":
    """One bar, over the file that is being sent."""
    task = progress.task_ids[0]
    shown: list[str] = []

    def advance(file: str, count: int, total: int) -> None:
        if shown != [file]:
            shown[:] = [file]
            progress.reset(task, total=total, description=f"sending {file}")
        progress.advance(task, count)

    return advance


def _show(output: Output, result: "ImportReport", report: Path | None) -> None:
    output.table(
        f"sent in {result.seconds:.1f} s",
        ("file", "layout", "accepted", "repaired", "rejected", "repeated", "tracks", "artists"),
        [
            (
                *(one.file, one.layout, one.accepted, one.repaired, one.rejected, one.repeated),
                *(one.tracks, one.artists),
            )
            for one in result.files
        ],
    )
    if result.findings:
        count = result.total("repaired") + result.total("rejected")
        output.table(
            f"records repaired or rejected: {count:,}, the first findings",
            ("file", "line", "field", "outcome", "reason"),
            [(one.file, one.line, one.field, one.outcome, one.reason) for one in result.findings],
        )
    if result.passed_over:
        output.say(f"  in no known layout, and left alone: {', '.join(result.passed_over)}")
    if result.resumed_at:
        output.say(f"  taken up after a kill: {result.resumed_at:,} records were sent before")
    if report is not None:
        output.say(f"  all findings are in {report}")
    output.result(result)
