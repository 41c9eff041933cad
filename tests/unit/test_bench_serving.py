"""What `segue bench serving` asks, and what its rows are made of."""

from pathlib import Path

import numpy as np

from backend import wiring
from backend.ports.models import CONTENT_NAMESPACE, FACTORS_NAMESPACE
from backend.settings import Settings
from bench import crowd
from bench.answering import growing


def test_the_made_up_version_is_one_that_a_server_loads(tmp_path: Path) -> None:
    """Vectors of every track, EASE's links and a fold-in; the same seed makes the same service."""
    settings = Settings(home=tmp_path)
    made = crowd.crowd(tracks=600, listeners=80, seed=1)
    crowd.publish(settings, made)
    models, index = wiring.models(settings), wiring.vector_index(settings)
    version = models.load(models.current() or "")
    assert {"factors", "linear"} == set(version.parts)
    for namespace in (FACTORS_NAMESPACE, CONTENT_NAMESPACE):
        assert 600 == index.count(namespace.format(version=version.version))
    again = crowd.crowd(tracks=600, listeners=80, seed=1)
    assert np.array_equal(made.played, again.played)
    assert made.played.min() >= 0
    assert made.played.max() < 600
    assert (made.group[made.played][0] == made.group[made.played[0, 0]]).sum() > 5


def test_more_callers_are_judged_by_the_worst_step() -> None:
    """Of each round, beside the most that fewer callers got."""
    found = growing({1: [100.0, 90.0], 2: [150.0, 80.0], 4: [120.0, 160.0]})
    assert [(120.0, 150.0), (80.0, 90.0)] == [(one.ours, one.reference) for one in found]
