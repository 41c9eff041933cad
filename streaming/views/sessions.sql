-- What one listener plays without ${session_minutes} minutes of silence.
CREATE TEMPORARY VIEW listener_sessions AS
SELECT listener_id,
       MIN(event_ms) AS first_ms,
       MAX(event_ms) AS last_ms,
       COUNT(*) AS plays,
       COUNT(*) FILTER (WHERE is_skip) AS skips,
       SUM(CAST(milliseconds_played AS BIGINT)) AS milliseconds_played
FROM TABLE(SESSION(
  TABLE timely_plays PARTITION BY listener_id, DESCRIPTOR(event_time), INTERVAL '${session_minutes}' MINUTE))
GROUP BY listener_id, window_start, window_end;
