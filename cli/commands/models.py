"""List, compare, promote, roll back and prune model versions, and see how far plays have moved from them."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import options
from cli.output import Output

if TYPE_CHECKING:
    from backend.ports.models import ModelRepository, ModelSummary
    from training.publishing.promote import Promotion

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

Version = Annotated[str, typer.Argument(help="A version's name, as `segue models list` shows it.")]
SHOWN = ("ndcg@20", "recall@20")
BRIEF = 300
"""Characters of a value that `show` prints for people: what is learned for every topic or tag is a list of hundreds."""


@app.callback()
def models() -> None:
    """List, compare, promote, roll back and prune model versions, and see how far plays have moved from them."""


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
    from training.publishing.comparison import lines

    output, manifest = Output(as_json=json), _models(home).load(version).manifest
    output.table("", ("what", "value"), [(name, _brief(value)) for name, value in lines(manifest)])
    output.result(manifest)


def _brief(value: str) -> str:
    return value if len(value) <= BRIEF else f"{value[:BRIEF]}… ({len(value):,} characters; --json has all)"


@app.command()
def compare(old: Version, new: Version, home: options.Home = None, json: options.Json = False) -> None:
    """Two versions side by side: metrics with their change, and where data and settings differ.

    Each version's metrics are of the latest plays of its own day: between two windows, a change may be the plays'. What
    the newer one said against the one that served, on the same plays, stands in `segue models show`.
    """
    from training.publishing.comparison import compared

    output, repository = Output(as_json=json), _models(home)
    found = compared(repository.load(old).manifest, repository.load(new).manifest)
    output.table(
        "",
        ("metric", old, new, "change"),
        [
            (name, f"{was:.4f}", f"{now:.4f}", f"{now - was:+.4f}")
            for name, (was, now) in found.metrics.items()
            if not name.endswith((".low", ".high"))
        ],
    )
    output.table("", ("what differs", old, new), [(name, *values) for name, values in found.differences.items()])
    if not found.same_data:
        output.say("judged on plays of different windows: a change may be the plays', not the model's")
    output.result(
        {
            "old": old,
            "new": new,
            "same_data": found.same_data,
            "metrics": {
                name: {"old": was, "new": now, "change": now - was} for name, (was, now) in found.metrics.items()
            },
            "differences": {name: {"old": was, "new": now} for name, (was, now) in found.differences.items()},
        }
    )


@app.command()
def promote(version: Version, home: options.Home = None, json: options.Json = False) -> None:
    """Make a version the one that serves; its files are verified first. Its clusters count from then on."""
    from training import wiring

    _tell_promotion(Output(as_json=json), wiring.promoter(options.settings(home)).promote(version))


@app.command()
def rollback(home: options.Home = None, json: options.Json = False) -> None:
    """Go back to the version that served before the current one."""
    from training import wiring

    _tell_promotion(Output(as_json=json), wiring.promoter(options.settings(home)).roll_back())


@app.command()
def drift(
    version: Annotated[
        str | None, typer.Argument(help="Compare with this version (default: the one that serves).")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, help="Compare the last days (default: the plays since the version learned).")
    ] = None,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """How far plays have moved from what a version learned: stability index per feature, popularity and activity."""
    from backend import wiring
    from training.drift_report import drift_now
    from training.judging.drift import LEAST_PLAYS, MOVED, SHIFTED
    from training.wiring import material

    output = Output(as_json=json)
    settings = options.settings(home)
    found = drift_now(wiring.models(settings), lambda: material(settings), version=version, days=days)
    if not found.psi:
        output.say(
            f"{found.plays} plays to compare with {found.version}, {LEAST_PLAYS} are needed: wait, or use --days"
        )
    else:
        output.table(
            f"{found.plays:,} plays, {found.first_play} to {found.last_play}, against the window of {found.version}",
            ("what", "stability index", ""),
            [
                (name, f"{value:.3f}", "shifted" if value >= SHIFTED else "moved" if value >= MOVED else "")
                for name, value in found.psi.items()
            ],
        )
        output.say(f"{found.new_track_share:.1%} of these plays are of tracks that {found.version} does not know")
    output.result(found)


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
    from training.publishing import publish
    from training.publishing.lock import pointer_lock, training_lock
    from training.wiring import lock_folder

    output, settings = Output(as_json=json), options.settings(home)
    folder = lock_folder(settings)
    with training_lock(folder), pointer_lock(folder):
        removed = publish.prune(
            keep or settings.keep_models, index=wiring.vector_index(settings), models=wiring.models(settings)
        )
    output.say(f"removed {', '.join(removed) or 'nothing'}")
    output.result({"removed": removed})


def _tell_promotion(output: Output, promotion: "Promotion") -> None:
    output.say(f"{promotion.current} is current: the server answers with it within seconds")
    if promotion.previous:
        output.say(f"`segue models rollback` goes back to {promotion.previous}")
    if promotion.warning:
        output.warn(promotion.warning)
    output.result(promotion)


def _shown(summary: "ModelSummary") -> list[str]:
    return [f"{summary.metrics[name]:.4f}" if name in summary.metrics else "" for name in SHOWN]


def _models(home: "options.Home") -> "ModelRepository":
    from backend import wiring

    return wiring.models(options.settings(home))
