"""`segue bench quality` on a small folder in HetRec's form: its rows, its table, and what it says of missing files."""

import json
from pathlib import Path

import numpy as np
import pytest

from cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eighty listeners of four tastes, tags that tell the taste, friends of one taste."""
    rng = np.random.default_rng(0)
    taste = [listener % 4 for listener in range(80)]
    liked = [rng.permutation(np.arange(taste[listener], 120, 4))[:15] for listener in range(80)]
    plays = [f"{i}\t{track}\t{rng.integers(1, 500)}" for i, tracks in enumerate(liked) for track in tracks]
    tags = [f"{rng.integers(80)}\t{track}\t{track % 4}" for track in range(120) for _ in range(4)]
    friends = [f"{i}\t{(i + 4) % 80}" for i in range(80)]
    for name, header, rows in (
        ("user_artists.dat", "userID\tartistID\tweight", plays),
        ("user_taggedartists.dat", "userID\tartistID\ttagID", tags),
        ("user_friends.dat", "userID\tfriendID", friends),
    ):
        (tmp_path / name).write_text("\n".join([header, *rows]) + "\n")
    return tmp_path


def test_bench_prints_every_ratio_and_every_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A ratio is ours over the reference, and the best reference is the best of the table."""
    assert 0 == main.run(["bench", "quality", "--data", str(folder), "--seeds", "2", "--json"])
    measured = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in measured["rows"]}
    blends = ["blend_vs_best", "blend_without_friends_vs_best", "blend_vs_implicit_default"]
    assert [*blends, "serving_vs_best", "cold_items_vs_content"] == list(rows)
    assert all({"ours", "reference", "ratio", "unit", "spread"} <= row.keys() for row in rows.values())
    assert all(row["ours"] / row["reference"] == pytest.approx(row["ratio"]) for row in rows.values())
    value = {model["model"]: model["metrics"]["ndcg@20"]["value"] for model in measured["models"]}
    references = ("raw-count-als", "implicit-defaults", "ease", "irspack-ials")
    assert max(value[name] for name in references) == rows["blend_vs_best"]["reference"]
    assert value["blend"] == rows["blend_vs_best"]["ours"]
    assert {"tag-profile", "cold-blend"} <= {model["model"] for model in measured["cold_models"]}


def test_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the flag that gives the folder."""
    assert 1 == main.run(["bench", "quality", "--data", str(tmp_path)])
    said = capsys.readouterr().err
    assert "has no user_artists.dat; give the folder with --data" in said
