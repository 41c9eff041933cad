"""Measure what Segue reaches beside what others do, on this machine in one run."""

from pathlib import Path
from typing import Annotated

import typer

from cli import options
from cli.output import Output

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

HETREC = Path("../shared/data/lastfm-hetrec2011")


@app.callback()
def bench() -> None:
    """Measure what Segue reaches beside what others do, on this machine in one run."""


@app.command()
def quality(
    seeds: Annotated[int, typer.Option(min=1, help="Splits, with seeds 0, 1, … A split takes some minutes.")] = 5,
    data: Annotated[Path, typer.Option(help="The folder of HetRec 2011 Last.fm.")] = HETREC,
    json: options.Json = False,
) -> None:
    """Recommendation quality on HetRec Last.fm: the blends, every reference, NDCG@20 over all artists.

    80/20 per listener, and a fifth of the tagged artists taken out of training and ranked among themselves. A ratio is
    ours over the reference, its spread the standard deviation over the seeds.
    """
    from bench import hetrec, report
    from bench.quality import quality as measure
    from bench.quality import steps

    output = Output(as_json=json)
    interactions, side = hetrec.read(data)
    with output.bar("judging models", steps(seeds)) as progress:
        measured = measure(
            interactions, side, seeds=range(seeds), advance=lambda: progress.advance(progress.task_ids[0])
        )
    report.tell_quality(output, measured)
    output.result(measured)


@app.command()
def streaming(
    *,
    plays: Annotated[int, typer.Option(min=1000, help="Records of the synthetic topic `plays`.")] = 500_000,
    repeats: Annotated[int, typer.Option(min=1, help="Counted rounds; one more goes before them.")] = 5,
    sink_rows: Annotated[int, typer.Option(min=1000, help="Result rows that the sink carries in each round.")] = 50_000,
    fresh_plays: Annotated[int, typer.Option(min=1, max=900, help="Plays whose way to the dashboard is timed.")] = 60,
    heap: Annotated[int, typer.Option(min=256, help="Megabytes of heap of Flink's tasks, for both sides.")] = 1536,
    row: Annotated[
        list[str] | None, typer.Option(help="Measure this row (again for more); also a table's name.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the synthetic service.")] = 0,
    explain_vertices: Annotated[bool, typer.Option(help="Say where each job's time goes, vertex by vertex.")] = False,
    json: options.Json = False,
) -> None:
    """What the live tables cost beside bare parsing, the sink beside raw upserts, and how old a play is when seen.

    `--row TABLE` says what that table adds to the job of all the others, in microseconds a play.

    Starts a stack of its own in a temporary folder. Reference and ours run in turns on it; a row shows the pair with
    the median ratio, and as its spread the highest minus the lowest ratio. The plays are synthetic.
    """
    from bench import report
    from bench.streaming import USUAL, Plan, measure
    from cli import reach

    output = Output(as_json=json)
    plan = Plan(
        rows=tuple(row or USUAL),
        plays=plays,
        repeats=repeats,
        sink_rows=sink_rows,
        fresh_plays=fresh_plays,
        heap_megabytes=heap,
        seed=seed,
    )
    with reach.failures_as_segue_errors():
        measured = measure(plan, output)
    report.tell_streaming(output, measured, vertices=explain_vertices)
    output.result(measured)


@app.command()
def training(
    *,
    pairs: Annotated[int, typer.Option(min=100_000, help="Listener-track pairs of the synthetic set.")] = 4_000_000,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds, each on a split of its own.")] = 5,
    spark_repeats: Annotated[int, typer.Option(min=0, help="Rounds that include Spark; 0: without Spark.")] = 5,
    native_blas: Annotated[
        Path | None,
        typer.Option(help="Folder with libblas.so.3 and liblapack.so.3: measures Spark with them as well."),
    ] = None,
    json: options.Json = False,
) -> None:
    """How fast the local engine learns beside Spark and implicit at equal NDCG, warm beside cold, and how it grows.

    Every fit runs in a process of its own on two cores, the engines in turns, with the fewest sweeps that reach 99.5 %
    of the NDCG@20 that both sides of a row can reach. A row shows the pair with the median ratio, and as its spread the
    highest minus the lowest ratio. Run it on a machine that does nothing else.
    """
    from bench import report
    from bench.training import Plan, measure

    output = Output(as_json=json)
    plan = Plan(pairs=pairs, repeats=repeats, spark_repeats=min(spark_repeats, repeats), native_blas=native_blas)
    measured = measure(plan, output.say)
    report.tell_training(output, measured)
    output.result(measured)


