"""Hands a job to a Flink cluster through Flink's own SQL client."""

import logging
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from backend.domain.errors import Unavailable
from backend.settings import Settings
from streaming import cluster, render

log = logging.getLogger(__name__)
# The client plans one job and ends: optimising its bytecode costs more than it saves (30 s of CPU against 15 measured).
_CLIENT_JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -Xms512m -Xmx1g"
_SUBMITTED = re.compile(r"Job ID: ([0-9a-f]{32})")


def sql_client(settings: Settings, file: Path) -> list[str]:
    """The command that runs a SQL file against the cluster at `flink_url`.

    The client is the one of the apache-flink distribution; FLINK_CONF_DIR and FLINK_LIB_DIR in the environment say
    where its configuration and the connector jars are (the embedded stack sets both).
    """
    from pyflink.find_flink_home import _find_flink_home  # noqa: PLC0415 - pulls the distribution in

    address = urlsplit(settings.flink_url)
    return [
        f"{_find_flink_home()}/bin/sql-client.sh",
        "-Dexecution.target=remote",
        f"-Drest.address={address.hostname}",
        f"-Drest.port={address.port or 8081}",
        "-f",
        str(file),
    ]


def run_sql(settings: Settings, sql: str, *, timeout_seconds: float = 120) -> str:
    """Run statements; the job id of the last one submitted. Raises Unavailable with what the client said."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql", delete=False) as file:
        file.write(sql)
    try:
        done = subprocess.run(
            sql_client(settings, Path(file.name)),
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
            env={"JVM_ARGS": _CLIENT_JVM, **os.environ, "PYTHON": sys.executable},
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"Flink's SQL client gave no answer within {timeout_seconds:.0f} s") from error
    finally:
        Path(file.name).unlink()
    submitted = _SUBMITTED.findall(done.stdout)
    if not submitted:
        raise Unavailable(f"Flink refused the job:\n{_complaint(done.stdout + done.stderr)}")
    return str(submitted[-1])


def _complaint(output: str) -> str:
    """The lines of the client's output that say what went wrong, or its end."""
    lines = output.splitlines()
    telling = [line for line in lines if "ERROR" in line or "Exception" in line or "Caused by" in line]
    return "\n".join((telling or lines)[-8:])


def ensure_running(settings: Settings) -> str | None:
    """Submit the live tables' job where the cluster does not run it; its id, or None where it ran already.

    A restart goes on from the newest retained checkpoint. Checkpoints are kept apart by the digest of the SQL: after
    the SQL has changed, every table is computed again from the start of the log. Raises Unavailable.
    """
    name = render.job_name(settings)
    if any(job.is_alive for job in cluster.jobs(settings, name)):
        return None
    checkpoints = f"{settings.checkpoints}/{name}/{render.digest(settings)}"
    recover_from = cluster.newest_checkpoint(checkpoints)
    log.info("submitting %s from %s", name, recover_from or "the start of the log")
    return run_sql(settings, render.script(settings, checkpoints=checkpoints, recover_from=recover_from))
