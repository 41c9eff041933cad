"""Where compiled plans are kept, and the SQL that makes and executes them. Real submissions: tests/e2e."""

import os
import re
from pathlib import Path

from backend.settings import Settings
from streaming import plans, render, wiring
from streaming.live_jobs import ARCHIVE, TABLES, TOPIC_FEEDS
from streaming.spec import JobSpec
from tests.said import said

OPTIONS = {"pipeline.name": "live"}


def spec(**given: object) -> JobSpec:
    """What the default settings, but for these, tell a job."""
    return wiring.job_spec(Settings(**given))


def test_a_plan_is_named_after_what_it_depends_on(tmp_path: Path) -> None:
    """Another address or folder is the same plan; another threshold, parallelism or time to live is not."""
    here = plans.file(tmp_path, spec())
    assert tmp_path == here.parent
    moved = {"kafka_servers": "127.0.0.1:1", "archive_url": "file:///elsewhere", "checkpoints_url": "file:///there"}
    assert here == plans.file(tmp_path, spec(**moved))
    assert here != plans.file(tmp_path, spec().of(ARCHIVE))
    for other in ({"anomaly_z": 7.5}, {"parallelism": 3}, {"state_days": 36}, {"tenant": "other"}):
        assert here != plans.file(tmp_path, spec(**other)), other


def test_executing_defines_tables_where_they_stand_and_no_view() -> None:
    """Views are what planning is; the tables' addresses are not in the plan."""
    sql = said(plans.to_execute(spec(kafka_servers="127.0.0.1:7"), OPTIONS, Path("/cache/it's.json")))
    assert "EXECUTE PLAN '/cache/it''s.json';" in sql
    assert "127.0.0.1:7" in sql
    assert "VIEW" not in sql
    assert "INSERT" not in sql
    defined = re.findall(r"^CREATE TABLE `?(\w+)", sql, re.MULTILINE)
    assert {*render.SOURCES, *TABLES.tables} == set(defined)
    sql = said(plans.to_execute(spec().of(ARCHIVE), OPTIONS, Path("/cache/plan.json")))
    assert ["plays", "play_archive"] == re.findall(r"^CREATE TABLE `?(\w+)", sql, re.MULTILINE)
    sql = said(plans.to_execute(spec().of(TOPIC_FEEDS), OPTIONS, Path("/cache/plan.json")))
    assert {*render.FEED_SOURCES, "topic_feeds"} == set(re.findall(r"^CREATE TABLE `?(\w+)", sql, re.MULTILINE))


def test_compiling_leaves_the_plan_and_submits_the_same_statements() -> None:
    """Only the beginning of the statement set differs from a job without a plan."""
    sql = said(plans.to_compile(spec(), {}, Path("/cache/new.tmp")))
    bare = said(render.script({}, *render.job_statements(spec(), TABLES.tables)))
    same = sql.replace("COMPILE AND EXECUTE PLAN '/cache/new.tmp' FOR STATEMENT SET", "EXECUTE STATEMENT SET")
    assert same.endswith(bare)


def test_only_the_newest_plans_are_kept(tmp_path: Path) -> None:
    """Old ones go: settings are tried and left again."""
    plan = tmp_path / "plans" / "new.json"
    written = plans.unfinished(plan)
    for nth in range(22):
        old = plan.with_name(f"{nth}.json")
        old.write_text("{}")
        os.utime(old, (nth, nth))
    written.write_text("{}")
    plans.keep(written, plan)
    left = {one.name for one in plan.parent.iterdir()}
    assert {"new.json", *(f"{nth}.json" for nth in range(3, 22))} == left
