"""An independent recount of the live tables: DuckDB over the records of the log, by each table's definition.

It shares nothing with the streaming SQL but the definitions in docs/data-dictionary.md, and of a skip the one formula
that everybody uses.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from backend.domain.plays import SKIP_SQL
from backend.ports.event_log import StoredRecord
from backend.settings import Settings

Row = dict[str, object]
FEATURES = (
    *("danceability", "energy", "valence", "acousticness", "instrumentalness"),
    *("liveness", "speechiness", "tempo", "loudness"),
)
_IDENTIFIERS = ("event_id", "listener_id", "track_id", "artist_id")
_MOMENTS = ("played_at_ms", "ingested_at_ms")
_COUNTS = ("milliseconds_played", "track_milliseconds")
_TEXTS = ("recommendation_id", "surface", "device")
_WORDS = {
    "source": {"first_party", "listenbrainz", "lastfm", "spotify", "simulator"},
    "timing": {"live", "history", None},
}
_MAY_BE_MISSING = ("track_milliseconds", "timing", *_TEXTS)
"""What a record holds, as docs/data-dictionary.md says."""

_PLAYS = f"""
CREATE TABLE placed AS
SELECT *, CASE WHEN told_ms <= least(7258118399999, appended_ms + 3600000) THEN least(told_ms, appended_ms) END AS ms,
       max(ms) OVER (PARTITION BY part ORDER BY off ROWS UNBOUNDED PRECEDING) AS newest
FROM raw;
CREATE TABLE plays AS
SELECT DISTINCT ON (event_id) event_id, listener_id, track_id, artist_id, part, off, ms, newest, ingested_at_ms,
       coalesce(timing = 'history', ingested_at_ms - played_at_ms > 86400000) AS history,
       milliseconds_played AS heard, track_milliseconds AS length, allow_training AS charted,
       ms >= newest - $lateness * 60000 AS timely, make_timestamp(ms * 1000) AS moment,
       {SKIP_SQL} AS skip
FROM placed
WHERE is_play AND ms IS NOT NULL
ORDER BY event_id, part, off
"""

_ENGAGEMENT = """
WITH acts AS (
  SELECT artist_id, moment, listener_id, 1 AS plays, 0 AS likes, 0 AS fresh, heard, length, skip FROM plays
  UNION ALL SELECT artist_id, moment, NULL, 0, 1, 0, 0, 0, false FROM likes
  UNION ALL SELECT artist_id, arg_min(moment, (part, off)), NULL, 0, 0, 1, 0, 0, false
  FROM plays GROUP BY artist_id, listener_id
)
SELECT artist_id, span, date_trunc(span, moment) AS window_start, sum(plays)::BIGINT AS plays,
       count(DISTINCT listener_id) AS unique_listeners,
       1 - sum(fresh)::DOUBLE / nullif(count(DISTINCT listener_id), 0) AS returning_share,
       sum(heard)::BIGINT AS milliseconds_played,
       sum(CASE WHEN length > 0 THEN least(heard, length) ELSE 0 END)::DOUBLE / nullif(sum(length), 0)
         AS completion_rate,
       count(*) FILTER (skip) AS skips, sum(likes)::BIGINT AS likes
FROM acts, (VALUES ('hour'), ('day')) AS spans(span)
GROUP BY ALL
"""

# A chart's windows: every so many hours up to `closed`, counted from midnight, and what was played in the span before.
# Seven days are sums of days; one of too few listeners counts for nothing.
_COUNTED = """
  SELECT window_end, {item}, {also} count(*) AS plays, count(DISTINCT listener_id) AS listeners
  FROM ends JOIN plays ON moment >= window_end - INTERVAL {hours} HOUR AND moment < window_end
  WHERE timely AND charted
  GROUP BY window_end, {item}
  HAVING count(DISTINCT listener_id) >= $listeners
"""
_COUNTED_BY_DAY = """
  SELECT window_end, {item}, {also} sum(plays)::BIGINT AS plays, sum(listeners)::BIGINT AS listeners
  FROM ends JOIN (
    SELECT {item}, {also} date_trunc('day', moment) AS day, count(*) AS plays, count(DISTINCT listener_id) AS listeners
    FROM plays WHERE timely AND charted
    GROUP BY {item}, date_trunc('day', moment)
    HAVING count(DISTINCT listener_id) >= $listeners
  ) ON day >= window_end - INTERVAL {hours} HOUR AND day < window_end
  GROUP BY window_end, {item}
