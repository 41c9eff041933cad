"""`segue models`: the published versions, and which of them serves."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from backend.ports.models import ModelRepository

app = typer.Typer(help="List, compare, promote, roll back and prune model versions.", no_args_is_help=True)

Version = Annotated[str, typer.Argument(help="A version's name, as `segue models list` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("list")
def list_versions(as_json: AsJson = False) -> None:
    """Every published version, newest first; the one that serves is marked."""
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    summaries = _models().summaries()
    if as_json:
        typer.echo(json.dumps([asdict(summary) for summary in summaries]))
        return
    if not summaries:
        typer.echo("no version is published yet: run `segue train`")
        return
    table = Table("", "version", "created", "engine", "ndcg@20", "recall@20")
    for summary in summaries:
        numbers = [
            f"{summary.metrics[name]:.4f}" if name in summary.metrics else "" for name in ("ndcg@20", "recall@20")
        ]
        table.add_row("●" if summary.is_current else "", summary.version, summary.created_at, summary.engine, *numbers)
    Console().print(table)


@app.command()
def show(version: Version, as_json: AsJson = False) -> None:
    """A version's manifest: data, settings, metrics, hashes. Its files are verified first."""
    manifest = _models().load(version).manifest
    typer.echo(json.dumps(dict(manifest), indent=None if as_json else 2, ensure_ascii=False))


@app.command()
def compare(old: Version, new: Version, as_json: AsJson = False) -> None:
    """Two versions' metrics side by side, with the change."""
    from rich.console import Console
    from rich.table import Table

    before, after = _metrics(old), _metrics(new)
    rows = {
        name: {"old": before[name], "new": after[name], "change": after[name] - before[name]}
        for name in before
        if name in after
    }
    if as_json:
        typer.echo(json.dumps({"old": old, "new": new, "metrics": rows}))
        return
    table = Table("metric", old, new, "change")
    for name, row in rows.items():
        table.add_row(name, f"{row['old']:.4f}", f"{row['new']:.4f}", f"{row['change']:+.4f}")
    Console().print(table)


@app.command()
def promote(version: Version, as_json: AsJson = False) -> None:
    """Make a version the one that serves; its files are verified first."""
    _point(version, as_json)


@app.command()
def rollback(as_json: AsJson = False) -> None:
    """Go back to the version that served before the current one."""
    from backend.domain.errors import NotFound

    previous = _models().previous()
    if previous is None:
        raise NotFound("there is no version to go back to: only one was ever promoted")
    _point(previous, as_json)


@app.command()
def prune(
    keep: Annotated[
        int | None, typer.Option(min=1, help="Newest versions to keep (default: setting keep_models).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Remove old versions and their vectors; the current and the previous one always stay."""
    from backend import wiring
    from backend.settings import Settings
    from training.lock import training_lock
    from training.publish import prune as remove

    settings = Settings()
    with training_lock(settings.home):
        removed = remove(
            keep or settings.keep_models, index=wiring.vector_index(settings), models=wiring.models(settings)
        )
    typer.echo(json.dumps({"removed": removed}) if as_json else "removed: " + (", ".join(removed) or "nothing"))


def _point(version: str, as_json: bool) -> None:
    models = _models()
    models.point(version)
    result = {"current": models.current(), "previous": models.previous()}
    typer.echo(json.dumps(result) if as_json else f"{version} serves now; before it: {result['previous'] or 'none'}")


def _metrics(version: str) -> Mapping[str, float]:
    from backend.domain.errors import NotFound

    for summary in _models().summaries():
        if summary.version == version:
            return summary.metrics
    raise NotFound(f"no version '{version}': `segue models list` shows them")


def _models() -> "ModelRepository":
    from backend import wiring
    from backend.settings import Settings

    return wiring.models(Settings())
