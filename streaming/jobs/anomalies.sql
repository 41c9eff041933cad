-- Each artist's full hours, with the week that ends with them.
CREATE TEMPORARY VIEW artist_weeks AS
SELECT artist_id,
       hour_start,
       hour_time,
       plays,
       listeners,
       SUM(plays) OVER week_before AS plays_7d,
       SUM(plays * plays) OVER week_before AS squares_7d,
       MIN(hour_start) OVER week_before AS first_hour
FROM (
  SELECT artist_id,
         window_start AS hour_start,
         window_time AS hour_time,
         TIMESTAMPDIFF(HOUR, TIMESTAMP '1970-01-01 00:00:00', window_start) AS hour_number,
         COUNT(*) AS plays,
         COUNT(DISTINCT listener_id) AS listeners
  FROM TABLE(TUMBLE(TABLE counted_plays, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
  GROUP BY artist_id, window_start, window_end, window_time
)
WINDOW week_before AS (
  PARTITION BY artist_id ORDER BY ${hour_order} RANGE BETWEEN ${seven_days} PRECEDING AND CURRENT ROW
);

-- Leave-one-out: the hour under test is subtracted from its own baseline, or |z| could never exceed the square root of
-- the number of hours. Silent hours have no row; they count as 0 from the first play in the week on. The deviation is
-- floored by that of a Poisson count of the same mean.
CREATE TEMPORARY VIEW artist_scores AS
SELECT *,
       CAST(plays AS DOUBLE) / listeners AS plays_per_listener,
       (plays - baseline) / SQRT(GREATEST(mean_square - baseline * baseline, baseline, 1e0)) AS z
FROM (
  SELECT *, (plays_7d - plays) / hours AS baseline, (squares_7d - plays * plays) / hours AS mean_square
  FROM (
    SELECT *, CAST(TIMESTAMPDIFF(HOUR, first_hour, hour_start) AS DOUBLE) AS hours
    FROM artist_weeks
  )
  WHERE hours >= ${anomaly_hours}
);

INSERT INTO anomalies
SELECT MD5(artist_id || '|' || DATE_FORMAT(hour_start, 'yyyy-MM-dd HH') || '|' || kind),
       artist_id,
       CAST(hour_start AS TIMESTAMP_LTZ(3)),
       kind,
       CASE WHEN ABS(z) >= 12 THEN 'high' WHEN ABS(z) >= 8 THEN 'medium' ELSE 'low' END,
       plays,
       listeners,
       plays_per_listener,
       baseline,
       z
FROM (
  SELECT *,
         CASE WHEN z < 0 THEN 'drop'
              WHEN plays_per_listener >= ${farm_plays_per_listener} THEN 'stream_farm'
              ELSE 'release_spike' END AS kind
  FROM artist_scores
)
WHERE ABS(z) >= ${anomaly_z} AND GREATEST(CAST(plays AS DOUBLE), baseline) >= ${anomaly_plays};
