"""An extract that this home knows of: written, and put on its list, so that it ages out and erasures find it."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from backend import extracts

if TYPE_CHECKING:
    import grpc

    from analytics.hyper import Export, Format


def write(channel: "grpc.Channel", path: Path, *, home: Path, form: "Format", now: datetime) -> "Export":
    """Write the live tables to `path`. Raises as `analytics.hyper.export` and `backend.extracts.record`."""
    from analytics import hyper

    written = hyper.export(channel, path, now=now, form=form)
    extracts.record(home, path, files=hyper.files(written), made_at=now)
    return written
