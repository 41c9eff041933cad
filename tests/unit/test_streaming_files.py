"""The SQL files as data: schemas, rendering, statement splitting, the data dictionary."""

import re
from pathlib import Path

import pytest

from backend.domain.errors import InvalidInput
from backend.domain.plays import SKIP_SQL
from backend.settings import Settings
from streaming import dictionary, render, schema, wiring
from streaming.live_jobs import ARCHIVE, TABLES, LiveJob, chosen
from streaming.spec import JobSpec
from tests.said import said

ROOT = Path(__file__).parents[2]


def spec(**given: object) -> JobSpec:
    """What the default settings, but for these, tell a job."""
    return wiring.job_spec(Settings(**given))


def test_data_dictionary_is_fresh() -> None:
    """docs/data-dictionary.md is what the DDL says."""
    assert dictionary.dictionary() == (ROOT / "docs" / "data-dictionary.md").read_text()


def test_result_tables_are_those_with_a_primary_key() -> None:
    """The sink carries keyed tables; plays and the archive are append-only."""
    assert sorted(set(render.LIVE_TABLES) - {"play_archive"}) == schema.result_tables()


def test_every_file_is_part_of_the_job() -> None:
    """A SQL file that nobody renders would only look as if it counted something."""
    sources = {*render.SOURCES, *render.FEED_SOURCES, *render.RIGHTS}
    named = {"sources": sources, "tables": {*render.EVERY_TABLE}, "jobs": {*render.EVERY_TABLE}}
    for folder, names in named.items():
        assert names == {file.stem for file in (ROOT / "streaming" / folder).glob("*.sql")}


def test_batch_takes_its_own_view_where_there_is_one() -> None:
    """Only batch plans lack session windows."""
    for batch in (False, True):
        definitions, _ = render.job_statements(spec(), batch=batch)
        (sessions,) = [one for one in definitions if "VIEW listener_sessions" in one]
        assert ("LAG(" in sessions) is batch


@pytest.mark.parametrize("batch", [False, True])
def test_a_skip_is_what_the_domain_says(batch: bool) -> None:
    """In one place; what counts skips reads it there."""
    definitions, inserts = render.job_statements(spec(), batch=batch)
    (marked,) = [one for one in (*definitions, *inserts) if " AS is_skip" in one]
    assert f"{SKIP_SQL} AS is_skip" in marked


def test_metadata_columns_are_columns_in_a_file() -> None:
    """Files have no partitions and offsets of their own."""
    ddl = "CREATE TABLE t (\n  o BIGINT METADATA FROM 'offset' VIRTUAL\n) WITH (\n 'connector' = 'kafka'\n)"
    assert "METADATA" not in render.with_connector(ddl, {"connector": "filesystem"})
    assert "METADATA" in render.with_connector(ddl, {"connector": "kafka"})


def test_sql_file_leaves_no_placeholder_and_one_statement_set() -> None:
    """Every `${name}` is filled in, and all inserts share one statement set."""
    options = render.job_settings(spec(), checkpoints="file:///checkpoints", recover_from="file:///checkpoints/7")
    sql = said(render.script(options, *render.job_statements(spec())))
    assert "${" not in sql
    assert 1 == sql.count("EXECUTE STATEMENT SET BEGIN")
    assert len(render.LIVE_TABLES) == len(re.findall(r"^INSERT INTO", sql, re.MULTILINE))
    assert "SET 'execution.state-recovery.path' = 'file:///checkpoints/7';" in sql


def test_settings_cannot_break_out_of_their_quotes() -> None:
    """A quote in a setting is doubled, as SQL wants it; a semicolon or two dashes in one cut nothing off."""
    plain = spec(home=Path("/plain"))
    odd = spec(home=Path("/o;d--d"), kafka_servers="k:1;--'x", archive_url="file:///a;b--c'd")
    for batch in (False, True):
        expected, found = (render.job_statements(one, batch=batch) for one in (plain, odd))
        assert [len(part) for part in expected] == [len(part) for part in found]
        (archive,) = [one for one in found[0] if one.startswith("CREATE TABLE play_archive")]
        (trends,) = [one for one in found[0] if one.startswith("CREATE TABLE trends")]
        assert "'path' = 'file:///a;b--c''d'" in archive
        assert "'properties.bootstrap.servers' = 'k:1;--''x'" in trends
        assert trends.endswith(")")


