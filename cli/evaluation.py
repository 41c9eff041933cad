"""What `segue evaluate` does: tables → rounds of splits → judged models."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from backend.domain.errors import InvalidInput, Violation
from cli.formats.pairs import PairTable, numbered, read_pairs, read_values
from cli.formats.rows import BadRow
from cli.output import Output
from training.compare import Judged, Round, compare
from training.dataset import Interactions, PlayColumns, interactions
from training.side import SideInformation, friends_of, tagging_of
from training.sources.registry import chosen
from training.split import Split, cold_items, leave_last, random_split, time_split

HELD_OUT = 0.2
COLD_LISTENERS = 5
"""A cold item is drawn from those with at least so many listeners: fewer make no measurable ranking."""


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
    sources = chosen(request.models, request.threads)
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
    with output.bar("judging models", len(rounds) * len(sources)) as progress:
        judged = compare(rounds, sources, k=request.k, advance=lambda: progress.advance(progress.task_ids[0]))
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
    """Test pairs that training holds too are left out: they are no recommendations."""
    train, test = interactions(plays[0]), interactions(plays[1])
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
            return [_cold_round(pairs, side, seed) for seed in seeds]
    return [
        Round(split=split, side=side.without(split.test), seed=seed) for seed, split in zip(seeds, splits, strict=True)
    ]


def _cold_round(pairs: Interactions, side: SideInformation, seed: int) -> Round:
    """A fifth of the items with enough listeners (and tags, where tags are given), ranked among themselves."""
    fit = np.bincount(pairs.tracks, minlength=len(pairs.track_ids)) >= COLD_LISTENERS
    if side.tagging is not None:
        fit &= np.bincount(side.tagging.tracks, minlength=len(pairs.track_ids)) > 0
    lot = np.random.default_rng(seed).permutation(np.flatnonzero(fit))
    cold = np.sort(lot[: len(lot) // 5]).astype(np.int32)
    split = cold_items(pairs, tracks=cold)
    candidates = np.isin(np.arange(len(pairs.track_ids)), cold)
    return Round(split=split, side=side.without(split.test), seed=seed, candidates=candidates)
