"""The pages' questions: one channel per server and token, answers kept for some seconds for all viewers together."""

from datetime import datetime
from typing import Final

import grpc
import streamlit as st

from analytics import queries, settings
from analytics.client import connect
from analytics.queries import AnomalyFilter, Answer, EngagementFilter, Rows, TrendFilter
from analytics.settings import ServerSettings

KEPT_SECONDS: Final = 4
"""How long an answer is kept: below the live page's 5 s, so each refresh asks anew, once for all viewers."""


def newest_hour() -> datetime | None:
    """The newest hour with a play; None where there is none."""
    frame = _engagement(settings.read(), EngagementFilter(), 1).frame
    return None if frame.empty else frame["window_start"].iloc[0].to_pydatetime()


def engagement(wanted: EngagementFilter) -> Rows:
    """Rows of ARTIST_ENGAGEMENT. Raises QueryFailed, NotConfigured or InsecureChannel, like the others here."""
    return _engagement(settings.read(), wanted, queries.ROW_LIMIT)


def trends(wanted: TrendFilter) -> Rows:
    """Rows of TRENDS."""
    return _trends(settings.read(), wanted)


def anomalies(wanted: AnomalyFilter) -> Rows:
    """Rows of ANOMALIES."""
    return _anomalies(settings.read(), wanted)


def recommendations(listener_id: str, count: int) -> Answer:
    """What the listener may like next; never kept, since it changes with each play."""
    return queries.recommendations(_channel(settings.read()), listener_id, count=count)


@st.cache_resource(max_entries=4, show_spinner=False)
def _channel(server: ServerSettings) -> grpc.Channel:
    return connect(server.address, server.token, certificate=server.certificate)


@st.cache_data(ttl=KEPT_SECONDS, max_entries=64, show_spinner=False)
def _engagement(server: ServerSettings, wanted: EngagementFilter, limit: int) -> Rows:
    return queries.artist_engagement(_channel(server), wanted, limit=limit)


@st.cache_data(ttl=KEPT_SECONDS, max_entries=64, show_spinner=False)
def _trends(server: ServerSettings, wanted: TrendFilter) -> Rows:
    return queries.trends(_channel(server), wanted)


@st.cache_data(ttl=KEPT_SECONDS, max_entries=64, show_spinner=False)
def _anomalies(server: ServerSettings, wanted: AnomalyFilter) -> Rows:
    return queries.anomalies(_channel(server), wanted)
