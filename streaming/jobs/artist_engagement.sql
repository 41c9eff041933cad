-- What counts for an artist: plays and likes. A listener is new in the window of their first play of the artist to
-- arrive, and returning in every other one.
CREATE TEMPORARY VIEW artist_acts AS
SELECT artist_id,
       event_ms AS act_ms,
       listener_id,
       1 AS plays,
       milliseconds_played,
       CASE WHEN track_milliseconds > 0 THEN LEAST(milliseconds_played, track_milliseconds) ELSE 0 END AS heard_ms,
       track_milliseconds AS possible_ms,
       CASE WHEN is_skip THEN 1 ELSE 0 END AS skips,
       0 AS likes,
       CASE WHEN is_first_of_artist THEN 1 ELSE 0 END AS new_listeners
FROM counted_plays
UNION ALL
SELECT artist_id, given_at_ms, CAST(NULL AS STRING), 0, 0, 0, 0, 0, 1, 0
FROM counted_likes;

-- Grouped hours and days rather than windows: an open hour is refreshed at every flush and only where it changed, and a
-- late play still counts (docs/adr/0004-streaming-sql.md).
INSERT INTO artist_engagement
SELECT artist_id,
       span,
       TO_TIMESTAMP_LTZ(start_ms, 3),
       plays,
       unique_listeners,
       1 - CAST(new_listeners AS DOUBLE) / NULLIF(unique_listeners, 0),
       milliseconds_played,
       CAST(heard_ms AS DOUBLE) / NULLIF(possible_ms, 0),
       skips,
       likes
FROM (
  SELECT artist_id,
         span,
         start_ms,
         SUM(CAST(plays AS BIGINT)) AS plays,
         COUNT(DISTINCT listener_id) AS unique_listeners,
         SUM(CAST(new_listeners AS BIGINT)) AS new_listeners,
         SUM(CAST(milliseconds_played AS BIGINT)) AS milliseconds_played,
         SUM(CAST(heard_ms AS BIGINT)) AS heard_ms,
         SUM(CAST(possible_ms AS BIGINT)) AS possible_ms,
         SUM(CAST(skips AS BIGINT)) AS skips,
         SUM(CAST(likes AS BIGINT)) AS likes
  FROM (
    SELECT *, 'hour' AS span, act_ms - MOD(act_ms, 3600000) AS start_ms FROM artist_acts
    UNION ALL
    SELECT *, 'day' AS span, act_ms - MOD(act_ms, 86400000) AS start_ms FROM artist_acts
  )
  GROUP BY artist_id, span, start_ms
);
