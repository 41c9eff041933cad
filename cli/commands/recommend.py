"""Ask what next: for a listener, near a track, by words, or what is popular."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import options
from cli.output import Output

if TYPE_CHECKING:
    import grpc


def command(
    *,
    listener: Annotated[str, typer.Argument(help="The listener to recommend tracks for.")] = "",
    similar: Annotated[str, typer.Option(help="Instead: tracks near this track (its id).", metavar="TRACK")] = "",
    search: Annotated[str, typer.Option(help="Instead: tracks near these words in meaning.", metavar="WORDS")] = "",
    popular: Annotated[bool, typer.Option("--popular", help="Instead: tracks with the most listeners lately.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many tracks.")] = 20,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Ask the server for tracks, with the reasons for each and the model version that answered.

    Name a listener, or give one of --similar, --search and --popular.
    """
    from cli.reach import failures_as_segue_errors, server
    from client.channel import connect

    if sum(map(bool, (listener, similar, search, popular))) != 1:
        raise typer.BadParameter("name a listener, or give one of --similar, --search and --popular")
    output, settings = Output(as_json=json), options.settings(home)
    with failures_as_segue_errors():
        found = server(settings)
        with connect(found.address, found.token, certificate=found.certificate) as channel:
            answer = _ask(channel, listener=listener, similar=similar, search=search, limit=limit)
    _show(output, answer)


def _ask(channel: "grpc.Channel", *, listener: str, similar: str, search: str, limit: int) -> Any:
    """The answer to what was given, popular tracks where nothing was. Raises QueryFailed."""
    import grpc
    from segue.v1 import recommend_pb2, recommend_pb2_grpc

    from client.errors import explain

    stub = recommend_pb2_grpc.RecommendServiceStub(channel)
    try:
        if listener:
            return stub.Recommend(recommend_pb2.RecommendRequest(listener_id=listener, page_size=limit))
        if similar:
            return stub.SimilarTracks(recommend_pb2.SimilarTracksRequest(track_id=similar, page_size=limit))
        if search:
            return stub.SearchTracks(recommend_pb2.SearchTracksRequest(query=search, page_size=limit))
        return stub.PopularTracks(recommend_pb2.PopularTracksRequest(page_size=limit))
    except grpc.RpcError as error:
        raise explain(error) from error


def _show(output: Output, answer: Any) -> None:
    """Only an answer for a listener has an id and a path, and that to --popular has no model version."""
    from segue.v1 import recommend_pb2

    path = (
        recommend_pb2.AnswerPath.Name(answer.path).removeprefix("ANSWER_PATH_").lower() if _has(answer, "path") else ""
    )
    version = answer.model_version if _has(answer, "model_version") else ""
    rows = [
        (track.title, ", ".join(track.artist_names), track.score, "; ".join(reason.text for reason in track.reasons))
        for track in answer.tracks
    ]
    output.table("", ("title", "artist", "score", "why"), rows)
    told = [f"model {version}" if version else "", f"path {path.replace('_', ' ')}" if path else ""]
    output.say(
        "; ".join(filter(None, told)) if rows else "No tracks: send plays with `segue ingest`, then `segue train`."
    )
    output.result(
        {
            "recommendation_id": answer.recommendation_id if _has(answer, "recommendation_id") else "",
            "model_version": version,
            "path": path,
            "tracks": [_plain(track) for track in answer.tracks],
        }
    )


def _has(answer: Any, field: str) -> bool:
    return field in answer.DESCRIPTOR.fields_by_name


def _plain(track: Any) -> dict[str, Any]:
    from segue.v1 import recommend_pb2

    def source(reason: Any) -> str:
        return recommend_pb2.CandidateSource.Name(reason.source).removeprefix("CANDIDATE_SOURCE_").lower()

    return {
        "track_id": track.track_id,
        "title": track.title,
        "artist_ids": list(track.artist_ids),
        "artist_names": list(track.artist_names),
        "score": track.score,
        "reasons": [
            {"source": source(reason), "rank": reason.rank, "share": reason.share, "text": reason.text}
            for reason in track.reasons
        ],
    }
