-- What a play counts for its artist. A listener is new in the window of their first play of the artist to arrive, and
-- returning in every other one.
CREATE TEMPORARY VIEW artist_plays AS
SELECT artist_id,
       listener_id,
       arrival,
       event_ms - MOD(event_ms, 3600000) AS hour_ms,
       event_ms - MOD(event_ms, 86400000) AS day_ms,
       CASE WHEN is_first_of_artist THEN 1 ELSE 0 END AS new_listeners,
       milliseconds_played,
       CASE WHEN track_milliseconds > 0 THEN LEAST(milliseconds_played, track_milliseconds) ELSE 0 END AS heard_ms,
       track_milliseconds AS possible_ms,
       CASE WHEN is_skip THEN 1 ELSE 0 END AS skips
FROM counted_plays;

-- A listener counts in one play of each day and in one of each hour, whichever comes first. Sums of these marks count
-- listeners; COUNT(DISTINCT) would keep a map of listeners per artist and hour, all of which heap state looks through
-- again and again for what has outlived its time (docs/adr/0004-streaming-sql.md). Neither view reads the other: behind
-- one another they are planned as three frames.
CREATE TEMPORARY VIEW day_listeners AS
SELECT *, CASE WHEN COUNT(*) OVER (
  PARTITION BY artist_id, listener_id, day_ms ORDER BY arrival ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
) = 1 THEN 1 ELSE 0 END AS listeners_of_day
FROM artist_plays;

CREATE TEMPORARY VIEW hour_listeners AS
SELECT *, CASE WHEN COUNT(*) OVER (
  PARTITION BY artist_id, listener_id, hour_ms ORDER BY arrival ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
) = 1 THEN 1 ELSE 0 END AS listeners_of_hour
FROM artist_plays;

-- Plays and likes, in their hour and in their day.
CREATE TEMPORARY VIEW artist_acts AS
SELECT artist_id, 'hour' AS span, hour_ms AS start_ms, 1 AS plays, listeners_of_hour AS listeners, new_listeners,
       milliseconds_played, heard_ms, possible_ms, skips, 0 AS likes
FROM hour_listeners
UNION ALL
SELECT artist_id, 'day', day_ms, 1, listeners_of_day, new_listeners, milliseconds_played, heard_ms, possible_ms, skips, 0
FROM day_listeners
UNION ALL
SELECT artist_id, 'hour', given_at_ms - MOD(given_at_ms, 3600000), 0, 0, 0, 0, 0, 0, 0, 1 FROM counted_likes
UNION ALL
SELECT artist_id, 'day', given_at_ms - MOD(given_at_ms, 86400000), 0, 0, 0, 0, 0, 0, 0, 1 FROM counted_likes;

-- Grouped hours and days rather than windows: an open hour is refreshed at every flush and only where it changed, and a
-- late play still counts (docs/adr/0004-streaming-sql.md).
INSERT INTO artist_engagement
SELECT artist_id,
       span,
       TO_TIMESTAMP_LTZ(start_ms, 3),
       plays,
       listeners,
       1 - CAST(new_listeners AS DOUBLE) / NULLIF(listeners, 0),
       milliseconds_played,
       CAST(heard_ms AS DOUBLE) / NULLIF(possible_ms, 0),
       skips,
       likes
FROM (
  SELECT artist_id,
         span,
         start_ms,
         SUM(CAST(plays AS BIGINT)) AS plays,
         SUM(CAST(listeners AS BIGINT)) AS listeners,
         SUM(CAST(new_listeners AS BIGINT)) AS new_listeners,
         SUM(CAST(milliseconds_played AS BIGINT)) AS milliseconds_played,
         SUM(CAST(heard_ms AS BIGINT)) AS heard_ms,
         SUM(CAST(possible_ms AS BIGINT)) AS possible_ms,
         SUM(CAST(skips AS BIGINT)) AS skips,
         SUM(CAST(likes AS BIGINT)) AS likes
  FROM artist_acts
  GROUP BY artist_id, span, start_ms
);
