"""What `segue evaluate` does: tables → rounds of splits → judged models."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backend.domain.errors import InvalidInput, Violation
from bench.pairs import PairTable, numbered, read_pairs, read_values
from cli.output import Output
from importers.rows import BadRow
from training.data.dataset import Interactions, PlayColumns, interactions, joined
from training.data.side import SideInformation, friends_of, tagging_of
from training.data.split import Split, leave_last, random_split, time_split
from training.judging.compare import Judged, Round, cold_round, compare
from training.rankers.ranker import Ranker
from training.rankers.registry import NEED_FRIENDS, NEED_TAGS, chosen

HELD_OUT = 0.2
_WITH_VALIDATION = 3
"""Tables of `--train`, `--test` and `--valid`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The command line of `segue evaluate`; see its help."""

    train: Path | None
    test: Path | None
    valid: Path | None
    interactions: Path | None
    split: str
    seeds: int
    models: Sequence[str]
    tags: Path | None
    friends: Path | None
    k: int
    threads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came out; `listeners` and `items` count those in the files."""

    protocol: str
    seeds: int
    k: int
    listeners: int
    items: int
    pairs: int
    models: Sequence[Judged]
    bad_rows: Sequence[BadRow]


def run(request: Request, output: Output) -> Report:
    """Read, split, judge. Raises InvalidInput for files that do not fit and combinations that mean nothing."""
    if request.interactions is not None and request.train is None and request.test is None and request.valid is None:
        protocol, tables = f"{request.split} split", [read_pairs(request.interactions)]
        if request.split in ("time", "leave-last") and not tables[0].timed:
            raise InvalidInput([Violation("time", f"{request.interactions} has no such column, and --split needs it")])
    elif request.train is not None and request.test is not None and request.interactions is None:
        given = (request.train, request.test, *([request.valid] if request.valid else []))
        protocol, tables = "files", [read_pairs(path) for path in given]
    else:
        raise InvalidInput([Violation("files", "give --train and --test (and --valid), or --interactions alone")])
    plays = numbered(*(table.pairs for table in tables))
    side, bad_rows = _side(request, plays[0], tables)
    rounds = _split_rounds(request, plays[0], side) if len(plays) == 1 else [_file_round(plays, side)]
    if any(len(each.split.test) == 0 for each in rounds):
        raise InvalidInput([Violation("test", "nothing is held out that training does not hold already")])
    rankers = _rankers(request, plays)
    with output.bar("judging models", len(rounds) * len(rankers)) as progress:
        judged = compare(rounds, rankers, k=request.k, advance=lambda: progress.advance(progress.task_ids[0]))
    return Report(
        protocol=protocol,
        seeds=len(rounds),
        k=request.k,
        listeners=len(plays[0].listener_ids),
        items=len(plays[0].track_ids),
        pairs=sum(len(each) for each in plays),
        models=judged,
        bad_rows=bad_rows,
    )


def _rankers(request: Request, plays: Sequence[PlayColumns]) -> list[Ranker]:
    """The models asked for; without a name, all that the given files and the split can feed."""
    without = [
        *(NEED_TAGS if request.tags is None else ()),
        *(NEED_FRIENDS if request.friends is None else ()),
        "cold-blend" if request.split != "cold-items" else "blend",
    ]
    validation = None
    if len(plays) == _WITH_VALIDATION:
        given = Split(train=interactions(plays[0]), test=interactions(plays[2]))

        def validation(_pairs: Interactions, _seed: int) -> Split:
            return given

    return chosen(request.models, request.threads, without=without, validation=validation)


def _side(request: Request, plays: PlayColumns, tables: Sequence[PairTable]) -> tuple[SideInformation, list[BadRow]]:
    side, bad_rows = SideInformation(), [row for table in tables for row in table.bad_rows]
    if request.tags is not None:
        rows, bad = read_values(request.tags, ("listener", "item", "tag"))
        side, bad_rows = replace(side, tagging=tagging_of(rows, plays.listener_ids, plays.track_ids)), bad_rows + bad
    if request.friends is not None:
        rows, bad = read_values(request.friends, ("listener", "friend"))
        side, bad_rows = replace(side, friends=friends_of(rows, plays.listener_ids)), bad_rows + bad
    return side, bad_rows


def _file_round(plays: Sequence[PlayColumns], side: SideInformation) -> Round:
    """Models learn from training and validation; test pairs that these hold are left out: they are known."""
    train, test = interactions(joined(plays[0], *plays[2:])), interactions(plays[1])
    split = Split(train=train, test=test.where(~np.isin(test.keys(), train.keys())))
    return Round(split=split, side=side.without(split.test), seed=0)


def _split_rounds(request: Request, plays: PlayColumns, side: SideInformation) -> list[Round]:
    pairs, seeds = interactions(plays), range(request.seeds)
    match request.split:
        case "random":
            splits = [random_split(pairs, held_out=HELD_OUT, seed=seed) for seed in seeds]
        case "time":
            splits = [time_split(plays, held_out=HELD_OUT)] * request.seeds
        case "leave-last":
            splits = [leave_last(pairs)] * request.seeds
        case _:
            return [cold_round(pairs, side, seed=seed) for seed in seeds]
    return [
        Round(split=split, side=side.without(split.test), seed=seed) for seed, split in zip(seeds, splits, strict=True)
    ]
