"""List, compare, promote, roll back and prune model versions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from backend.domain.errors import NotFound
from cli import options
from cli.output import Output

if TYPE_CHECKING:
    from backend.ports.models import ModelRepository, ModelSummary

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Version = Annotated[str, typer.Argument(help="A version's name, as `segue models list` shows it.")]
SHOWN = ("ndcg@20", "recall@20")


@app.callback()
def models() -> None:
    """List, compare, promote, roll back and prune model versions."""


@app.command("list")
def list_versions(home: options.Home = None, json: options.Json = False) -> None:
    """Every published version, newest first; the one that serves is marked."""
    output, summaries = Output(as_json=json), _models(home).summaries()
    if not summaries:
        output.say("no version is published yet: run `segue train`")
    output.table(
        "",
        ("", "version", "engine", *SHOWN),
        [("current" if one.is_current else "", one.version, one.engine, *_shown(one)) for one in summaries],
    )
    output.result(summaries)


@app.command()
def show(version: Version, home: options.Home = None, json: options.Json = False) -> None:
    """A version's manifest: data, settings, metrics, hashes. Its files are verified first."""
    output, manifest = Output(as_json=json), _models(home).load(version).manifest
    output.table("", ("what", "value"), _lines("", manifest))
    output.result(manifest)


@app.command()
def compare(old: Version, new: Version, home: options.Home = None, json: options.Json = False) -> None:
    """Two versions' metrics side by side, with the change."""
    output, repository = Output(as_json=json), _models(home)
    before, after = _metrics(repository, old), _metrics(repository, new)
    changes = {name: (before[name], after[name], after[name] - before[name]) for name in before if name in after}
    output.table(
        "",
        ("metric", old, new, "change"),
        [(name, f"{was:.4f}", f"{now:.4f}", f"{change:+.4f}") for name, (was, now, change) in changes.items()],
    )
    output.result(
        {
            "old": old,
            "new": new,
            "metrics": {
                name: {"old": was, "new": now, "change": change} for name, (was, now, change) in changes.items()
            },
        }
    )


@app.command()
def promote(version: Version, home: options.Home = None, json: options.Json = False) -> None:
    """Make a version the one that serves; its files are verified first."""
    _point(_models(home), version, Output(as_json=json))


@app.command()
def rollback(home: options.Home = None, json: options.Json = False) -> None:
    """Go back to the version that served before the current one."""
    repository = _models(home)
    previous = repository.previous()
    if previous is None:
        raise NotFound("there is no version to go back to: see what was published with `segue models list`")
    _point(repository, previous, Output(as_json=json))


@app.command()
def prune(
    keep: Annotated[
        int | None, typer.Option(min=1, help="Newest versions to keep (default: setting keep_models).")
    ] = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Remove old versions and their vectors; the current and the previous one always stay."""
    from backend import wiring
    from training import publish
    from training.lock import training_lock

    output, settings = Output(as_json=json), options.settings(home)
    with training_lock(settings.home):
        removed = publish.prune(
            keep or settings.keep_models, index=wiring.vector_index(settings), models=wiring.models(settings)
        )
    output.say(f"removed {', '.join(removed) or 'nothing'}")
    output.result({"removed": removed})


def _point(repository: "ModelRepository", version: str, output: Output) -> None:
    repository.point(version)
    before = repository.previous()
    output.say(f"{version} is current: the server answers with it within seconds")
    if before:
        output.say(f"`segue models rollback` goes back to {before}")
    output.result({"current": version, "previous": before})


def _lines(prefix: str, value: object) -> list[tuple[str, str]]:
    """Nested values as lines of dotted names."""
    if not isinstance(value, Mapping):
        return [(prefix, str(value))]
    return [line for key, inner in value.items() for line in _lines(f"{prefix}.{key}" if prefix else str(key), inner)]


def _shown(summary: "ModelSummary") -> list[str]:
    return [f"{summary.metrics[name]:.4f}" if name in summary.metrics else "" for name in SHOWN]


def _metrics(repository: "ModelRepository", version: str) -> Mapping[str, float]:
    for summary in repository.summaries():
        if summary.version == version:
            return summary.metrics
    raise NotFound(f"there is no model version {version}: see them with `segue models list`")


def _models(home: "options.Home") -> "ModelRepository":
    from backend import wiring

    return wiring.models(options.settings(home))
