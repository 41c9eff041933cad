"""Topics of the catalogue as a tree of two levels, or the tracks of one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from cli import options
from cli.output import Output

INSIDE = "  └ "


def command(
    *,
    topic: Annotated[str, typer.Argument(help="A topic's id: list its tracks, the popular ones first.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many tracks.")] = 20,
    home: options.Home = None,
    json: options.Json = False,
) -> None:
    """Ask the server for topics: clusters of tracks that sound alike, in two levels, as the model that serves has them.

    Name one to see its tracks.
    """
    from cli import reach
    from client.topics import topic_tracks, topics

    output, settings = Output(as_json=json), options.settings(home)
    with reach.channel(settings) as channel:
        answer = topic_tracks(channel, topic, limit=limit) if topic else topics(channel)
    if topic:
        _show_tracks(output, answer)
    else:
        _show_topics(output, answer["topics"])
    output.say(f"model {answer['model_version']}")
    output.result(answer)


def _show_topics(output: Output, topics: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            f"{INSIDE if one['parent_topic_id'] else ''}{one['name']}",
            one["tracks"],
            ", ".join(one["tags"]),
            one["topic_id"],
        )
        for one in topics
    ]
    output.table("", ("topic", "tracks", "tags", "id"), rows)
    output.say("`segue topics ID` lists the tracks of one")


def _show_tracks(output: Output, answer: Mapping[str, Any]) -> None:
    topic, tracks = answer["topic"], answer["tracks"]
    rows = [(one["title"], ", ".join(one["artist_names"]), one["reason"], one["track_id"]) for one in tracks]
    output.table(topic["name"], ("title", "artist", "why", "id"), rows)
    if not answer["complete"]:
        output.say(f"the first {len(tracks):,} of {topic['tracks']:,}: `--limit` shows more")