"""
_CHART = """
WITH ends AS (
  SELECT unnest(generate_series(
    date_trunc('day', (SELECT min(moment) FROM plays)), $closed::TIMESTAMP, INTERVAL {step} HOUR
  )) AS window_end
), counted AS (
{counted}
), ranked AS (
  SELECT *, row_number() OVER (PARTITION BY window_end ORDER BY listeners DESC, plays DESC, {item}) AS "rank"
  FROM counted
)
SELECT '{span}' AS span, * FROM ranked WHERE "rank" <= $ranks
QUALIFY row_number() OVER (PARTITION BY {item} ORDER BY window_end DESC) = 1
"""

_TRACKS = """
CREATE OR REPLACE TABLE hours AS
SELECT unnest(generate_series(date_trunc('day', first), $closed::TIMESTAMP, to_hours($step))) AS hour_end
FROM (SELECT min(moment) AS first FROM plays);
CREATE OR REPLACE TABLE tracks AS
SELECT track_id, any_value(artist_id) AS artist_id, hour_end,
       max(plays) FILTER (back = 0) AS plays_24h, max(listeners) FILTER (back = 0) AS listeners_24h,
       coalesce(sum(plays) FILTER (back > 0), 0) / 7.0 AS baseline,
       coalesce(sum(plays * plays) FILTER (back > 0), 0) / 7.0 AS mean_square
FROM (
  SELECT track_id, any_value(artist_id) AS artist_id, hour_end, back,
         count(*) AS plays, count(DISTINCT listener_id) AS listeners
  FROM hours, range(8) AS b(back), plays
  WHERE timely AND charted
    AND moment >= hour_end - INTERVAL 24 HOUR * (back + 1) AND moment < hour_end - INTERVAL 24 HOUR * back
  GROUP BY track_id, hour_end, back
  HAVING count(DISTINCT listener_id) >= $least
)
GROUP BY track_id, hour_end HAVING bool_or(back = 0)
"""

_TRENDS = """
WITH scored AS (
  SELECT *, (plays_24h - baseline) / sqrt(greatest(mean_square - baseline * baseline, baseline, 1.0)) AS z_score,
         plays_24h / greatest(baseline, 1.0) AS ratio
  FROM tracks
)
SELECT track_id, artist_id, hour_end - INTERVAL 1 HOUR AS window_start,
       row_number() OVER (PARTITION BY hour_end ORDER BY z_score DESC, track_id) AS "rank",
       plays_24h, listeners_24h, baseline AS baseline_24h, ratio, z_score
