-- Leave-one-out mean and deviation over the seven days before; the deviation is floored by that of a Poisson count of
-- the same mean, so that a track nobody knew yet needs more than a handful of plays.
CREATE TEMPORARY VIEW track_trends AS
SELECT track_id, artist_id, hour_end, hour_time, plays_24h, listeners_24h, baseline_24h,
       plays_24h / GREATEST(baseline_24h, 1e0) AS ratio,
       (plays_24h - baseline_24h)
         / SQRT(GREATEST(mean_square - baseline_24h * baseline_24h, baseline_24h, 1e0)) AS z_score
FROM (
  SELECT *,
         (plays_8d - plays_24h) / 7e0 AS baseline_24h,
         (squares_8d - plays_24h * plays_24h) / 7e0 AS mean_square
  FROM track_weeks
);

INSERT INTO trends
SELECT track_id, artist_id, CAST(hour_end - INTERVAL '1' HOUR AS TIMESTAMP_LTZ(3)), nth, plays_24h, listeners_24h,
       baseline_24h, ratio, z_score
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY z_score DESC, track_id) AS nth
  FROM TABLE(TUMBLE(
    (SELECT * FROM track_trends WHERE listeners_24h >= ${trend_listeners} AND z_score >= 3 AND ratio >= 1.5e0),
    DESCRIPTOR(hour_time), INTERVAL '1' HOUR))
)
WHERE nth <= ${trend_ranks};
