-- Seven days are the sums of the days that ended at midnight: a listener counts once in each day, so whoever comes back
-- weighs more, and one account at most seven. A day of fewer listeners than a chart needs is left out: its sum would let
-- one faithful listener pass for several.
CREATE TEMPORARY VIEW weekly_tracks AS
SELECT track_id, artist_id, window_start, window_end, window_time AS hour_time, SUM(plays) AS plays,
       SUM(listeners) AS listeners
FROM TABLE(HOP(
  (SELECT track_id, artist_id, hour_time, plays, listeners FROM track_days
   WHERE HOUR(window_end) = 0 AND listeners >= ${popularity_listeners}),
  DESCRIPTOR(hour_time), INTERVAL '1' DAY, INTERVAL '7' DAY))
GROUP BY track_id, artist_id, window_start, window_end, window_time;

CREATE TEMPORARY VIEW track_charts AS
SELECT '1h' AS span, track_id, artist_id, window_end, hour_time, nth AS `rank`, charted_plays AS plays,
       charted_listeners AS listeners
FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY hour_start, window_end ORDER BY charted_listeners DESC, charted_plays DESC, track_id) AS nth
  FROM track_hours
  WHERE charted_listeners >= ${popularity_listeners}
)
WHERE nth <= ${popularity_ranks}
UNION ALL
SELECT '24h', track_id, artist_id, window_end, hour_time, nth, plays, listeners
FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY window_start, window_end ORDER BY listeners DESC, plays DESC, track_id) AS nth
  FROM track_days
  WHERE listeners >= ${popularity_listeners}
)
WHERE nth <= ${popularity_ranks}
UNION ALL
SELECT '7d', track_id, artist_id, window_end, hour_time, nth, plays, listeners
FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY window_start, window_end ORDER BY listeners DESC, plays DESC, track_id) AS nth
  FROM weekly_tracks
)
WHERE nth <= ${popularity_ranks};

-- Windows of different hours are ranked apart, so a track's rows may come in any order: the latest window wins.
INSERT INTO track_popularity
SELECT span, track_id, artist_id, CAST(window_end AS TIMESTAMP_LTZ(3)), `rank`, plays, listeners
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY span, track_id ORDER BY hour_time DESC) AS nth
  FROM track_charts${charts_until}
)
WHERE nth = 1;
