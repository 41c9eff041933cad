"""Published versions that learned from erased listeners go, once one serves that did not.

A version is clean of an erasure when its training began after the archive was rid of the listener: what ranks in a
version (links of tracks, factors, weights) is learned from everybody's plays, so no row of it could be cut out instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.domain.erasures import ErasedPart, Erasure, PartReceipt
from backend.ports.erasures import ErasureStore
from training.publishing.lock import pointer_lock
from training.publishing.promote import Promoter

_WAITS_FOR_ARCHIVE = "waits until the play archive is rid of the listener; then for a training"
_WAITS_FOR_TRAINING = "waits for a training that serves: `segue train`, or `segue listener erasures --run`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsErased:
    """How many versions went, erasures whose models are done, and those that wait for a training."""

    removed: int
    done: int
    waiting: int


def open_for_models(store: ErasureStore) -> Sequence[Erasure]:
    """Erasures whose listeners some version may still have learned from. Raises Unavailable."""
    return [one for one in store.open_erasures() if not one.is_done(ErasedPart.MODELS)]


def erase(store: ErasureStore, promoter: Promoter, *, now: datetime) -> ModelsErased:
    """Remove versions that learned from erased listeners, and write the receipts. Safe to repeat.

    The version that serves stays until another does. Raises Unavailable.
    """
    models, removed, done, waiting = promoter.models, 0, 0, 0
    for erasure in open_for_models(store):
        archive = erasure.parts.get(ErasedPart.ARCHIVE, PartReceipt())
        if archive.done_at is None:
            _wait(store, erasure, _WAITS_FOR_ARCHIVE)
            continue
        with pointer_lock(promoter.locks):
            removed_now, is_clean = _remove_older(promoter, archive.done_at)
        removed += removed_now
        if not is_clean:
            waiting += 1
            _wait(store, erasure, _WAITS_FOR_TRAINING)
            continue
        done += 1
        told = f"the version that serves began to learn after the archive was rid of the listener: {models.current()}"
        if models.current() is None:
            told = "no version is published"
        rows = removed_now + erasure.parts.get(ErasedPart.MODELS, PartReceipt()).rows
        receipt = PartReceipt(rows=rows, done_at=now, told=f"versions removed: {rows}; {told}")
        store.put_part(erasure.erasure_id, ErasedPart.MODELS, receipt)
    return ModelsErased(removed=removed, done=done, waiting=waiting)


def _remove_older(promoter: Promoter, moment: datetime) -> tuple[int, bool]:
    """Remove versions made by then but the current one; how many went, and whether the current one is younger."""
    removed, is_clean = 0, True
    for summary in promoter.models.summaries():
        if datetime.fromisoformat(summary.created_at) > moment:
            continue
        if summary.is_current:
            is_clean = False
        else:
            promoter.models.delete(summary.version)
            for namespace in promoter.index.namespaces():
                if namespace.partition(".")[0] == summary.version:
                    promoter.index.delete(namespace)
            removed += 1
    return removed, is_clean


def _wait(store: ErasureStore, erasure: Erasure, told: str) -> None:
    before = erasure.parts.get(ErasedPart.MODELS, PartReceipt())
    receipt = PartReceipt(rows=before.rows, until=erasure.due_at, told=told)
    if receipt != before:
        store.put_part(erasure.erasure_id, ErasedPart.MODELS, receipt)
