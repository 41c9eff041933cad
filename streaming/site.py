"""Where the live job is run from."""

from dataclasses import dataclass
from pathlib import Path

from streaming.cluster import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The cluster that runs the job, the home that holds its lineage and its lock, the folder of its compiled plans."""

    cluster: Cluster
    home: Path
    plans: Path
