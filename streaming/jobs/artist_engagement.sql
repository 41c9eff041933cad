-- Plays, listeners and time per artist and hour. A grouped hour rather than a window: an open hour is refreshed at every
-- mini-batch and only where it changed, and a late play still counts (docs/adr/0004-streaming-sql.md).
INSERT INTO artist_engagement
SELECT artist_id,
       TO_TIMESTAMP_LTZ(hour_ms, 3),
       plays,
       unique_listeners,
       milliseconds_played,
       CAST(heard_ms AS DOUBLE) / NULLIF(possible_ms, 0),
       skips
FROM (
  SELECT artist_id,
         hour_ms,
         COUNT(*) AS plays,
         COUNT(DISTINCT listener_id) AS unique_listeners,
         SUM(CAST(milliseconds_played AS BIGINT)) AS milliseconds_played,
         SUM(CAST(CASE WHEN track_milliseconds > 0 THEN LEAST(milliseconds_played, track_milliseconds) ELSE 0 END
                  AS BIGINT)) AS heard_ms,
         SUM(CAST(track_milliseconds AS BIGINT)) AS possible_ms,
         COUNT(*) FILTER (WHERE milliseconds_played < 30000 AND track_milliseconds > 30000) AS skips
  FROM (
    SELECT *, LEAST(played_at_ms, ingested_at_ms) - MOD(LEAST(played_at_ms, ingested_at_ms), 3600000) AS hour_ms
    FROM counted_plays
  )
  GROUP BY artist_id, hour_ms
);
