"""HTTP as Segue asks others over it: Flink, MLflow, the repository of jars, the parts of its own stack.

Callers catch FAILURES and say in their own words who did not answer.
"""

import logging
import ssl
from functools import cache

import httpx

FAILURES = (httpx.HTTPError, httpx.InvalidURL)
"""What a client raises: nobody there, too late, broken off, an answer that is no HTTP, an address that is none."""

# Its line for each request, at INFO, would be most of a keeper's log.
logging.getLogger("httpx").setLevel(logging.WARNING)


def client(*, timeout_seconds: float, redirects: bool = False, local: bool = False) -> httpx.Client:
    """A client that waits so long for each step; close it.

    It goes where it is told and nowhere else: redirects only where asked. `local` is for loopback, which no proxy named
    in the environment is asked about. Certificates are those this machine trusts.
    """
    return httpx.Client(
        timeout=timeout_seconds, follow_redirects=redirects, trust_env=not local, verify=_certificates()
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes longer than most answers."""
    return ssl.create_default_context()


def told(answer: httpx.Response) -> str:
    """A refusal in one line: its status, and the beginning of what it says."""
    return f"{answer.status_code} {answer.reason_phrase}: {answer.text[:200].strip()}".rstrip(": ")
