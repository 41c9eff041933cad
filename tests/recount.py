"""An independent recount of the live tables: DuckDB over the records of topic `plays`, by each table's definition.

It shares nothing with the streaming SQL but the definitions in docs/data-dictionary.md.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

import duckdb

_PLAYS = """
CREATE TABLE plays AS
SELECT DISTINCT ON (event_id) event_id, listener_id, track_id, artist_id, heard, length,
       make_timestamp(least(played_at_ms, ingested_at_ms) * 1000) AS moment
FROM raw WHERE event_id IS NOT NULL ORDER BY event_id, nth
"""

_ENGAGEMENT = """
SELECT artist_id, date_trunc('hour', moment) AS window_start, count(*) AS plays,
       count(DISTINCT listener_id) AS unique_listeners, sum(heard)::BIGINT AS milliseconds_played,
       sum(CASE WHEN length > 0 THEN least(heard, length) ELSE 0 END)::DOUBLE / nullif(sum(length), 0)
         AS completion_rate,
       count(*) FILTER (heard < 30000 AND length > 30000) AS skips
FROM plays GROUP BY 1, 2
"""

_HOURS = """
CREATE TABLE hours AS
SELECT unnest(generate_series(date_trunc('hour', first) + INTERVAL 1 HOUR, ?::TIMESTAMP, INTERVAL 1 HOUR)) AS hour_end
FROM (SELECT min(moment) AS first FROM plays)
"""

_DAYS = """
CREATE TABLE days AS
SELECT track_id, any_value(artist_id) AS artist_id, hour_end, back,
       count(*) AS plays, count(DISTINCT listener_id) AS listeners
FROM hours, range(8) AS b(back), plays
WHERE moment >= hour_end - INTERVAL 24 HOUR * (back + 1) AND moment < hour_end - INTERVAL 24 HOUR * back
GROUP BY track_id, hour_end, back
"""

_TRACKS = """
CREATE TABLE tracks AS
SELECT track_id, any_value(artist_id) AS artist_id, hour_end,
       max(plays) FILTER (back = 0) AS plays_24h, max(listeners) FILTER (back = 0) AS listeners_24h,
       sum(plays)::BIGINT AS plays_8d,
       coalesce(sum(plays) FILTER (back > 0), 0) / 7.0 AS baseline,
       coalesce(sum(plays * plays) FILTER (back > 0), 0) / 7.0 AS mean_square
FROM days GROUP BY track_id, hour_end HAVING bool_or(back = 0)
"""

_POPULARITY = """
SELECT track_id, artist_id, hour_end - INTERVAL 1 HOUR AS window_start, plays_24h, listeners_24h, plays_8d
FROM tracks QUALIFY row_number() OVER (PARTITION BY track_id ORDER BY hour_end DESC) = 1
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
FROM scored WHERE listeners_24h >= ? AND z_score >= 3 AND ratio >= 1.5
QUALIFY "rank" <= ?
"""

_ANOMALIES = """
WITH counted AS (
  SELECT artist_id, date_trunc('hour', moment) AS hour, count(*) AS plays, count(DISTINCT listener_id) AS listeners
  FROM plays WHERE date_trunc('hour', moment) + INTERVAL 1 HOUR <= $closed GROUP BY 1, 2
), based AS (
  SELECT this.artist_id, this.hour, this.plays, this.listeners,
         date_diff('hour', min(other.hour), this.hour)::DOUBLE AS hours,
         coalesce(sum(other.plays) FILTER (other.hour < this.hour), 0) AS total,
         coalesce(sum(other.plays * other.plays) FILTER (other.hour < this.hour), 0) AS squares
  FROM counted this JOIN counted other ON other.artist_id = this.artist_id
   AND other.hour BETWEEN this.hour - INTERVAL 7 DAY AND this.hour
  GROUP BY this.artist_id, this.hour, this.plays, this.listeners
), scored AS (
  SELECT *, total / hours AS baseline, plays::DOUBLE / listeners AS per_listener,
         (plays - total / hours)
           / sqrt(greatest(squares / hours - (total / hours) * (total / hours), total / hours, 1.0)) AS z
  FROM based WHERE hours >= $hours
)
SELECT artist_id, hour AS window_start,
       CASE WHEN z < 0 THEN 'drop' WHEN per_listener >= $farm THEN 'stream_farm' ELSE 'release_spike' END AS kind,
       plays, listeners AS unique_listeners, baseline AS baseline_plays, z AS z_score
FROM scored WHERE abs(z) >= $z AND greatest(plays, baseline) >= $plays
"""

Row = dict[str, object]


class Recount:
    """The tables as they must be, given the records in the log and the last hour that is closed."""

    def __init__(self, values: Iterable[bytes | None]) -> None:
        self._db = duckdb.connect()
        self._db.execute("SET TimeZone = 'UTC'")
        self._db.execute(
            "CREATE TABLE raw (nth BIGINT, event_id TEXT, listener_id TEXT, track_id TEXT, artist_id TEXT, "
            "heard BIGINT, length BIGINT, played_at_ms BIGINT, ingested_at_ms BIGINT)"
        )
        self._db.executemany("INSERT INTO raw VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _readable(values))
        self._db.execute(_PLAYS)

    def close_hours(self, closed: datetime) -> None:
        """Make the windowed tables up to the hour that ends with `closed` (naive UTC)."""
        self._db.execute(_HOURS, [closed])
        self._db.execute(_DAYS)
        self._db.execute(_TRACKS)

    @property
    def event_ids(self) -> set[str]:
        """Every event id that counts."""
        return {event_id for (event_id,) in self._db.execute("SELECT event_id FROM plays").fetchall()}

    def engagement(self) -> list[Row]:
        """Every artist and hour."""
        return self._rows(_ENGAGEMENT)

    def popularity(self) -> list[Row]:
        """The latest row of each track."""
        return self._rows(_POPULARITY)

    def trends(self, *, listeners: int, ranks: int) -> list[Row]:
        """Trends with these thresholds."""
        return self._rows(_TRENDS, [listeners, ranks])

    def anomalies(self, closed: datetime, *, hours: int, farm: float, z: float, plays: int) -> list[Row]:
        """Anomalies with these thresholds, without the alert id."""
        return self._rows(_ANOMALIES, {"closed": closed, "hours": hours, "farm": farm, "z": z, "plays": plays})

    def _rows(self, sql: str, parameters: object = None) -> list[Row]:
        found = self._db.execute(sql, parameters)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


_FIELDS = ("event_id", "listener_id", "track_id", "artist_id", "milliseconds_played", "track_milliseconds")


def _readable(values: Iterable[bytes | None]) -> list[Sequence[object]]:
    """Records with every field that a play needs, in the log's order."""
    rows: list[Sequence[object]] = []
    for nth, value in enumerate(values):
        try:
            fields = json.loads(value or b"")
            rows.append((nth, *(fields[name] for name in _FIELDS), fields["played_at_ms"], fields["ingested_at_ms"]))
        except (ValueError, KeyError, TypeError):
            continue  # malformed records and heartbeats count for nothing
    return rows
