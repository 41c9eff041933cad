-- The same sessions where Flink has no session windows: batch plans of 2.3 refuse them.
CREATE TEMPORARY VIEW listener_sessions AS
SELECT listener_id,
       MIN(event_ms) AS first_ms,
       MAX(event_ms) AS last_ms,
       COUNT(*) AS plays,
       COUNT(*) FILTER (WHERE is_skip) AS skips,
       SUM(CAST(milliseconds_played AS BIGINT)) AS milliseconds_played
FROM (
  SELECT listener_id, event_ms, is_skip, milliseconds_played, SUM(begins) OVER (
    PARTITION BY listener_id ORDER BY event_ms, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS nth_session
  FROM (
    SELECT listener_id, event_id, event_ms, is_skip, milliseconds_played,
           CASE WHEN event_ms - LAG(event_ms) OVER (PARTITION BY listener_id ORDER BY event_ms, event_id)
                  > ${session_minutes} * 60000 THEN 1 ELSE 0 END AS begins
    FROM timely_plays
  )
)
GROUP BY listener_id, nth_session;
