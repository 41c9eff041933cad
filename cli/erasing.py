"""What is left of erasures, done now: all that keeper, training and analysts would do one after another."""

import time
from datetime import UTC, datetime
from pathlib import Path

from backend import extracts
from backend.domain.erasures import ErasedPart, Erasure
from backend.domain.errors import InvalidInput, NotFound
from backend.ports.store import Store
from backend.settings import Settings
from cli.output import Output


def run(settings: Settings, output: Output) -> None:
    """One pass over log, archive and tables; a training where a version that serves learned from them; extracts again.

    What cannot be done yet (a day that is not settled) is left, and its receipt says until when. Raises Unavailable.
    """
    from streaming import erasing, wiring

    with wiring.ground(settings) as ground:
        if not ground.store.open_erasures():
            output.say("nobody waits to be erased")
            return
        _settle(ground.store, output)
        with output.step("log, archive and tables", "log, archive and tables are as their receipts say"):
            erasing.run(ground)
        _train(settings, output)
        _make_extracts_again(settings, ground.store, output)
        erasing.run(ground)  # which closes those of which nothing is left


def _settle(store: Store, output: Output) -> None:
    """Wait until calls that were under way when somebody asked have ended."""
    from streaming.erasing import SETTLE_SECONDS

    newest = max(one.asked_at for one in store.open_erasures())
    wait = SETTLE_SECONDS - (datetime.now(UTC) - newest).total_seconds()
    if wait > 0:
        output.say(f"… waiting {wait:.0f} s, for calls that were under way")
        time.sleep(wait)


def _train(settings: Settings, output: Output) -> None:
    from training import wiring
    from training.publishing import erasing
    from training.train import train

    promoter = wiring.promoter(settings)
    with wiring.erasures(settings) as store:
        waiting = erasing.erase(store, promoter, now=datetime.now(UTC)).waiting
    if waiting:
        output.say("… training anew: the version that serves learned from somebody who is being erased")
        try:
            report = train(settings, now=datetime.now(UTC), seed=0, report=output.say)
        except (InvalidInput, NotFound) as error:
            output.say(f"no training: {error}")
            return
        if not report.promoted:
            output.say(f"version {report.version} does not serve: {report.reason}; see `segue models promote --help`")


def _make_extracts_again(settings: Settings, store: Store, output: Output) -> None:
    """Those that this home made before the tables were rid of somebody."""
    from analytics.hyper import Format
    from cli import extracting, reach

    rid_at = [_rid_at(one) for one in store.open_erasures()]
    newest = max((one for one in rid_at if one is not None), default=None)
    if newest is None:
        return
    old = extracts.age_out(settings.home, days=0, now=datetime.now(UTC), before=newest).left
    for one in old:
        path = Path(one.path)
        form = Format.PARQUET if path.is_dir() else Format.HYPER
        with reach.channel(settings) as channel, output.step(f"writing {path} again", f"wrote {path} again"):
            extracting.write(channel, path, home=settings.home, form=form, now=datetime.now(UTC))


def _rid_at(erasure: Erasure) -> datetime | None:
    return erasure.parts[ErasedPart.TABLES].done_at if ErasedPart.TABLES in erasure.parts else None
