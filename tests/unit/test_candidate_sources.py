"""The candidate sources are one registry: a file and a member of the contract's enum each; nobody else names them."""

import ast
from pathlib import Path

import pytest
from segue.v1 import recommend_pb2

from backend.ranking.sources import (
    ALL,
    CATALOGUE,
    DEFAULT_WEIGHTS,
    FOUND_BY,
    KNOWN,
    LIKENESSES,
    MOOD,
    NAME,
    NAMES,
    TOPIC,
)
from backend.rpc.convert import CANDIDATE_SOURCES

ROOT = Path(__file__).parents[2]
ROOMS = ("backend", "streaming", "training", "client", "analytics", "importers", "stack", "bench", "cli")
REGISTRY = ROOT / "backend" / "ranking" / "sources"


def test_the_registry_and_the_contract_name_the_same_sources() -> None:
    """All that tracks are found by is in the enum; each candidate source has a file, both by sound share one."""
    members = {name.removeprefix("CANDIDATE_SOURCE_").lower() for name in recommend_pb2.CandidateSource.keys()}  # noqa: SIM118
    assert members - {"unspecified"} == set(FOUND_BY) == set(CANDIDATE_SOURCES)
    assert set(FOUND_BY) - {NAME, MOOD, TOPIC, CATALOGUE, KNOWN} == {*NAMES, *LIKENESSES}
    assert {*NAMES, "sound"} == {file.stem for file in REGISTRY.glob("*.py")} - {"__init__", "source"}


def test_default_weights_sum_to_one() -> None:
    """As every set of weights does."""
    assert pytest.approx(1.0) == sum(DEFAULT_WEIGHTS.values())


def files() -> list[Path]:
    """All code that ships but the registry and the stubs."""
    every = (file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    return [file for file in every if REGISTRY not in file.parents]


def test_nothing_else_names_a_source() -> None:
    """No member of the enum, no module of a source: a new one touches its file, the registry, the contract, a test."""
    members = {f"CANDIDATE_SOURCE_{name.upper()}" for name in NAMES}
    modules = {f"backend.ranking.sources.{name}" for name in NAMES}
    found = []
    for file in files():
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.ImportFrom(module="backend.ranking.sources"):
                    named = {f"backend.ranking.sources.{alias.name}" for alias in node.names}
                case ast.ImportFrom(module=str(module)):
                    named = {module}
                case ast.Import():
                    named = {alias.name for alias in node.names}
                case ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                    named = {name}
                case _:
                    named = set()
            found += [(str(file.relative_to(ROOT)), name) for name in sorted(named & (members | modules))]
    assert [] == found
    assert len(files()) > 200
    assert len(ALL) == len(set(NAMES))