def test_options_cannot_break_out_of_their_quotes() -> None:
    """Nor can a folder for states, or the option of a connector."""
    options = render.job_settings(spec(), checkpoints="file:///it's", recover_from="file:///it's/7")
    sql = said(render.script(options, [], []))
    assert "SET 'execution.checkpointing.dir' = 'file:///it''s';" in sql
    assert "SET 'execution.state-recovery.path' = 'file:///it''s/7';" in sql
    ddl = render.with_connector("CREATE TABLE t (a INT) WITH (\n 'connector' = 'kafka'\n)", {"path": "it's"})
    assert "'path' = 'it''s'" in ddl


def test_statements_lose_comments_and_keep_order() -> None:
    """Comments go, statements stay apart and in order."""
    assert ["SELECT 1", "SELECT 2"] == render.statements("-- a; b\nSELECT 1; -- c\nSELECT 2;\n")


def test_connector_is_replaced_whole() -> None:
    """The WITH clause is exchanged, the columns stay."""
    ddl = render.with_connector("CREATE TABLE t (a INT) WITH (\n 'connector' = 'kafka'\n)", {"connector": "print"})
    assert "CREATE TABLE t (a INT) WITH (\n  'connector' = 'print'\n)" == ddl


def test_ddl_without_connector_is_refused() -> None:
    """A statement without WITH clause is named in the error."""
    with pytest.raises(ValueError, match="CREATE TABLE t"):
        render.with_connector("CREATE TABLE t (a INT)", {"connector": "print"})


def test_digest_tells_what_is_computed_not_where() -> None:
    """Another port or folder leaves the digest as it is; another threshold does not."""
    here = render.digest(spec())
    assert here == render.digest(spec(kafka_servers="127.0.0.1:1", archive_url="file:///elsewhere"))
    assert here != render.digest(spec(anomaly_z=7))
    assert here != render.digest(spec(flink_state="rocksdb"))


@pytest.mark.parametrize(("job", "digest"), [(ARCHIVE, "b1cf7872cda8"), (TABLES, "e3064071e8a7")])
def test_digests_of_the_default_jobs_are_known(job: LiveJob, digest: str) -> None:
    """States of running jobs lie in folders of this name: a change here means `segue jobs upgrade` for everybody."""
    assert digest == render.digest(spec().of(job))


def test_every_table_is_filled_by_one_job() -> None:
    """Neither by none nor by two."""
    assert sorted(render.LIVE_TABLES) == sorted({*render.LIVE_TABLES})
    assert ("play_archive",) == ARCHIVE.tables


def test_a_job_defines_only_what_it_reads() -> None:
    """So the archive's job goes on undisturbed where a threshold of other tables is changed, or their SQL."""
    here = render.digest(spec().of(ARCHIVE))
    assert here == render.digest(spec(anomaly_z=7, state_days=40, session_minutes=20).of(ARCHIVE))
    assert here != render.digest(spec(lateness_minutes=11).of(ARCHIVE))
    definitions, inserts = render.job_statements(spec(), ARCHIVE.tables)
    named = [found[1] for one in definitions if (found := re.match(r"CREATE (?:TEMPORARY )?\w+ (\w+)", one))]
    assert ["plays", "play_archive", "ordered_records", "sound_plays"] == named
    assert 1 == len(inserts)


def test_half_the_writers_saved_twice_as_often() -> None:
    """The archive has as many files as it had; one writer and a second are the least."""
    shares = {
        (given, every): (one.subtasks, one.interval_seconds)
        for given, every in ((2, 10), (1, 3), (8, 1))
        for one in [spec(parallelism=given, checkpoint_seconds=every).of(ARCHIVE)]
    }
    assert {(2, 10): (1, 5), (1, 3): (1, 2), (8, 1): (4, 1)} == shares
    options = render.job_settings(spec(parallelism=4).of(ARCHIVE), checkpoints="")
    assert ("2", "5 s") == (options["parallelism.default"], options["execution.checkpointing.interval"])
    options = render.job_settings(spec(parallelism=4), checkpoints="")
    assert ("4", "10 s") == (options["parallelism.default"], options["execution.checkpointing.interval"])


def test_a_job_that_is_none_is_refused() -> None:
    """With the names of those that are."""
    assert [TABLES] == [*chosen("live_tables")]
    assert [ARCHIVE, TABLES] == [*chosen(None)]
    with pytest.raises(InvalidInput, match="choose archive or live_tables"):
        chosen("tables")
