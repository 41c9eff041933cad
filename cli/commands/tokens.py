"""Issue, list and revoke the tokens that apps show to the server of this home."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from backend.domain.errors import InvalidInput, Violation
from cli import options
from cli.output import Output

if TYPE_CHECKING:
    from backend.rpc.token_file import Scope

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The token's name, which the server's log shows; for example the app's.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What is shown of a token."""

    name: str
    scopes: list[str]
    listener_id: str
    expires_at: datetime | None
    expired: bool


@app.callback()
def tokens() -> None:
    """Issue, list and revoke the tokens that apps show to the server of this home."""


@app.command()
def issue(
    name: Name,
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="What it may do: ingest, catalogue, recommend, analytics, admin (give out and erase what is held of "
            "any listener), identities (beside analytics: see listeners' own ids, not pseudonyms). Repeatable.",
        ),
    ] = None,
    listener: Annotated[
        str,
        typer.Option(
            help="Bind it to this listener: it can neither name nor see another one, and may give out and erase what "
            "is held of this one, whatever its scopes."
        ),
    ] = "",
    expires_in: Annotated[
        str | None, typer.Option(help="How long it is good for: 12h, 30d (default: until it is revoked).")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of the token of this name.")] = False,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Make a token and print it, this once: only its hash is kept. The server knows it from its next call on."""
    from backend.rpc.auth import OPERATOR, issue_token

    output = Output(as_json=json)
    if not scope and not listener:
        raise typer.BadParameter("say what it may do with --scope, or whose it is with --listener")
    if name == OPERATOR:
        text = f"'{OPERATOR}' is the token of this machine's own commands; revoke it, and the next start makes another"
        raise InvalidInput([Violation("name", text)])
    scopes, listener_id, expires_at = _scopes(scope or []), _listener(listener), _end(expires_in)
    token = issue_token(
        options.settings(home).tokens,
        _named(name),
        scopes,
        listener_id=listener_id,
        expires_at=expires_at,
        replace=replace,
    )
    if not json:
        print(token)
    output.say("keep it now: it is not shown again. Apps send it as metadata 'authorization: Bearer TOKEN'")
    output.result(
        {"name": name, "token": token, "scopes": sorted(scopes), "listener_id": listener_id, "expires_at": expires_at}
    )


@app.command("list")
def list_tokens(home: options.Home = None, json: options.Json = False) -> None:
    """Every token's name, scopes, listener and end; neither tokens nor hashes."""
    from backend.rpc import token_file

    output, now = Output(as_json=json), datetime.now(UTC)
    reading = token_file.read(options.settings(home).tokens / token_file.FILE)
    for sentence in reading.wrong:
        output.warn(sentence)
    if not reading.entries:
        output.say("no token yet: `segue tokens issue NAME --scope ingest`")
    rows = [
        _Row(
            name=entry.name,
            scopes=sorted(entry.scopes),
            listener_id=entry.listener_id,
            expires_at=entry.expires_at,
            expired=entry.expires_at is not None and entry.expires_at <= now,
        )
        for entry in reading.entries
    ]
    output.table(
        "",
        ("name", "scopes", "listener", "good until"),
        [(each.name, " ".join(each.scopes), each.listener_id or "every", _until(each)) for each in rows],
    )
    output.result(rows)


@app.command()
def revoke(name: Name, home: options.Home = None, json: options.Json = False) -> None:
    """Take a token away. The server refuses it from its next call on, and ends its streams within seconds."""
    from backend.rpc.auth import OPERATOR, revoke_token

    output = Output(as_json=json)
    revoke_token(options.settings(home).tokens, name)
    output.say(f"'{name}' opens nothing any more")
    if name == OPERATOR:
        output.warn("commands and dashboard of this machine have no token until the server starts again and makes one")
    output.result({"revoked": name})


def _scopes(names: list[str]) -> frozenset["Scope"]:
    from backend.rpc.token_file import Scope

    if unknown := [name for name in names if name not in list(Scope)]:
        text = f"{', '.join(map(repr, unknown))}: not one of {', '.join(Scope)}"
        raise InvalidInput([Violation("--scope", text)])
    return frozenset(map(Scope, names))


def _named(name: str) -> str:
    return _as_the_contract_has_ids(name, "name")


def _listener(listener: str) -> str:
    return _as_the_contract_has_ids(listener, "--listener") if listener else ""


def _as_the_contract_has_ids(text: str, field: str) -> str:
    """The text, where it would do as a listener's id. Raises InvalidInput."""
    from segue.v1 import recommend_pb2

    from backend.rpc.contract import violations_of

    if found := violations_of(recommend_pb2.RecommendRequest(listener_id=text)):
        raise InvalidInput([Violation(field, f"{text!r}: {one.description}") for one in found])
    return text


def _end(expires_in: str | None) -> datetime | None:
    from cli.repeat import interval

    if expires_in is None:
        return None
    now = datetime.now(UTC)
    try:
        return now.replace(microsecond=0) + timedelta(seconds=interval(expires_in, of="--expires-in"))
    except OverflowError as error:
        raise InvalidInput([Violation("--expires-in", f"{expires_in} is beyond the calendar")]) from error


def _until(row: _Row) -> str:
    if row.expires_at is None:
        return "it is revoked"
    return f"{row.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" + (" (expired)" if row.expired else "")
