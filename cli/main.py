"""The `segue` command: finds the commands, runs one, and turns what goes wrong into one clear line and an exit code.

Exit codes: 0 done, 1 failed, 2 used wrongly (also: settings that are not valid), 130 interrupted, 143 terminated.
A command is a module cli/commands/NAME.py with a one-line docstring and either `command` (a function with Typer's
parameters, whose docstring is the help) or `app` (a typer.Typer with sub-commands). Only the one named on the command
line is imported, so that `segue --help` is quick.
"""

import ast
import importlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tomllib import TOMLDecodeError
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeGuard

import typer

from backend import extras, lacks, logs
from backend.domain.errors import (
    InvalidInput,
    ModelRefused,
    NoRoom,
    Overloaded,
    PermissionRefused,
    SegueError,
    Unauthenticated,
    Unavailable,
)

if TYPE_CHECKING:
    from pydantic import ValidationError

COMMANDS = (
    *("demo", "up", "down", "status", "doctor"),
    *("ingest", "train", "models", "recommend", "next", "similar", "artists", "search", "topics", "home", "dashboard"),
    *("export", "jobs", "evaluate", "tune", "bench", "backfill", "tokens", "listener"),
)
"""In the order of `segue --help`."""

INTERRUPTED, TERMINATED = 130, 143
_WRONG_PATH = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
FOLDER = Path(__file__).parent / "commands"

_NEXT_STEP: dict[type[SegueError], str] = {
    InvalidInput: "correct it and run the command again",
    Overloaded: "try again in a few seconds",
    NoRoom: "free some (see `df -h`), then run the command again",
    Unavailable: "see how the parts are with `segue status`",
    Unauthenticated: "give a token with SEGUE_TOKEN",
    PermissionRefused: "use a token with that scope",
    ModelRefused: "see the versions with `segue models list`",
}


def build(argv: Sequence[str], folder: Path = FOLDER) -> typer.Typer:
    """The Typer app for this command line: every command that is in `folder` is listed, the named one is real."""
    # Rich's help pages alone take a quarter of a second to import.
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

    @app.callback()
    def segue(
        _version: Annotated[
            bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Show the version and exit.")
        ] = False,
    ) -> None:
        """Segue: plays in, live tables and recommendations out. Start with `segue doctor`, then `segue demo`."""

    named = next((word for word in argv if word in COMMANDS), None)
    for name in COMMANDS:
        file = folder / f"{name}.py"
        if not file.exists():
            continue
        if name != named:
            app.command(name, help=_summary(file))(_not_named)
            continue
        module = importlib.import_module(f"cli.commands.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name, help=_summary(file), no_args_is_help=True)
        else:
            app.command(name)(module.command)
    return app


def _tell_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"segue {version('segue')}\n")
        raise typer.Exit


def _not_named() -> None:
    """Stands in `segue --help` for commands that this command line does not name."""


def _summary(file: Path) -> str:
    """The first line of a module's docstring, read without importing it."""
    return (ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n")[0]


def explain(error: Exception) -> tuple[str, int] | None:
    """The message, ending with what to do next, and the exit code; None for what nobody raised on purpose."""
    if isinstance(error, SegueError):
        message = str(error).rstrip(". \n")
        step = next((text for kind, text in _NEXT_STEP.items() if isinstance(error, kind)), "")
        return message if "`" in message or not step else f"{message}; {step}", 1
    if (of_this_machine := _of_this_machine(error)) is not None:
        return of_this_machine
    if _is_of_settings(error):
        wrong = "; ".join(_told_of_setting(dict(each)) for each in error.errors(include_url=False))
        return f"settings: {wrong}; correct the flag, the SEGUE_… variable or segue.toml", 2
    if (rpc := _rpc_error(error)) is not None:
        return f"the server answered {rpc.code().name}: {rpc.details()}; see how it is with `segue status`", 1
    return None


def _told_of_setting(complaint: Mapping[str, Any]) -> str:
    """One of pydantic's complaints about Settings; a name that is none comes with the nearest that is."""
    from backend.settings import Settings, holds_secret

    name = ".".join(map(str, complaint["loc"]))
    if complaint["type"] == "extra_forbidden":
        from backend.misspelt import nearest

        return f"{name}: there is no such setting{nearest(name, Settings.model_fields)}"
    if holds_secret(name):
        return f"{name}: {complaint['msg']}"
    return f"{name}: {complaint['msg']} (given: {complaint['input']!r})"


def _of_this_machine(error: Exception) -> tuple[str, int] | None:
    """What a missing package, no room, handles or memory, a broken settings file or a wrong path come to."""
    if isinstance(error, ModuleNotFoundError) and (told := extras.missing(error.name)) is not None:
        return str(told), 1
    if lack := lacks.lack_of(error):
        return f"{str(error) or type(error).__name__}: {lack}, then run the command again", 1
    if isinstance(error, TOMLDecodeError):
        return f"segue.toml: {error}; correct the file", 2
    if isinstance(error, _WRONG_PATH) and error.filename:
        return f"{error.filename}: {error.strerror}; see that the path is what it should be, and yours to use", 1
    return None


def _is_of_settings(error: Exception) -> "TypeGuard[ValidationError]":
    """Whether it is pydantic's complaint about Settings; pydantic is not imported only to find out."""
    return type(error).__name__ == "ValidationError" and getattr(error, "title", "") == "Settings"


def _rpc_error(error: Exception) -> Any:
    """The error as a grpc.Call (code, details) where it is a failed RPC, else None; gRPC is not imported for it."""
    grpc = sys.modules.get("grpc")
    return error if grpc is not None and isinstance(error, grpc.RpcError) and isinstance(error, grpc.Call) else None


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    """Leave as after an exception, so that every `with` block puts things in order."""
    raise SystemExit(TERMINATED)


def run(argv: Sequence[str]) -> int:
    """Run one command line; its exit code. Errors raised on purpose end here; others keep their traceback."""
    if broken := next(filter(_is_no_text, argv), None):
        return _fail(argv, f"{broken!r} holds bytes that are not UTF-8; type it as text", kind="Usage", code=2)
    try:
        code = build(argv)(args=list(argv) or ["--help"], prog_name="segue", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return _fail(argv, "interrupted", kind="Interrupted", code=INTERRUPTED)
    except Exception as error:
        if hasattr(error, "format_message"):  # Typer's own: a wrong option, a missing argument
            command = next((f"{word} " for word in argv if word in COMMANDS), "")
            if type(error).__name__ == "NoArgsIsHelpError":
                sys.stderr.write(error.format_message() + "\n")
                return 2
            message = f"{error.format_message().rstrip('.')}; see `segue {command}--help`"
            return _fail(argv, message, kind="Usage", code=2)
        explained = explain(error)
        if explained is None:
            raise
        return _fail(argv, explained[0], kind=type(error).__name__, code=explained[1])
    return code if isinstance(code, int) else 0


def _is_no_text(word: str) -> bool:
    """Whether it stands for bytes that are not UTF-8 (Python's surrogateescape)."""
    return any("\ud800" <= letter <= "\udfff" for letter in word)


def _fail(argv: Sequence[str], message: str, *, kind: str, code: int) -> int:
    from cli.output import Output

    Output(as_json="--json" in argv).error(message, kind=kind)
    return code


def main() -> None:
    """The entry point of the `segue` program."""
    os.umask(0o077)  # what commands keep is their owner's, as with the stack
    logs.warnings_to_stderr()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminate)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