FROM scored WHERE listeners_24h >= $listeners AND z_score >= 3 AND ratio >= 1.5
QUALIFY "rank" <= $ranks
"""

_ANOMALIES = """
WITH counted AS (
  SELECT 'artist' AS subject, artist_id AS id, artist_id, NULL AS track_id, date_trunc('hour', moment) AS hour,
         count(*) AS plays, count(DISTINCT listener_id) AS listeners
  FROM plays WHERE timely GROUP BY ALL
  UNION ALL
  SELECT 'track', track_id, any_value(artist_id), track_id, date_trunc('hour', moment), count(*),
         count(DISTINCT listener_id)
  FROM plays WHERE timely GROUP BY track_id, date_trunc('hour', moment) HAVING count(*) > 1
), hours AS (
  SELECT *, plays * 1000 // listeners AS each FROM counted WHERE hour + INTERVAL 1 HOUR <= $closed
), weeks AS (
  SELECT this.*, date_diff('hour', min(o.hour), any_value(this.hour))::DOUBLE AS hours,
         coalesce(sum(o.plays) FILTER (o.hour < this.hour), 0) AS total,
         coalesce(sum(o.plays * o.plays) FILTER (o.hour < this.hour), 0) AS squares,
         coalesce(sum(o.listeners) FILTER (o.hour < this.hour), 0) AS audience,
         count(*) FILTER (o.hour < this.hour) AS heard,
         sum(o.each) FILTER (o.hour < this.hour) AS eaches,
         sum(o.each * o.each) FILTER (o.hour < this.hour) AS each_squares
  FROM hours this JOIN hours o ON o.subject = this.subject AND o.id = this.id
   AND o.hour BETWEEN this.hour - INTERVAL 7 DAY AND this.hour
  GROUP BY ALL
), seasons AS (
  SELECT this.*, date_diff('hour', min(o.hour), any_value(this.hour)) // 168 AS weeks_back,
         coalesce(sum(o.plays) FILTER (o.hour < this.hour), 0) AS season_total,
         coalesce(sum(o.plays * o.plays) FILTER (o.hour < this.hour), 0) AS season_squares
  FROM weeks this JOIN hours o ON o.subject = this.subject AND o.id = this.id
   AND o.hour BETWEEN this.hour - INTERVAL 28 DAY AND this.hour
   AND date_diff('hour', o.hour, this.hour) % 168 = 0
  GROUP BY ALL
), based AS (
  SELECT *, total / hours AS base, squares / hours AS base_square, audience / hours AS usual_audience,
         eaches / heard / 1000.0 AS usual_each, each_squares / heard / 1e6 AS each_square,
         season_total / nullif(weeks_back, 0) AS season, season_squares / nullif(weeks_back, 0) AS season_square
  FROM seasons WHERE hours >= $hours
), scored AS (
  SELECT *, (plays - base) / sqrt(greatest(base_square - base * base, base, 1.0)) AS z,
         CASE WHEN heard >= 3 THEN (each / 1000.0 - usual_each)
           / sqrt(greatest(each_square - usual_each * usual_each, 0.25)) END AS z_each,
         (plays - season) / sqrt(greatest(season_square - season * season, season, 1.0)) AS z_season
  FROM based
), told AS (
  SELECT *, CASE WHEN plays >= $farm * listeners
                   OR (coalesce(z_each, 0) >= $z AND listeners < 3 * greatest(usual_audience, 5)) THEN 'stream_farm'
                 WHEN z < 0 THEN 'drop' ELSE 'release_spike' END AS kind
  FROM scored WHERE (abs(z) >= $z OR coalesce(z_each, 0) >= $z) AND greatest(plays, base) >= $plays
), weighed AS (
  SELECT *, CASE WHEN kind = 'stream_farm' THEN greatest(abs(z), coalesce(z_each, 0))
                 ELSE least(abs(z), coalesce(abs(z_season), abs(z))) END AS strength FROM told
)
SELECT md5(subject || '|' || id || '|' || strftime(hour, '%Y-%m-%d %H')) AS alert_id, subject, artist_id, track_id,
       hour AS window_start, kind, CASE WHEN z < 0 THEN 'down' ELSE 'up' END AS direction,
       CASE WHEN strength >= 12 THEN 'high' WHEN strength >= 8 THEN 'medium' ELSE 'low' END AS severity,
       plays, listeners AS unique_listeners, plays::DOUBLE / listeners AS plays_per_listener,
       base AS baseline_plays, z AS z_score, usual_each AS baseline_per_listener, z_each AS z_per_listener,
       season AS seasonal_plays, z_season AS seasonal_z
FROM weighed
"""

_ACTIVITY = """
WITH begun AS (
  SELECT *, coalesce(ms - lag(ms) OVER one > $gap * 60000, true) AS begins
  FROM plays WHERE timely WINDOW one AS (PARTITION BY listener_id ORDER BY ms, event_id)
), numbered AS (
  SELECT *, sum(begins::INT) OVER (PARTITION BY listener_id ORDER BY ms, event_id ROWS UNBOUNDED PRECEDING) AS nth
  FROM begun
), sessions AS (
  SELECT listener_id, nth, min(moment) AS first, max(moment) AS last, count(*) AS plays,
         count(*) FILTER (skip) AS skips, sum(heard)::BIGINT AS heard
  FROM numbered GROUP BY listener_id, nth
)
SELECT listener_id, date_trunc('day', first) AS window_start, count(*) AS sessions, sum(plays)::BIGINT AS plays,
       sum(skips)::BIGINT AS skips, sum(heard)::BIGINT AS milliseconds_played, max(last) AS last_active
