"""What an app wants, and what an answer says of itself, between the contract and the domain."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import cast

from segue.v1 import recommend_pb2

from backend.domain.recommendations import Answer, SeedTrack, Shortfall, StandIn
from backend.domain.wanted import TrackFilter, Wanted
from backend.rpc.convert import SOURCES

REASONS: Mapping[Shortfall, recommend_pb2.FallbackReason] = {
    one: cast(recommend_pb2.FallbackReason, recommend_pb2.FallbackReason.Value(f"FALLBACK_REASON_{one.name}"))
    for one in Shortfall
}
STAND_INS: Mapping[StandIn, recommend_pb2.FallbackTo] = {
    one: cast(recommend_pb2.FallbackTo, recommend_pb2.FallbackTo.Value(f"FALLBACK_TO_{one.name}")) for one in StandIn
}

FADING = 0.85
"""What a track of a session weighs beside the one after it: the tenth from the end a quarter of the last."""


def wanted_of(options: recommend_pb2.RecommendOptions) -> Wanted:
    """What is wanted; names come in one order, so that equal questions are the same one."""
    choice = options.heard_before.WhichOneof("choice")
    return Wanted(
        filter=_filter_of(options.filter),
        new_artists_only=options.new_artists_only,
        heard_within=timedelta(days=options.heard_before.exclude_days) if choice == "exclude_days" else None,
        known_share=options.heard_before.known_share if choice == "known_share" else None,
        per_artist=options.max_per_artist,
        per_album=options.max_per_album,
        diversity=options.diversity,
        damping=options.popularity_damping,
        seeds=_seeds((seed.track_id, seed.weight or 1.0) for seed in options.seeds),
    )


def session_of(request: recommend_pb2.NextTracksRequest) -> Wanted:
    """What goes on with a session: its last track weighs 1, each before it FADING times as much as the next."""
    wanted = wanted_of(request.options)
    session = [(track_id, FADING**age) for age, track_id in enumerate(reversed(request.track_ids))]
    return replace(
        wanted, seeds=_seeds([*session, *((seed.track_id, seed.weight) for seed in wanted.seeds)]), session=True
    )


def _seeds(weighed: Iterable[tuple[str, float]]) -> tuple[SeedTrack, ...]:
    """Each track once, where it stands first; the weights of one that is named twice add up."""
    weights: dict[str, float] = {}
    for track_id, weight in weighed:
        weights[track_id] = weights.get(track_id, 0.0) + weight
    return tuple(SeedTrack(track_id=track_id, weight=weight) for track_id, weight in weights.items())


def _filter_of(message: recommend_pb2.TrackFilter) -> TrackFilter:
    return TrackFilter(
        tags=tuple(sorted({tag.casefold() for tag in message.tags})),
        topic_ids=tuple(sorted(set(message.topic_ids))),
        artist_ids=tuple(sorted(set(message.artist_ids))),
        without_artist_ids=tuple(sorted(set(message.exclude_artist_ids))),
        first_year=message.first_year,
        last_year=message.last_year,
        shortest_milliseconds=message.min_duration_milliseconds,
        longest_milliseconds=message.max_duration_milliseconds,
        sources=tuple(sorted({SOURCES[source] for source in message.sources})),
    )


def fallback_messages(answer: Answer) -> list[recommend_pb2.Fallback]:
    """Every step down."""
    return [
        recommend_pb2.Fallback(reason=REASONS[one.reason], to=STAND_INS[one.to], text=one.text)
        for one in answer.fallbacks
    ]


def latency_messages(answer: Answer) -> list[recommend_pb2.PartLatency]:
    """By part, to the microsecond."""
    return [
        recommend_pb2.PartLatency(part=part, milliseconds=round(taken, 3)) for part, taken in answer.latencies.items()
    ]
