"""Records that the log holds, back and forth."""

import json

import pytest

from backend.domain.clusters import TrackClusters
from backend.ports.fields import MalformedRecord
from backend.ports.records import clusters_from_value, clusters_record

CLUSTERS = TrackClusters(
    version="20261121T101500Z-abcdef",
    features=("energy", "tempo"),
    means=(0.5, 120.0),
    deviations=(0.1, 20.0),
    centroids=((-1.0, 0.25), (1.5, -0.5)),
)


def test_clusters_come_back_as_they_were_appended() -> None:
    """One key for all versions, so that compaction keeps the last; the value names it too, for SQL."""
    record = clusters_record(CLUSTERS)
    assert b"current" == record.key
    assert {
        "model": "current",
        "version": "20261121T101500Z-abcdef",
        "features": ["energy", "tempo"],
        "means": [0.5, 120.0],
        "deviations": [0.1, 20.0],
        "centroids": [[-1.0, 0.25], [1.5, -0.5]],
    } == json.loads(record.value)
    assert CLUSTERS == clusters_from_value(record.value)


@pytest.mark.parametrize(
    "change", [{"means": [0.5]}, {"centroids": [[1.0, 2.0, 3.0]]}, {"features": None}, {"deviations": ["wide", 1]}]
)
def test_clusters_of_another_shape_are_malformed(change: dict[str, object]) -> None:
    """A row of another length would put every track into a wrong place without a word."""
    fields = json.loads(clusters_record(CLUSTERS).value) | change
    with pytest.raises(MalformedRecord, match="not clusters"):
        clusters_from_value(json.dumps(fields).encode())
