INSERT INTO listener_activity
SELECT listener_id,
       TO_TIMESTAMP_LTZ(day_ms, 3),
       COUNT(*),
       SUM(plays),
       SUM(skips),
       SUM(milliseconds_played),
       TO_TIMESTAMP_LTZ(MAX(last_ms), 3)
FROM (SELECT *, first_ms - MOD(first_ms, 86400000) AS day_ms FROM listener_sessions)
GROUP BY listener_id, day_ms;
