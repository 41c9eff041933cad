"""Which state a job goes on from, and with which settings: folders as Flink leaves them, and upgrades cut short."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from backend.domain.errors import Unavailable
from backend.settings import Settings
from streaming import cluster, lineage, render, states, submit, wiring
from streaming.live_jobs import ARCHIVE, TABLES
from streaming.spec import JobSpec


def _state(folder: Path, written_at: int) -> None:
    folder.mkdir(parents=True)
    (folder / "_metadata").touch()
    os.utime(folder / "_metadata", (written_at, written_at))


def test_newest_state_is_the_latest_complete_one(tmp_path: Path) -> None:
    """A folder without `_metadata` was never finished; among finished ones the latest counts."""
    assert states.newest(tmp_path.as_uri()) is None
    for nth, name in enumerate(("a/chk-1", "a/chk-2", "b/chk-1")):
        _state(tmp_path / name, nth)
    (tmp_path / "b/chk-2").mkdir()
    newest = states.newest(tmp_path.as_uri())
    assert newest is not None
    assert f"{tmp_path.as_uri()}/b/chk-1" == newest.url


def test_a_folder_that_is_not_there_has_no_state(tmp_path: Path) -> None:
    """The first start finds no folder at all."""
    assert states.newest((tmp_path / "none").as_uri()) is None


def test_a_state_passed_over_is_not_gone_on_from(tmp_path: Path) -> None:
    """What Flink refused once is left alone, with the reason beside it; the one before counts again."""
    _state(tmp_path / "a/chk-1", 1)
    _state(tmp_path / "savepoint-1", 2)
    refused = states.newest(tmp_path.as_uri())
    assert refused is not None
    assert refused.is_savepoint
    states.pass_over(refused, "does not fit")
    assert [f"{tmp_path.as_uri()}/a/chk-1"] == [state.url for state in states.states(tmp_path.as_uri())]
    assert "does not fit\n" == (tmp_path / "savepoint-1" / "_passed_over").read_text()


@pytest.fixture
def old(tmp_path: Path) -> JobSpec:
    """What the keeper was started with."""
    return wiring.job_spec(Settings(home=tmp_path, anomaly_z=6))


@pytest.fixture
def new(old: JobSpec) -> JobSpec:
    """What an operator upgrades to."""
    return replace(old, anomaly_z=7)


def _lies(spec: JobSpec, name: str, written_at: int) -> None:
    _state(Path(submit.checkpoints(spec).removeprefix("file://")) / name, written_at)


def test_a_keeper_follows_an_upgrade(tmp_path: Path, old: JobSpec, new: JobSpec) -> None:
    """After an upgrade a keeper that still has the old settings submits the new job."""
    assert old == lineage.wanted(tmp_path, old)
    lineage.record(tmp_path, new, before=render.digest(old))
    _lies(old, "1/chk-1", 1)
    _lies(new, "savepoint-1", 2)
    assert 7 == lineage.wanted(tmp_path, old).anomaly_z


def test_an_upgrade_killed_before_the_stop_leaves_the_old_job(tmp_path: Path, old: JobSpec, new: JobSpec) -> None:
    """Written down but not stopped: the newest state is the old job's, also when the new one has an older one."""
    lineage.record(tmp_path, new, before=render.digest(old))
    _lies(new, "1/chk-1", 1)
    _lies(old, "2/chk-7", 2)
    assert 6 == lineage.wanted(tmp_path, old).anomaly_z


def test_without_any_state_the_upgrade_counts(tmp_path: Path, old: JobSpec, new: JobSpec) -> None:
    """Nothing to go on from: what was asked for last is computed from the start of the log."""
    lineage.record(tmp_path, new, before=render.digest(old))
    assert 7 == lineage.wanted(tmp_path, old).anomaly_z


def test_a_chain_of_upgrades_keeps_the_settings_between(tmp_path: Path, old: JobSpec, new: JobSpec) -> None:
    """Killed in the second upgrade: the job goes on with the settings of the first, not with those of the keeper."""
    third = replace(old, anomaly_z=8)
    lineage.record(tmp_path, new, before=render.digest(old))
    lineage.record(tmp_path, third, before=render.digest(new))
    _lies(old, "1/chk-1", 1)
    _lies(new, "2/chk-1", 2)
    assert 7 == lineage.wanted(tmp_path, old).anomaly_z


def test_upgrading_back_ends_where_it_began(tmp_path: Path, old: JobSpec, new: JobSpec) -> None:
    """There and back again: the old settings count, whatever lies in the folder of the new ones."""
    lineage.record(tmp_path, new, before=render.digest(old))
    lineage.record(tmp_path, old, before=render.digest(new))
    _lies(new, "1/chk-1", 1)
    _lies(old, "savepoint-2", 2)
    assert 6 == lineage.wanted(tmp_path, old).anomaly_z


def test_settings_that_no_upgrade_knows_count_for_themselves(tmp_path: Path, old: JobSpec, new: JobSpec) -> None:
    """A stack started anew with a third threshold is not held to an upgrade between two others."""
    lineage.record(tmp_path, new, before=render.digest(old))
    third = replace(old, anomaly_z=8)
    assert third == lineage.wanted(tmp_path, third)


def test_each_job_has_a_lineage_of_its_own(tmp_path: Path, old: JobSpec, new: JobSpec) -> None:
    """Other settings for the tables leave the archive's job where it was, also where both were moved."""
    lineage.record(tmp_path, new, before=render.digest(old))
    lineage.record(tmp_path, new.of(ARCHIVE), before=render.digest(old.of(ARCHIVE)))
    assert 7 == lineage.wanted(tmp_path, old).anomaly_z
    assert [render.digest(old.of(ARCHIVE))] == [step.digest for step in lineage.steps(tmp_path, ARCHIVE)]
    assert {"segue.archive", "segue.live_tables"} == {
        submit.checkpoints(spec).split("/")[-2] for spec in (old, old.of(ARCHIVE))
    }


def test_only_one_submits_a_job_at_a_time(tmp_path: Path) -> None:
    """The keeper stands back while a command holds the lock, and the message says what to do; the other job is free."""
    with (
        lineage.submitting(tmp_path, TABLES),
        lineage.submitting(tmp_path, ARCHIVE),
        pytest.raises(Unavailable, match="submitting live_tables: try again"),
        lineage.submitting(tmp_path, TABLES),
    ):
        pass


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("file:/tmp/x", "file:///tmp/x"),
        ("file:///tmp/x", "file:///tmp/x"),
        ("s3://bucket/x", "s3://bucket/x"),
    ],
)
def test_savepoint_locations_are_urls(location: str, url: str) -> None:
    """Flink writes file:/folder; everybody else needs three slashes."""
    assert url == cluster.as_url(location)


def test_root_cause_is_the_last_one() -> None:
    """A Java trace is told by its innermost cause."""
    assert "b.B: inner" == cluster.root_cause("a.A: outer\n\tat x\nCaused by: b.B: inner\n\tat y\n")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (
            "java.lang.IllegalStateException: Cannot map checkpoint/savepoint state for operator 4d3e to the program",
            True,
        ),
        (
            "For heap backends, the new state serializer (X@b2) must not be incompatible with the old state serializer",
            True,
        ),
        ("java.util.concurrent.TimeoutException: Timeout expired while fetching topic metadata", False),
        ("", False),
    ],
)
def test_refusals_are_told_from_other_failures(text: str, refused: bool) -> None:
    """The first two are Flink 2.3's own, for other operators and other types; a broker that is down is neither."""
    assert refused is submit.is_refusal(text)
