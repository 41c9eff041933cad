"""Addresses of object stores, and the play archive in one: trained from, counted, compacted."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from backend import buckets, wiring
from backend.adapters.models.bucket import BucketModelRepository
from backend.domain.errors import InvalidInput, NotFound, Unavailable
from backend.settings import Settings
from streaming import compact, states
from tests.s3_server import BUCKET, s3_server
from training.data.archive import count_rows, read_archive

DAY = date(2026, 11, 19)
NOON = datetime(2026, 11, 19, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An S3-protocol server: the variables that lead to it."""
    with s3_server(tmp_path_factory.mktemp("s3") / "log") as variables:
        yield variables


@pytest.fixture
def archive(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an archive in that server's bucket: a day of six files, one play told in two of them."""
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    url = f"s3://{BUCKET}/{uuid4().hex}/segue"
    for nth in range(6):
        put(url, f"part-a-{nth:02}", [f"e{nth}-{place}" for place in range(5)])
    put(url, "part-b-00", ["e0-0", "new"])
    put(url, "_unfinished", ["never"])
    return url


def put(url: str, name: str, event_ids: list[str]) -> None:
    """A file of the archive as Flink leaves it; listeners and tracks are the event's number modulo 3 and 5."""
    rows: list[dict[str, Any]] = [
        {
            "event_id": event_id,
            "listener_id": f"l{len(event_id) % 3}",
            "track_id": f"t{place}",
            "played_at": NOON + timedelta(seconds=place),
            "milliseconds_played": 200_000,
            "track_milliseconds": 210_000,
            "allow_training": True,
        }
        for place, event_id in enumerate(event_ids)
    ]
    files, root = fs.FileSystem.from_uri(url)
    with files.open_output_stream(f"{root}/day={DAY}/{name}") as file:
        pq.write_table(pa.Table.from_pylist(rows), file)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://music/models", ("music", "models")),
        ("s3://music/a%20b/c/", ("music", "a b/c")),
        ("s3://music", ("music", "")),
    ],
)
def test_an_address_is_a_bucket_and_a_folder(url: str, place: tuple[str, str]) -> None:
    """Without slashes around it."""
    assert place == buckets.bucket_and_folder(url, setting="models_url")


@pytest.mark.parametrize(
    "url", ["s3://ann:s3cret@music/models", "s3://ann@music", "s3://music/m?secret_key=s3cret", "s3://music/m#s3cret"]
)
@pytest.mark.parametrize("setting", ["models_url", "archive_url"])
def test_secrets_in_an_address_are_refused_and_not_repeated(url: str, setting: str) -> None:
    """The error names the setting and where secrets go."""
    with pytest.raises(InvalidInput, match=f"^{setting}: must be s3://bucket/folder .* AWS_SECRET_ACCESS_KEY") as told:
        _ = wiring.models(Settings(models_url=url)) if setting == "models_url" else read_archive(url)
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("url", ["s3:///models", "gs://music/models"])
def test_other_addresses_of_models_are_refused(url: str) -> None:
    """With the forms that are taken."""
    with pytest.raises(InvalidInput, match=r"models_url: .*s3://bucket/folder"):
        wiring.models(Settings(models_url=url))


def test_models_of_a_tenant_lie_in_a_folder_of_its_own(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a local folder."""
    monkeypatch.setenv("AWS_REGION", s3["AWS_REGION"])
    for url, root in ((f"s3://{BUCKET}/models/", "models/other/"), (f"s3://{BUCKET}", "other/")):
        models = wiring.models(Settings(models_url=url, tenant="other"))
        assert isinstance(models, BucketModelRepository)
        assert root == models.root


def test_training_reads_an_archive_in_a_bucket(archive: str) -> None:
    """Every finished file, each play once; the snapshot names the files below the archive."""
    found = read_archive(archive)
    assert (31, 1) == (len(found.plays.listeners), found.excluded["duplicate"])
    assert f"day={DAY}/part-a-00" == found.snapshot.files[0].name
    assert 7 == len(found.snapshot.files)
    assert 32 == count_rows(archive)


def test_compaction_in_a_bucket_keeps_each_play_once(archive: str) -> None:
    """Seven files become one; what Flink still writes stays; a second run finds nothing to do."""
    (done,) = compact.compact(archive, until=DAY)
    assert (7, 1, 31, 1) == (done.files_before, done.files_after, done.rows, done.duplicates)
    assert (31, 0) == (count_rows(archive), read_archive(archive).excluded["duplicate"])
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=archive.removeprefix(f"s3://{BUCKET}/"))
    names = [one["Key"].rpartition("/")[2] for one in listed["Contents"]]
    assert "_unfinished" in names
    assert 1 == sum(name.startswith("part-") for name in names)
    assert [] == list(compact.compact(archive, until=DAY))


def test_an_empty_place_in_a_bucket_is_no_archive(archive: str) -> None:
    """As in an empty folder."""
    for read in (read_archive, count_rows):
        with pytest.raises(NotFound, match="no finished play archive"):
            read(f"{archive}/elsewhere")
    assert [] == list(compact.compact(f"{archive}/elsewhere", until=DAY))
    assert [] == states.states(f"{archive}/elsewhere")


def test_the_newest_state_in_a_bucket_is_found(archive: str) -> None:
    """A checkpoint is complete with its _metadata, and can be passed over."""
    client, folder = boto3.client("s3"), archive.removeprefix(f"s3://{BUCKET}/")
    client.put_object(Bucket=BUCKET, Key=f"{folder}/checkpoints/job/chk-1/_metadata", Body=b"x")
    client.put_object(Bucket=BUCKET, Key=f"{folder}/checkpoints/job/chk-2/state", Body=b"x")
    state = states.newest(f"{archive}/checkpoints")
    assert state is not None
    assert f"{archive}/checkpoints/job/chk-1" == state.url
    states.pass_over(state, "of another shape")
    assert states.newest(f"{archive}/checkpoints") is None


def test_an_archive_out_of_reach_is_unavailable(archive: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its address and what to check; no secret in it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(
        Unavailable, match=f"^{archive} cannot be reached .*check the network, AWS_ENDPOINT_URL"
    ) as told:
        count_rows(archive)
    assert "s3cret" not in str(told.value)