@app.command()
def similar(
    *,
    seeds: Annotated[
        int, typer.Option(min=1, help="Simulated services, with seeds 0, 1, … One takes some minutes.")
    ] = 5,
    cache: Annotated[
        Path | None, typer.Option(help="Folder that keeps the texts' vectors for the next bench (default: none).")
    ] = None,
    json: options.Json = False,
) -> None:
    """How well each approach to tracks like one foretells what listeners play together: recall@20 on held-out sittings.

    A version is trained on each simulated service's earlier plays and published; what its service answers is judged,
    beside a random list and tracks of the same artist. `cold_sound`: new tracks of artists that the version does not
    know, in the lists of known tracks. A row shows the service with the median ratio, and as its spread the highest
    minus the lowest ratio.
    """
    from tempfile import TemporaryDirectory

    from bench import report
    from bench.similar import measure

    output = Output(as_json=json)
    with TemporaryDirectory(prefix="segue-bench-") as made, output.bar("simulated services", seeds) as progress:
        measured = measure(
            seeds=range(seeds),
            cache=cache or Path(made),
            advance=lambda: progress.advance(progress.task_ids[0]),
        )
    report.tell_similar(output, measured)
    output.result(measured)


@app.command()
def overload(
    *,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds: capacity, then each flood.")] = 5,
    seconds: Annotated[float, typer.Option(min=1, help="How long each flood lasts.")] = 20.0,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated service and of the times of calls.")] = 0,
    json: options.Json = False,
) -> None:
    """What the server still answers when five and ten times its capacity comes: goodput, p99, recovery.

    Starts broker, store and server of its own with a model of a simulated service. A round measures the capacity in a
    closed loop, p99 at half of it, then floods in an open loop from a process of its own. A row shows the round with
    the median ratio, and as its spread the highest minus the lowest ratio. Run it on a machine that does nothing else.
    """
    from bench import report
    from bench.overload import Plan, measure
    from cli import reach

    output = Output(as_json=json)
    with reach.failures_as_segue_errors():
        measured = measure(Plan(repeats=repeats, seconds=seconds, seed=seed), output)
    report.tell_overload(output, measured)
    output.result(measured)


@app.command()
def serving(
    *,
    tracks: Annotated[int, typer.Option(min=1000, help="Tracks of the made-up service.")] = 100_000,
    listeners: Annotated[int, typer.Option(min=500, help="Its listeners, with 40 plays each.")] = 50_000,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds, each side in turns.")] = 5,
    seconds: Annotated[float, typer.Option(min=1, help="How long each side is asked in a round.")] = 6.0,
    processes: Annotated[int, typer.Option(min=1, help="Server processes on the port, and as many of the echo.")] = 1,
    plays: Annotated[int, typer.Option(min=0, help="Plays of a round of ingestion; 0: without that row.")] = 20_000,
    fresh_plays: Annotated[int, typer.Option(min=0, help="Plays looked for in answers; 0: without that row.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the made-up service and of the calls.")] = 0,
    json: options.Json = False,
) -> None:
    """How fast the server answers and takes in: beside a bare echo of the same answer, and beside a bare producer.

    Starts broker, store and server of its own with a made-up model. `recommend_uncached` asks what was not asked
    before, `recommend_cached` the same again; token, contract and log line are the server's only. With one process,
    server and echo are kept to one core and the load client to another. A row shows the round with the median ratio,
    and as its spread the highest minus the lowest ratio. Run it on a machine that does nothing else.
    """
    from bench import report
    from bench.answering import Plan, measure
    from cli import reach

    output = Output(as_json=json)
    plan = Plan(
        tracks=tracks,
        listeners=listeners,
        repeats=repeats,
        seconds=seconds,
        processes=processes,
        plays=plays,
        fresh_plays=fresh_plays,
        seed=seed,
    )
    with reach.failures_as_segue_errors():
        measured = measure(plan, output)
    report.tell_serving(output, measured)
    output.result(measured)


