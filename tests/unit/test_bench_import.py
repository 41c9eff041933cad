"""`segue bench import`: its file, and what it says of its rounds."""

from pathlib import Path

import pytest

from bench.catalogue import Measured, Plan, rows, write_file
from tests.catalogue_files import imported


def test_the_file_of_the_bench_is_a_catalogue_of_so_many_tracks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Simulated ones again and again, each time under other ids of tracks and artists."""
    monkeypatch.setattr("bench.catalogue.SIMULATED", 40)
    write_file(tmp_path / "any.csv", Plan(rows=100))
    found = imported(tmp_path / "any.csv")
    assert (100, 100, []) == (len(found.tracks), found.file("any.csv").accepted, found.findings)
    assert (40, 20) == (len(set(found.titles)), len(found.artists))


def test_the_row_is_the_median_round_and_the_peak_is_beside_its_limit() -> None:
    """Rates of 600 rows: the pair with the median ratio, its spread, and the memory in MiB."""
    measured = Measured(settings={}, seconds=[2.0, 3.0, 4.0], reference_seconds=[1.0, 1.0, 1.0], peak_mib=[90.0] * 3)
    catalogue, peak = rows(600, measured)
    assert ("catalogue", 200.0, 600.0) == (catalogue.name, catalogue.ours, catalogue.reference)
    assert (pytest.approx(1 / 3), pytest.approx(1 / 4)) == (catalogue.ratio, catalogue.spread)
    assert ("peak_mib", 90.0, 1024.0) == (peak.name, peak.ours, peak.reference)
