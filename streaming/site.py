"""Where the live jobs are run from."""

from dataclasses import dataclass
from pathlib import Path

from streaming.cluster import Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The cluster that runs them, the home that holds their lineage and locks, the folder of their compiled plans."""

    cluster: Cluster
    home: Path
    plans: Path
