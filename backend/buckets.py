"""Addresses of object stores: s3://bucket/folder, and nothing secret in them.

Endpoint, region and credentials come from where every client of S3 looks for them: AWS_ENDPOINT_URL, AWS_REGION,
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the like in the environment, ~/.aws, or the machine's role.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

from backend.domain.errors import InvalidInput, Unavailable, Violation

SCHEME = "s3"


def bucket_and_folder(url: str, *, setting: str) -> tuple[str, str]:
    """The bucket's name and the folder in it, "" for its root. Raises InvalidInput, which never repeats the address."""
    parts = urlsplit(url)
    if parts.scheme != SCHEME or "@" in parts.netloc or ":" in parts.netloc or parts.query or parts.fragment:
        wrong = (
            "must be s3://bucket/folder without a name, a password or options: "
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL in the environment say those"
        )
        raise InvalidInput([Violation(setting, wrong)])
    if not parts.netloc:
        raise InvalidInput([Violation(setting, "names no bucket; it must be s3://bucket/folder")])
    return parts.netloc, unquote(parts.path).strip("/")


def unreachable(url: str, cause: object) -> str:
    """The sentence for a store that does not answer, or not us."""
    return (
        f"{url} cannot be reached ({cause}): check the network, AWS_ENDPOINT_URL, AWS_REGION, "
        "and that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY may use the bucket"
    )


def files_at(url: str, *, setting: str) -> tuple[Any, str]:
    """The file system of pyarrow for file:///folder or s3://bucket/folder, and the path in it. Raises InvalidInput."""
    from pyarrow import fs  # noqa: PLC0415 - the server, which reads addresses too, has no pyarrow

    if urlsplit(url).scheme == SCHEME:
        bucket_and_folder(url, setting=setting)
    filesystem, path = fs.FileSystem.from_uri(url)
    return filesystem, path


@contextmanager
def reached(url: str) -> Iterator[None]:
    """Around what is done there by pyarrow: a store that does not answer raises Unavailable. Not for local files."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if urlsplit(url).scheme != SCHEME:
            raise
        raise Unavailable(unreachable(url, error)) from error
