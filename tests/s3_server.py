"""A server of the S3 protocol on loopback, for tests: moto's, as a process."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError

from stack.ports import free_port

BUCKET = "segue-test"
START_SECONDS = 60


@contextmanager
def s3_server(log: Path) -> Iterator[dict[str, str]]:
    """The AWS_… variables that lead to it; it holds the empty bucket BUCKET."""
    port = free_port(set(), random.Random())
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "ann",
        "AWS_SECRET_ACCESS_KEY": "s3cret",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as output, subprocess.Popen(argv, stdout=output, stderr=output, env=os.environ) as process:
        try:
            _make_bucket(variables, process)
            yield variables
        finally:
            process.terminate()


def _make_bucket(variables: dict[str, str], process: "subprocess.Popen[bytes]") -> None:
    client = boto3.client(
        "s3",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
    )
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(BotoCoreError):
            client.create_bucket(Bucket=BUCKET)
            return
        time.sleep(0.1)
    raise AssertionError("the S3 server did not start; see its log")
