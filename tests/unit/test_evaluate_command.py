"""`segue evaluate` on small tables: what it judges, what it prints, and what it says of bad rows and columns."""

import json
from pathlib import Path

import numpy as np
import pytest

from backend.domain.errors import InvalidInput
from bench.pairs import Pair, read_pairs
from cli import main
from training.data.dataset import PlayColumns, interactions
from training.data.side import SideInformation
from training.data.split import random_split
from training.evaluation.evaluate import evaluate
from training.judging.compare import Round, compare
from training.rankers.popularity import Popularity


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Forty listeners of two tastes with times, between tabs, under other people's headers."""
    rng = np.random.default_rng(0)
    rows = [
        f"u{listener}\ti{2 * track + listener % 2}\t{rng.integers(1, 9)}\t{1_600_000_000 + int(rng.integers(599_940))}"
        for listener in range(40)
        for track in rng.permutation(30)[:12]
    ]
    path = tmp_path / "plays.tsv"
    path.write_text("\n".join(["userID\tartistID\tweight\ttimestamp", *rows]) + "\n")
    return path


def run(*argv: object, capsys: pytest.CaptureFixture[str]) -> dict:
    """The parsed result of `segue evaluate … --json`."""
    assert 0 == main.run(["evaluate", *map(str, argv), "--json"]), capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("split", ["random", "time", "leave-last", "cold-items"])
def test_every_split_judges_every_model_beside_the_most_popular_list(
    split: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each metric has an interval, over all and per slice; coverage too."""
    report = run("--interactions", table, "--split", split, "--seeds", 2, "--k", 5, "--model", "ease", capsys=capsys)
    assert ["popular", "ease"] == [model["model"] for model in report["models"]]
    wanted = {"recall", "ndcg", "map", "mrr", "hit_rate", "novelty", "popularity_bias", "diversity"}
    for model in report["models"]:
        assert {f"{name}@5" for name in wanted} == set(model["metrics"])
        assert {f"{name}@5" for name in wanted} == set(model["slices"]["few"])
        assert all(each["low"] - 1e-9 <= each["value"] <= each["high"] + 1e-9 for each in model["metrics"].values())
        assert model["coverage"]["low"] <= model["coverage"]["value"] <= model["coverage"]["high"]
        assert ["0", "1"] == list(model["by_seed"])


def test_train_and_test_files_are_judged_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A test row that training holds is no recommendation, and a perfect list scores one."""
    (tmp_path / "train.csv").write_text("user,item\na,x\na,y\nb,x\n")
    (tmp_path / "test.csv").write_text("user,item\nb,y\nb,x\n")
    report = run(
        "--train", tmp_path / "train.csv", "--test", tmp_path / "test.csv", "--model", "popular", capsys=capsys
    )
    assert 1.0 == report["models"][0]["metrics"]["ndcg@20"]["value"]
    assert ("files", 2, 2) == (report["protocol"], report["listeners"], report["items"])


def test_bad_rows_are_named_by_line_and_cost_no_other(tmp_path: Path) -> None:
    """A count that is none, an empty item, a cut line and a time that is none."""
    path = tmp_path / "plays.csv"
    path.write_text(
        "listener,item,count,time\na,x,3,2026-01-02T03:04:05Z\na,y,-1,0\na,,1,0\nb,x\nb,x,1,soon\n"
        "b,z,2.5,1767323045\nb,w,1,1767323045000\n"
    )
    table = read_pairs(path)
    moment = 1767323045000
    assert (Pair("a", "x", 3.0, moment), Pair("b", "z", 2.5, moment), Pair("b", "w", 1.0, moment)) == table.pairs
    assert [(3, "count"), (4, "item"), (5, ""), (6, "time")] == [(row.line, row.field) for row in table.bad_rows]


def test_missing_column_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what was found instead, and which headers would do."""
    path = tmp_path / "plays.csv"
    path.write_text("user,when\na,1\n")
    assert 1 == main.run(["evaluate", "--interactions", str(path)])
    said = capsys.readouterr().err
    assert "item" in said
    assert "found: user, when" in said
    assert "artistid" in said


def test_wrong_combinations_say_what_to_give(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No files, both kinds of files, and a time split without times."""
    assert 1 == main.run(["evaluate"])
    assert "give --train and --test (and --valid), or --interactions alone" in capsys.readouterr().err
    assert 1 == main.run(["evaluate", "--interactions", str(table), "--train", str(table)])
    untimed = tmp_path / "untimed.csv"
    untimed.write_text("user,item\na,x\n")
    assert 1 == main.run(["evaluate", "--interactions", str(untimed), "--split", "time"])
    assert "--split needs it" in capsys.readouterr().err


def test_file_without_a_usable_row_is_refused(tmp_path: Path) -> None:
    """The first bad row is quoted."""
    path = tmp_path / "plays.csv"
    path.write_text("user,item,count\na,x,none\n")
    with pytest.raises(InvalidInput, match="line 2: count 'none' is not a number"):
        read_pairs(path)


def test_one_round_pools_to_the_evaluation_itself() -> None:
    """And two rounds to the mean over each listener's rounds."""
    rng = np.random.default_rng(1)
    pairs = interactions(
        PlayColumns(
            listener_ids=[str(number) for number in range(30)],
            track_ids=[str(number) for number in range(50)],
            listeners=rng.integers(0, 30, 500).astype(np.int32),
            tracks=rng.integers(0, 50, 500).astype(np.int32),
            counts=np.ones(500, dtype=np.float32),
            played_at=np.zeros(500, dtype=np.int64),
        )
    )
    rounds = [
        Round(split=random_split(pairs, held_out=0.3, seed=seed), side=SideInformation(), seed=seed) for seed in (0, 1)
    ]
    alone = [
        evaluate(each.split, Popularity().fit(each.split.train, each.side, seed=0), k=5, seed=0) for each in rounds
    ]
    judged = compare(rounds[:1], [Popularity()], k=5)[0]
    assert alone[0].metrics["ndcg@5"].value == pytest.approx(judged.metrics["ndcg@5"].value)
    assert alone[0].slices["few"]["map@5"].value == pytest.approx(judged.slices["few"]["map@5"].value)
    pooled = compare(rounds, [Popularity()], k=5)[0]
    assert np.mean([each.metrics["ndcg@5"].value for each in alone]) == pytest.approx(pooled.metrics["ndcg@5"].value)