FROM sessions GROUP BY ALL
"""

_TOPICS = f"""
SELECT cluster, date_trunc('hour', moment) AS window_start, count(*) AS plays,
       {", ".join(f"avg({name}) AS {name}" for name in FEATURES)}
FROM plays JOIN clustered USING (track_id)
WHERE timely AND charted AND date_trunc('hour', moment) + INTERVAL 1 HOUR <= $closed
GROUP BY ALL
"""

_LETTERS = """
SELECT CASE WHEN is_timed AND ms IS NULL AND told_ms <= 7258118399999 THEN 'ahead' ELSE 'malformed' END AS reason,
       part AS source_partition, off AS source_offset, 1 AS records
FROM placed
WHERE NOT (is_play OR is_heartbeat) OR ms IS NULL
UNION ALL
SELECT 'too_late', part, off, 1 FROM plays WHERE NOT timely AND NOT history
UNION ALL
SELECT 'unknown_track', min(struct_pack(p := part, o := off)).p, min(struct_pack(p := part, o := off)).o, count(*)
FROM plays WHERE timely AND date_trunc('hour', moment) + INTERVAL 1 HOUR <= $closed
  AND track_id NOT IN (SELECT track_id FROM catalogue)
GROUP BY track_id
"""


@dataclass(slots=True)
class Log:
    """What the topics hold, each in the log's order."""

    plays: Sequence[StoredRecord]
    feedback: Sequence[StoredRecord] = ()
    tracks: Sequence[StoredRecord] = ()
    clusters: dict[str, list[list[float]] | list[float]] = field(default_factory=dict)
    """The record of topic `clusters`, {} where there is none."""

    artists: Sequence[StoredRecord] = ()
    rights: Sequence[StoredRecord] = ()


