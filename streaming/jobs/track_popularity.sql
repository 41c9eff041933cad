-- Each track's 24 hours, at every full hour.
CREATE TEMPORARY VIEW track_days AS
SELECT track_id,
       artist_id,
       window_end AS hour_end,
       window_time AS hour_time,
       TIMESTAMPDIFF(HOUR, TIMESTAMP '1970-01-01 00:00:00', window_end) AS hour_number,
       COUNT(*) AS plays_24h,
       COUNT(DISTINCT listener_id) AS listeners_24h
FROM TABLE(HOP(TABLE counted_plays, DESCRIPTOR(event_time), INTERVAL '1' HOUR, INTERVAL '24' HOUR))
GROUP BY track_id, artist_id, window_start, window_end, window_time;

-- Beside it the seven days before. At one hour of the day the 24-hour windows do not overlap, so the last eight of them
-- hold eight whole days, the newest being the one under test. A day without plays has no row: it counts as 0 below.
CREATE TEMPORARY VIEW track_weeks AS
SELECT track_id,
       artist_id,
       hour_end,
       hour_time,
       hour_number,
       plays_24h,
       listeners_24h,
       SUM(plays_24h) OVER eight_days AS plays_8d,
       SUM(plays_24h * plays_24h) OVER eight_days AS squares_8d
FROM track_days
WINDOW eight_days AS (
  PARTITION BY track_id, artist_id, HOUR(hour_end)
  ORDER BY ${hour_order} RANGE BETWEEN ${seven_days} PRECEDING AND CURRENT ROW
);

-- One track's hours of the day are worked on apart, so its rows may come in any order: the latest hour wins.
INSERT INTO track_popularity
SELECT track_id, artist_id, CAST(hour_end - INTERVAL '1' HOUR AS TIMESTAMP_LTZ(3)), plays_24h, listeners_24h, plays_8d
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY track_id ORDER BY ${hour_order} DESC) AS nth
  FROM track_weeks
)
WHERE nth = 1;
