-- Artists and tracks are judged alike, but an hour with a single play of a track counts as silent: most hours of most
-- tracks are of that kind, and would be most of the state. Plays per listener are kept in thousandths: sums of integers
-- are the same in whatever order they are made.
CREATE TEMPORARY VIEW subject_hours AS
SELECT subject, subject_id, artist_id, track_id, hour_start, hour_time, plays, listeners,
       TIMESTAMPDIFF(HOUR, TIMESTAMP '1970-01-01 00:00:00', hour_start) AS hour_number,
       plays * 1000 / listeners AS per_listener
FROM (
  SELECT 'artist' AS subject, artist_id AS subject_id, artist_id, CAST(NULL AS STRING) AS track_id, hour_start, hour_time,
         plays, listeners
  FROM artist_hours
  UNION ALL
  SELECT 'track', track_id, artist_id, track_id, hour_start, hour_time, plays, listeners
  FROM track_hours
  WHERE plays > 1
);

-- Each hour with the week that ends with it,
CREATE TEMPORARY VIEW subject_weeks AS
SELECT *,
       SUM(plays) OVER week_before AS plays_7d,
       SUM(plays * plays) OVER week_before AS squares_7d,
       COUNT(*) OVER week_before AS hours_7d,
       SUM(listeners) OVER week_before AS listeners_7d,
       SUM(per_listener) OVER week_before AS per_listener_7d,
       SUM(per_listener * per_listener) OVER week_before AS per_listener_squares_7d,
       MIN(hour_start) OVER week_before AS first_hour
FROM subject_hours
WINDOW week_before AS (
  PARTITION BY subject, subject_id ORDER BY ${hour_order} RANGE BETWEEN ${seven_days} PRECEDING AND CURRENT ROW
);

-- and with the same hour of the four weeks before.
CREATE TEMPORARY VIEW subject_seasons AS
SELECT *,
       SUM(plays) OVER same_hours AS season_plays,
       SUM(plays * plays) OVER same_hours AS season_squares,
       MIN(hour_start) OVER same_hours AS season_start
FROM subject_weeks
WINDOW same_hours AS (
  PARTITION BY subject, subject_id, MOD(hour_number, 168)
  ORDER BY ${hour_order} RANGE BETWEEN ${four_weeks} PRECEDING AND CURRENT ROW
);

-- Leave-one-out: the hour under test is subtracted from its own baseline, or |z| could never exceed the square root of
-- the number of hours. Silent hours have no row; they count as 0 plays from the first play in the frame on, and have no
-- plays per listener. The deviation of plays is floored by that of a Poisson count of the same mean, and by 1; that of
-- plays per listener by a half.
CREATE TEMPORARY VIEW subject_scores AS
SELECT *,
       (plays - baseline) / SQRT(GREATEST(mean_square - baseline * baseline, baseline, 1e0)) AS z,
       CASE WHEN heard >= 3 THEN (per_listener / 1e3 - usual_per_listener)
         / SQRT(GREATEST(per_listener_mean_square - usual_per_listener * usual_per_listener, 0.25e0)) END AS z_per_listener,
       (plays - seasonal)
         / SQRT(GREATEST(season_mean_square - seasonal * seasonal, seasonal, 1e0)) AS seasonal_z
FROM (
  SELECT *,
         (plays_7d - plays) / hours AS baseline,
         (squares_7d - plays * plays) / hours AS mean_square,
         (per_listener_7d - per_listener) / NULLIF(heard, 0) / 1e3 AS usual_per_listener,
         (per_listener_squares_7d - per_listener * per_listener) / NULLIF(heard, 0) / 1e6 AS per_listener_mean_square,
         (listeners_7d - listeners) / hours AS usual_listeners,
         (season_plays - plays) / NULLIF(season_weeks, 0) AS seasonal,
         (season_squares - plays * plays) / NULLIF(season_weeks, 0) AS season_mean_square
  FROM (
    SELECT *,
           CAST(TIMESTAMPDIFF(HOUR, first_hour, hour_start) AS DOUBLE) AS hours,
           CAST(hours_7d - 1 AS DOUBLE) AS heard,
           CAST(TIMESTAMPDIFF(HOUR, season_start, hour_start) / 168 AS DOUBLE) AS season_weeks
    FROM subject_seasons
  )
  WHERE hours >= ${anomaly_hours}
);

-- A farm is few listeners who play much: by a fixed measure, or far more than usual with hardly more listeners than
-- usual. An hour that is as always at this hour of the week is not severe.
INSERT INTO anomalies
SELECT MD5(subject || '|' || subject_id || '|' || DATE_FORMAT(hour_start, 'yyyy-MM-dd HH')),
       subject,
       artist_id,
       track_id,
       CAST(hour_start AS TIMESTAMP_LTZ(3)),
       kind,
       CASE WHEN z < 0 THEN 'down' ELSE 'up' END,
       CASE WHEN strength >= 12 THEN 'high' WHEN strength >= 8 THEN 'medium' ELSE 'low' END,
       plays,
       listeners,
       CAST(plays AS DOUBLE) / listeners,
       baseline,
       z,
       usual_per_listener,
       z_per_listener,
       seasonal,
       seasonal_z
FROM (
  SELECT *,
         CASE WHEN kind = 'stream_farm' THEN GREATEST(ABS(z), COALESCE(z_per_listener, 0e0))
              ELSE LEAST(ABS(z), COALESCE(ABS(seasonal_z), ABS(z))) END AS strength
  FROM (
    SELECT *,
           CASE WHEN plays >= ${farm_plays_per_listener} * listeners
                  OR (COALESCE(z_per_listener, 0e0) >= ${anomaly_z} AND listeners < 3 * GREATEST(usual_listeners, 5e0))
                THEN 'stream_farm'
                WHEN z < 0 THEN 'drop'
                ELSE 'release_spike' END AS kind
    FROM subject_scores
    WHERE GREATEST(CAST(plays AS DOUBLE), baseline) >= ${anomaly_plays}
      AND (ABS(z) >= ${anomaly_z} OR COALESCE(z_per_listener, 0e0) >= ${anomaly_z})
  )
);