class Recount:
    """The tables as they must be, given the log and the end of the last hour that is closed (naive UTC).

    Without `closed` every window is: what a job over a bounded log comes to.
    """

    def __init__(self, log: Log, closed: datetime | None = None, *, lateness_minutes: int = 10) -> None:
        self._db = duckdb.connect()
        self._db.execute("SET TimeZone = 'UTC'")
        raw = _plays(log.plays)
        self._db.register("raw", raw)
        self._db.execute(_PLAYS, {"lateness": lateness_minutes})
        likes = _likes(log.feedback)
        self._db.register("liked", likes)
        self._db.execute("CREATE TABLE likes AS SELECT artist_id, make_timestamp(ms * 1000) AS moment FROM liked")
        catalogue = {
            record.key.decode(): json.loads(record.value) for record in log.tracks if record.key and record.value
        }
        known = pd.DataFrame({"track_id": pd.Series(list(catalogue), dtype="string")})
        self._db.register("catalogue", known)
        self._clusters = _clustered(catalogue, log.clusters)
        clustered = self._clusters
        self._db.register("clustered", clustered)
        last = self._db.execute("SELECT max(moment) FROM plays").fetchall()[0][0]
        self._closed = closed or (last + timedelta(days=9)).replace(minute=0, second=0, microsecond=0)

    @property
    def event_ids(self) -> set[str]:
        """Every event id that counts."""
        return {event_id for (event_id,) in self._db.execute("SELECT event_id FROM plays").fetchall()}

    def engagement(self) -> list[Row]:
        """Every artist and hour, every artist and day."""
        return self._rows(_ENGAGEMENT)

    def popularity(self, item: str, *, listeners: int, ranks: int, step: int) -> list[Row]:
        """The charts of `item` (track_id or artist_id) over the three spans, each item's latest place."""
        also = "any_value(artist_id) AS artist_id," if item == "track_id" else ""
        given = {"closed": self._closed, "listeners": listeners, "ranks": ranks}
        rows: list[Row] = []
        spans = (("1h", 1, 1, _COUNTED), ("24h", 24, step, _COUNTED), ("7d", 168, 24, _COUNTED_BY_DAY))
        for span, hours, each, how in spans:
            # Windows go on after the last play for as long as they still hold it.
            counted = how.format(hours=hours, item=item, also=also)
            rows += self._rows(_CHART.format(span=span, step=each, item=item, counted=counted), given)
        return rows

    def trends(self, *, least: int, listeners: int, ranks: int, step: int) -> list[Row]:
        """Trends with these thresholds; days of fewer than `least` listeners count as silent."""
        hours, tracks = _TRACKS.split(";", 1)
        self._db.execute(hours, {"closed": self._closed, "step": step})
        self._db.execute(tracks, {"least": least})
        return self._rows(_TRENDS, {"listeners": listeners, "ranks": ranks})

    def anomalies(self, *, hours: int, farm: float, z: float, plays: int) -> list[Row]:
        """Anomalies with these thresholds."""
        return self._rows(_ANOMALIES, {"closed": self._closed, "hours": hours, "farm": farm, "z": z, "plays": plays})

    def activity(self, *, session_minutes: int) -> list[Row]:
        """Every listener and day. All sessions must be closed."""
        return self._rows(_ACTIVITY, {"gap": session_minutes})

    def track_clusters(self) -> list[Row]:
        """Every track with features and its nearest centroid."""
        return self._clusters[["track_id", "cluster", "distance"]].to_dict("records")

    def topic_hours(self) -> list[Row]:
        """Every cluster and hour."""
        return self._rows(_TOPICS, {"closed": self._closed})

    def dead_letters(self) -> list[Row]:
        """Reason, place and number of records."""
        return [{**row, "source_topic": "plays"} for row in self._rows(_LETTERS, {"closed": self._closed})]

    def dead_letter_counts(self) -> list[Row]:
        """Records by reason."""
        by = ["reason", "source_topic"]
        counts = pd.DataFrame(self.dead_letters()).groupby(by, as_index=False)["records"].sum()
        return counts.to_dict("records")

    def tables(self, settings: Settings) -> dict[str, tuple[list[Row], tuple[str, ...]]]:
        """Every table but the archive, under these settings: its rows and its key."""
        charts = {"listeners": settings.popularity_listeners, "ranks": settings.popularity_ranks}
        charts |= {"step": settings.chart_step_hours}
        return {
            "artist_engagement": (self.engagement(), ("artist_id", "span", "window_start")),
            "track_popularity": (self.popularity("track_id", **charts), ("span", "track_id")),
            "artist_popularity": (self.popularity("artist_id", **charts), ("span", "artist_id")),
            "trends": (
                self.trends(
                    least=settings.popularity_listeners,
                    listeners=settings.trend_listeners,
                    ranks=settings.trend_ranks,
                    step=settings.chart_step_hours,
                ),
                ("track_id", "window_start"),
            ),
            "anomalies": (
                self.anomalies(
                    hours=settings.anomaly_hours,
                    farm=settings.farm_plays_per_listener,
                    z=settings.anomaly_z,
                    plays=settings.anomaly_plays,
                ),
                ("alert_id",),
            ),
            "listener_activity": (
                self.activity(session_minutes=settings.session_minutes),
                ("listener_id", "window_start"),
            ),
            "track_clusters": (self.track_clusters(), ("track_id",)),
            "topic_hours": (self.topic_hours(), ("cluster", "window_start")),
            "dead_letters": (self.dead_letters(), ("reason", "source_topic", "source_partition", "source_offset")),
            "dead_letter_counts": (self.dead_letter_counts(), ("reason", "source_topic")),
        }

    def _rows(self, sql: str, parameters: object = None) -> list[Row]:
        found = self._db.execute(sql, parameters)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _fields(value: bytes | None) -> dict[str, Any] | None:
    """The one flat object that a record is; None where it is none."""
    try:
        fields = json.loads((value or b"").decode(), parse_constant=_refuse, object_pairs_hook=_first)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or any(isinstance(one, dict | list) for one in fields.values()):
        return None
    whole = "".join(str(one) for pair in fields.items() for one in pair)
    is_text = not re.search("[\ud800-\udfff]", whole) and all(re.fullmatch("[ -~\x7f]*", name) for name in fields)
    return fields if is_text else None


