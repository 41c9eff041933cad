"""Room for the parts that keep data: below so much they are not started, for they would only end again."""

from pathlib import Path

from backend.room import MEGABYTE, disk_of

LEAST = 50 * MEGABYTE
"""Beside the log of a broker that recovers there are Flink's jars for the job (47 MB)."""

SHARE = 20
"""At most one part in so many of the disk: half of what the server keeps in reserve."""


def lack(home: Path) -> str:
    """What the disk of home lacks, and what to do; "" where a part may be started. Raises OSError."""
    disk = disk_of(home)
    told = disk.lack(LEAST, share=SHARE)
    return f"the disk of {disk.folder} has {told}; free some (see `df -h`)" if told else ""