@app.command()
def memory(
    *,
    calls: Annotated[int, typer.Option(min=1000, help="Recommendations asked for, after the warm-up.")] = 20_000,
    warm_up: Annotated[int, typer.Option(min=0, help="Recommendations before the growth is measured.")] = 6_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated service.")] = 0,
    json: options.Json = False,
) -> None:
    """What a server's memory grows by over many answers that each have further pages, which it must keep.

    Starts broker, store and server of its own with a model of a simulated service, and reads the resident memory of
    the server's process at every thousandth call.
    """
    from bench import report
    from bench.memory import measure
    from cli import reach

    output = Output(as_json=json)
    with reach.failures_as_segue_errors():
        measured = measure(output, calls=calls, warm_up=warm_up, seed=seed)
    report.tell_memory(output, measured)
    output.result(measured)


@app.command("import")
def catalogue(
    *,
    rows: Annotated[int, typer.Option(min=1000, help="Rows of the synthetic file, in the 600k layout.")] = 600_000,
    repeats: Annotated[int, typer.Option(min=1, help="Counted rounds; one more goes before them.")] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated catalogue.")] = 0,
    json: options.Json = False,
) -> None:
    """What `segue ingest tracks` takes beside reading the same file with pyarrow and upserting its raw rows.

    Starts broker, store and server of its own. Import (a process of its own, from its start to its end: file, gRPC,
    log) and reference (into the same store) run in turns; a row shows the pair with the median ratio, and as its spread
    the highest minus the lowest ratio. Run it on a machine that does nothing else.
    """
    from bench import report
    from bench.catalogue import Plan, measure
    from cli import reach

    output = Output(as_json=json)
    with reach.failures_as_segue_errors():
        measured = measure(Plan(rows=rows, repeats=repeats, seed=seed), output)
    report.tell_import(output, measured)
    output.result(measured)


@app.command()
def retrieval(
    *,
    vectors: Annotated[int, typer.Option(min=1000, help="Vectors of the synthetic catalogue.")] = 200_000,
    questions: Annotated[int, typer.Option(min=10, help="Questions of a round.")] = 1_000,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds, each side in turns.")] = 7,
    keep: Annotated[Path | None, typer.Option(help="Folder where the indexes stay for the next run.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the vectors.")] = 0,
    json: options.Json = False,
) -> None:
    """How fast, how small and how exact the embedded vector index is beside hnswlib at equal recall, on one thread.

    384 dimensions, the ten nearest, one question a call. A row shows the round with the median ratio, and as its spread
    the highest minus the lowest ratio. Run it with OMP_NUM_THREADS=1.
    """
    from bench import report
    from bench.retrieval import Plan, measure

    output = Output(as_json=json)
    plan = Plan(vectors=vectors, dimension=384, questions=questions, repeats=repeats, seed=seed, kept=keep)
    measured = measure(plan, output.say)
    report.tell_retrieval(output, measured)
    output.result(measured)


@app.command()
def embedding(
    *,
    texts: Annotated[int, typer.Option(min=10, help="Texts of a simulated catalogue in each round.")] = 512,
    questions: Annotated[int, typer.Option(min=1, help="Texts that are encoded one by one in each round.")] = 50,
    repeats: Annotated[int, typer.Option(min=1, help="Rounds, each side in turns.")] = 7,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulated catalogue.")] = 0,
    json: options.Json = False,
) -> None:
    """How fast the server's text encoder is beside sentence-transformers on PyTorch, one thread each, and how near.

    A row shows the round with the median ratio, and as its spread the highest minus the lowest ratio; the cosines are
    those of a round's texts. `start_seconds` is from the start of a process to its first vector.
    """
    from bench import report
    from bench.embedding import Plan, measure

    output = Output(as_json=json)
    measured = measure(Plan(texts=texts, questions=questions, repeats=repeats, seed=seed), output.say)
    report.tell_embedding(output, measured)
    output.result(measured)