def _first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a field that stands twice the first counts, but both have to be what it should be."""
    known = {*_IDENTIFIERS, *_MOMENTS, *_COUNTS, *_TEXTS, *_WORDS, "allow_training"}
    odd = {name: one for name, one in pairs if name in known and not _is_sound(name, one)}
    return dict(reversed(pairs)) | odd


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _is_sound(name: str, one: object) -> bool:
    """Whether a field is what it should be."""
    if one is None:
        return name in _MAY_BE_MISSING
    if name in _WORDS:
        return one in _WORDS[name]
    if name in _IDENTIFIERS:
        return isinstance(one, str) and bool(re.fullmatch(r"[!#-\[\]-~]{1,128}", one))
    if name in _TEXTS:
        return isinstance(one, str) and len(one) <= 128
    if name == "allow_training":
        return isinstance(one, bool)
    return type(one) is int and 0 <= one < (10**13 if name in _MOMENTS else 10**9)


def _plays(records: Iterable[StoredRecord]) -> pd.DataFrame:
    """Every record, readable or not: what it is, its fields where it is sound, and when it was told."""
    rows = []
    for record in records:
        if record.value is None:
            continue  # a deletion, which is nothing itself
        fields = _fields(record.value)
        known = fields or {}
        is_timed = fields is not None and all(_is_sound(name, known.get(name)) for name in _MOMENTS)
        is_heartbeat = (
            is_timed and "event_id" in known and (known["event_id"], known.get("listener_id")) == (None, None)
        )
        names = (*_IDENTIFIERS, *_MOMENTS, *_COUNTS, *_TEXTS, *_WORDS, "allow_training")
        is_play = is_timed and all(_is_sound(name, known.get(name)) for name in names)
        shown = known if is_play else {}
        times = [re.search(rb'"%s"\s*:\s*(\d{1,13})\s*[,}]' % name.encode(), record.value or b"") for name in _MOMENTS]
        rows.append(
            {
                "part": record.partition,
                "off": record.offset,
                "appended_ms": record.appended_ms,
                "is_timed": is_timed,
                "is_heartbeat": is_heartbeat,
                "is_play": is_play,
                "told_ms": min(int(one[1]) for one in times if one) if all(times) else None,
                **{name: shown.get(name) for name in (*_IDENTIFIERS, *_MOMENTS, "timing")},
                **{name: shown.get(name) or 0 for name in _COUNTS},
                "allow_training": bool(shown.get("allow_training")),
            }
        )
    types = dict.fromkeys((*_IDENTIFIERS, "timing"), "string")
    types |= dict.fromkeys((*_MOMENTS, *_COUNTS, "told_ms", "appended_ms"), "Int64")
    return pd.DataFrame(rows).astype(types)


def _likes(records: Iterable[StoredRecord]) -> pd.DataFrame:
    first: dict[object, tuple[object, object]] = {}
    for record in records:
        fields = _fields(record.value) or {}
        sound = all(_is_sound(name, fields.get(name)) for name in _IDENTIFIERS)
        if sound and fields.get("kind") == "like" and type(fields.get("given_at_ms")) is int:
            first.setdefault(fields["event_id"], (fields["artist_id"], fields["given_at_ms"]))
    rows = list(first.values())
    return pd.DataFrame(
        {
            "artist_id": pd.Series([row[0] for row in rows], dtype="string"),
            "ms": pd.Series([row[1] for row in rows], dtype="int64"),
        }
    )


def _clustered(catalogue: dict[str, dict[str, object]], clusters: dict[str, object]) -> pd.DataFrame:  # type: ignore[type-arg]
    """Every usable track with its cluster, distance and features."""
    sounding = {
        track_id: track["audio_features"]
        for track_id, track in catalogue.items()
        if track["allow_training"] and track["audio_features"]
    }
    columns = ["track_id", "cluster", "distance", *FEATURES]
    if not clusters or not sounding:
        empty = pd.DataFrame({name: pd.Series(dtype="float64") for name in columns})
        return empty.astype({"track_id": "string", "cluster": "int64"})
    features = pd.DataFrame.from_dict(sounding, orient="index")[list(FEATURES)]
    places = (features.to_numpy() - np.array(clusters["means"])) / np.array(clusters["deviations"])
    distances = np.linalg.norm(places[:, None, :] - np.array(clusters["centroids"])[None, :, :], axis=2)
    return features.round(6).assign(
        track_id=features.index.astype("string"), cluster=distances.argmin(axis=1), distance=distances.min(axis=1)
    )[columns]
