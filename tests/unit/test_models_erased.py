"""Versions that learned from an erased listener go, once one serves that did not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend import wiring
from backend.domain.erasures import ErasedPart, Erasure, PartReceipt, Subject
from backend.settings import Settings
from tests.memory import MemoryEventLog, MemoryStore
from tests.unit.test_publish import facts, ranking, vectors
from training.publishing import erasing, publish
from training.publishing.promote import Promoter

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def promoter(tmp_path: Path) -> Promoter:
    """Over folders of the test's own."""
    settings = Settings(home=tmp_path)
    return Promoter(
        models=wiring.models(settings),
        index=wiring.vector_index(settings),
        event_log=MemoryEventLog,
        locks=tmp_path / "locks",
        drafts=tmp_path,
        keep=5,
    )


@pytest.fixture
def published(promoter: Promoter, tmp_path: Path) -> Callable[[datetime], str]:
    """Publishes a version made at that moment and points to it."""

    def made(at: datetime) -> str:
        folder = tmp_path / f"draft-{at:%H%M}"
        folder.mkdir()
        held = vectors()
        version = publish.write_version(folder, held, ranking(held), facts(created_at=at))
        publish.publish(folder, version, held, index=promoter.index, models=promoter.models)
        promoter.models.point(version)
        return version

    return made


def store_with(archive: PartReceipt) -> MemoryStore:
    """An erasure is open in it; the archive has come so far."""
    store = MemoryStore()
    subject = Subject(pseudonym="p" * 26, look_up_key="k")
    parts = {ErasedPart.ARCHIVE: archive}
    store.put_erasure(
        Erasure(erasure_id="e", asked_at=NOW - 2 * HOUR, due_at=NOW + 22 * HOUR, parts=parts, subject=subject)
    )
    return store


def receipt(store: MemoryStore) -> PartReceipt:
    """Of the models."""
    (erasure,) = store.open_erasures()
    return erasure.parts[ErasedPart.MODELS]


def names(promoter: Promoter) -> list[str]:
    """Versions, newest first."""
    return [summary.version for summary in promoter.models.summaries()]


def test_no_version_goes_while_the_archive_still_holds_the_listener(
    promoter: Promoter, published: Callable[[datetime], str]
) -> None:
    """A training of now would learn from them again."""
    store, kept = store_with(PartReceipt(until=NOW)), [published(NOW - HOUR), published(NOW)]
    assert erasing.ModelsErased(removed=0, done=0, waiting=0) == erasing.erase(store, promoter, now=NOW)
    assert kept[::-1] == names(promoter)
    assert "archive" in receipt(store).told


def test_a_version_that_serves_stays_until_another_does(
    promoter: Promoter, published: Callable[[datetime], str]
) -> None:
    """The others that learned from the listener go at once, the one a rollback would go to included."""
    published(NOW - 2 * HOUR)
    serves, store = published(NOW - HOUR), store_with(PartReceipt(done_at=NOW))
    for _ in range(2):
        erasing.erase(store, promoter, now=NOW)
        assert ([serves], 1) == (names(promoter), len({one.partition(".")[0] for one in promoter.index.namespaces()}))
        assert receipt(store).done_at is None
        assert "segue train" in receipt(store).told
    after = published(NOW + HOUR)
    erased = erasing.erase(store, promoter, now=NOW + HOUR)
    assert ([after], 1, 0) == (names(promoter), erased.done, erased.waiting)
    assert NOW + HOUR == receipt(store).done_at
    assert after in receipt(store).told
    assert not erasing.open_for_models(store)


def test_where_nothing_is_published_nothing_waits(promoter: Promoter) -> None:
    """Nobody has learned anything."""
    store = store_with(PartReceipt(done_at=NOW))
    assert 1 == erasing.erase(store, promoter, now=NOW).done
    assert "no version is published" in receipt(store).told
