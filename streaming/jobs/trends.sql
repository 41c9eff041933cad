-- At one hour of the day the 24-hour windows do not overlap, so the last eight of them hold eight whole days, the newest
-- being the one under test. A day without plays has no row: it counts as 0 below, and so does one of too few listeners.
CREATE TEMPORARY VIEW track_weeks AS
SELECT track_id,
       artist_id,
       window_end AS hour_end,
       hour_time,
       plays,
       listeners,
       SUM(plays) OVER eight_days AS plays_8d,
       SUM(plays * plays) OVER eight_days AS squares_8d
FROM (
  SELECT *, TIMESTAMPDIFF(HOUR, TIMESTAMP '1970-01-01 00:00:00', window_end) AS hour_number
  FROM track_days
  WHERE listeners >= ${popularity_listeners}
)
WINDOW eight_days AS (
  PARTITION BY track_id, artist_id, HOUR(window_end)
  ORDER BY ${hour_order} RANGE BETWEEN ${seven_days} PRECEDING AND CURRENT ROW
);

-- Leave-one-out mean and deviation over the seven days before; the deviation is floored by that of a Poisson count of
-- the same mean, so that a track nobody knew yet needs more than a handful of plays.
CREATE TEMPORARY VIEW track_trends AS
SELECT track_id, artist_id, hour_end, hour_time, plays, listeners, baseline,
       plays / GREATEST(baseline, 1e0) AS ratio,
       (plays - baseline) / SQRT(GREATEST(mean_square - baseline * baseline, baseline, 1e0)) AS z_score
FROM (
  SELECT *, (plays_8d - plays) / 7e0 AS baseline, (squares_8d - plays * plays) / 7e0 AS mean_square
  FROM track_weeks
);

INSERT INTO trends
SELECT track_id, artist_id, CAST(hour_end - INTERVAL '1' HOUR AS TIMESTAMP_LTZ(3)), nth, plays, listeners, baseline,
       ratio, z_score
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY z_score DESC, track_id) AS nth
  FROM TABLE(TUMBLE(
    (SELECT * FROM track_trends WHERE listeners >= ${trend_listeners} AND z_score >= 3 AND ratio >= 1.5e0),
    DESCRIPTOR(hour_time), INTERVAL '1' HOUR))
)
WHERE nth <= ${trend_ranks};
