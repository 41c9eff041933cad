"""The pages' questions: one channel per server and token, answers kept for some seconds for all viewers together."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import grpc
import pandas as pd
import streamlit as st

from analytics import filters, queries
from analytics.queries import Answer, Rows
from client import settings
from client.channel import connect
from client.settings import ServerSettings

KEPT_SECONDS: Final = 4
"""How long an answer is kept: below the live page's 5 s, so each refresh asks anew, once for all viewers."""

Filter = (
    filters.EngagementFilter
    | filters.PopularityFilter
    | filters.TrendFilter
    | filters.AnomalyFilter
    | filters.ActivityFilter
    | filters.TopicFilter
    | filters.LetterFilter
)
_QUESTIONS: Final[Mapping[type, Callable[..., Rows]]] = {
    filters.EngagementFilter: queries.artist_engagement,
    filters.PopularityFilter: queries.popularity,
    filters.TrendFilter: queries.trends,
    filters.AnomalyFilter: queries.anomalies,
    filters.ActivityFilter: queries.listener_activity,
    filters.TopicFilter: queries.topic_hours,
    filters.LetterFilter: queries.dead_letters,
}


def newest_hour() -> datetime | None:
    """The newest hour with a play; None where there is none."""
    frame = rows(filters.EngagementFilter(), limit=1).frame
    return None if frame.empty else frame["window_start"].iloc[0].to_pydatetime()


def rows(wanted: Filter, *, limit: int = queries.ROW_LIMIT) -> Rows:
    """The rows that the filter wants of its table. Raises QueryFailed, NotConfigured or InsecureChannel."""
    return _rows(settings.read(), type(wanted).__name__, wanted, limit)


def letter_counts() -> Rows:
    """Rows of DEAD_LETTER_COUNTS."""
    return _letter_counts(settings.read())


def topics() -> pd.DataFrame:
    """TOPICS, without a row where the model version that serves has none."""
    return _topics(settings.read())


def topic_tracks(topic_id: str, count: int) -> pd.DataFrame:
    """TOPIC_TRACKS of one topic."""
    return _topic_tracks(settings.read(), topic_id, count)


def recommendations(listener_id: str, count: int) -> Answer:
    """What the listener may like next; never kept, since it changes with each play."""
    return queries.recommendations(_channel(settings.read()), listener_id, count=count)


def search_tracks(words: str, count: int) -> Answer:
    """Tracks by words."""
    return queries.search_tracks(_channel(settings.read()), words, count=count)


def similar_tracks(track_id: str, approach: str, count: int) -> Answer:
    """Tracks like one, by an approach."""
    return queries.similar_tracks(_channel(settings.read()), track_id, approach=approach, count=count)


@st.cache_resource(max_entries=4, show_spinner=False)
def _channel(server: ServerSettings) -> grpc.Channel:
    return connect(server.address, server.token, certificate=server.certificate)


@st.cache_data(ttl=KEPT_SECONDS, max_entries=256, show_spinner=False)
def _rows(server: ServerSettings, table: str, wanted: Any, limit: int) -> Rows:
    """`table` tells filters apart that have the same fields."""
    return _QUESTIONS[type(wanted)](_channel(server), wanted, limit=limit)


@st.cache_data(ttl=KEPT_SECONDS, max_entries=4, show_spinner=False)
def _topics(server: ServerSettings) -> pd.DataFrame:
    return queries.topics(_channel(server))


@st.cache_data(ttl=KEPT_SECONDS, max_entries=64, show_spinner=False)
def _topic_tracks(server: ServerSettings, topic_id: str, count: int) -> pd.DataFrame:
    return queries.topic_tracks(_channel(server), topic_id, count=count)


@st.cache_data(ttl=KEPT_SECONDS, max_entries=4, show_spinner=False)
def _letter_counts(server: ServerSettings) -> Rows:
    return queries.dead_letter_counts(_channel(server))
