-- What counts for an artist: plays and likes, in their hour and in their day. A listener is new in the window of their
-- first play of the artist to arrive, and returning in every other one.
CREATE TEMPORARY VIEW artist_acts AS
SELECT artist_id,
       'hour' AS span,
       hour_ms AS start_ms,
       1 AS plays,
       CASE WHEN is_first_of_hour THEN 1 ELSE 0 END AS listeners,
       CASE WHEN is_first_of_artist THEN 1 ELSE 0 END AS new_listeners,
       milliseconds_played,
       CASE WHEN track_milliseconds > 0 THEN LEAST(milliseconds_played, track_milliseconds) ELSE 0 END AS heard_ms,
       track_milliseconds AS possible_ms,
       CASE WHEN is_skip THEN 1 ELSE 0 END AS skips,
       0 AS likes
FROM counted_plays
UNION ALL
SELECT artist_id,
       'day',
       day_ms,
       1,
       CASE WHEN is_first_of_day THEN 1 ELSE 0 END,
       CASE WHEN is_first_of_artist THEN 1 ELSE 0 END,
       milliseconds_played,
       CASE WHEN track_milliseconds > 0 THEN LEAST(milliseconds_played, track_milliseconds) ELSE 0 END,
       track_milliseconds,
       CASE WHEN is_skip THEN 1 ELSE 0 END,
       0
FROM counted_plays
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
