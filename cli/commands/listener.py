"""Give out, or erase, what is held of a listener; and say what models may learn from."""

import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from backend.domain.errors import InvalidInput, Violation
from cli import options
from cli.output import Output

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

ListenerId = Annotated[str, typer.Argument(metavar="ID", help="The listener's id, as the app gave it.")]


@app.callback()
def listener() -> None:
    """Give out, or erase, what is held of a listener; and say what models may learn from.

    The server asks for a token with the scope admin, which this machine's own has, or for the listener's own token.
    """


@app.command()
def export(
    listener_id: ListenerId,
    path: Annotated[
        Path | None, typer.Argument(help="The file to write, or the folder to put ID.zip into (default: ID.zip here).")
    ] = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Write all that is held of a listener into a zip of JSON lines, with a README that explains them.

    What stood at PATH stays until the new file is whole.
    """
    from backend.files import write_whole
    from cli import reach
    from client import privacy

    output, settings = Output(as_json=json), options.settings(home)
    target = (path or Path()) / f"{listener_id}.zip" if path is None or path.is_dir() else path
    if target.exists() and not target.is_file():
        raise InvalidInput([Violation("PATH", f"{target} is there and is no file: name one, or a folder")])
    written = 0

    def fill(file: BinaryIO) -> None:
        nonlocal written
        for chunk in privacy.export(channel, listener_id):
            file.write(chunk)
            written += len(chunk)
            progress.advance(progress.task_ids[0], len(chunk))

    started = time.monotonic()
    output.say(f"… reading what is held of {listener_id}")
    with reach.channel(settings) as channel, output.bar(str(target), None, unit="bytes") as progress:
        write_whole(target, fill)
    output.done(f"wrote {target}", time.monotonic() - started)
    output.say("it is personal: readable by you alone; README.md inside says what each file holds")
    output.result({"listener_id": listener_id, "path": target, "bytes": written})


@app.command()
def erase(
    listener_id: ListenerId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Erase a listener: nobody is behind their data any more at once, and all of it is gone by the time told.

    It cannot be undone. Prints the receipt, which says of nobody and of everything what was done, or will be by when.
    """
    from cli import reach
    from client import privacy

    output, settings = Output(as_json=json), options.settings(home)
    if not yes:
        _make_sure(listener_id)
    with reach.channel(settings) as channel:
        receipt = privacy.erase(channel, listener_id)
    _show(output, receipt)
    output.say(f"see how it goes on with `segue listener erasures {receipt['erasure_id']}`")
    output.result(receipt)


@app.command()
def erasures(
    erasure_id: Annotated[str, typer.Argument(metavar="ERASURE_ID", help="Only this one, part by part.")] = "",
    *,
    run: Annotated[
        bool,
        typer.Option(
            "--run",
            help="First do what can be done of them now: log, archive, settled days of the tables, a training, "
            "extracts; what is left is told. The keeper does it within the hour, a training the next time.",
        ),
    ] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """List erasures, newest first, or show the receipt of one."""
    from cli import reach
    from client import privacy

    output, settings = Output(as_json=json), options.settings(home)
    if run:
        from cli import erasing

        erasing.run(settings, output)
    with reach.channel(settings) as channel:
        if erasure_id:
            receipt = privacy.erasure(channel, erasure_id)
            _show(output, receipt)
            output.result(receipt)
            return
        receipts = list(privacy.erasures(channel))
    if not receipts:
        output.say("nobody was erased, or no receipt is kept any more")
    else:
        rows = [(one["erasure_id"], _moment(one["asked_at"]), _ended(one), _open(one)) for one in receipts]
        output.table("", ("erasure", "asked", "gone", "parts left"), rows)
        if run:
            _say_what_is_left(output, receipts)
    output.result(receipts)


@app.command()
def rights(
    listener_id: ListenerId,
    *,
    training: Annotated[
        bool, typer.Option("--training/--no-training", help="Whether models may learn from the listener's plays.")
    ],
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Say whether models may learn from a listener's plays, those of the past included: from the next training on."""
    from cli import reach
    from client import privacy

    output, settings = Output(as_json=json), options.settings(home)
    with reach.channel(settings) as channel:
        privacy.allow_training(channel, listener_id, allowed=training)
    learns = "may learn" if training else "learn nothing"
    output.say(f"models {learns} from {listener_id} from the next training on; past days of the tables with a backfill")
    output.result({"listener_id": listener_id, "allow_training": training})


def _make_sure(listener_id: str) -> None:
    """Ask the person at the terminal. Raises BadParameter where there is none, Abort for anything but yes."""
    if not sys.stdin.isatty():
        raise typer.BadParameter("it cannot be undone, and nobody is here to ask: add --yes")
    typer.confirm(f"Erase all that is held of {listener_id}, for good?", abort=True, err=True)


def _show(output: Output, receipt: Mapping[str, Any]) -> None:
    rows = [(part["part"], part["rows"], _state(part), part["told"]) for part in receipt["parts"]]
    title = f"erasure {receipt['erasure_id']}, asked {_moment(receipt['asked_at'])}, gone {_ended(receipt)}"
    output.table(title, ("part", "rows", "gone", "what"), rows)


def _say_what_is_left(output: Output, receipts: Iterable[Mapping[str, Any]]) -> None:
    """What parts that a pass could not finish wait for, each once."""
    left = {
        f"{part['part']}: {part['told']} (by {_moment(part['until'])})"
        for receipt in receipts
        for part in receipt["parts"]
        if part["done_at"] is None
    }
    for one in sorted(left):
        output.say(f"left, {one}")


def _ended(receipt: Mapping[str, Any]) -> str:
    return f"by {_moment(receipt['due_at'])}" if receipt["done_at"] is None else _moment(receipt["done_at"])


def _state(part: Mapping[str, Any]) -> str:
    return _moment(part["done_at"]) if part["done_at"] is not None else f"by {_moment(part['until'])}"


def _open(receipt: Mapping[str, Any]) -> int:
    return sum(part["done_at"] is None for part in receipt["parts"])


def _moment(moment: Any) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
