-- As weekly_tracks.
CREATE TEMPORARY VIEW weekly_artists AS
SELECT artist_id, window_start, window_end, window_time AS hour_time, SUM(plays) AS plays, SUM(listeners) AS listeners
FROM TABLE(HOP(
  (SELECT artist_id, hour_time, plays, listeners FROM artist_days
   WHERE HOUR(window_end) = 0 AND listeners >= ${popularity_listeners}),
  DESCRIPTOR(hour_time), INTERVAL '1' DAY, INTERVAL '7' DAY))
GROUP BY artist_id, window_start, window_end, window_time;

CREATE TEMPORARY VIEW artist_charts AS
SELECT '1h' AS span, artist_id, window_end, hour_time, nth AS `rank`, charted_plays AS plays,
       charted_listeners AS listeners
FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY hour_start, window_end ORDER BY charted_listeners DESC, charted_plays DESC, artist_id) AS nth
  FROM artist_hours
  WHERE charted_listeners >= ${popularity_listeners}
)
WHERE nth <= ${popularity_ranks}
UNION ALL
SELECT '24h', artist_id, window_end, hour_time, nth, plays, listeners
FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY window_start, window_end ORDER BY listeners DESC, plays DESC, artist_id) AS nth
  FROM artist_days
  WHERE listeners >= ${popularity_listeners}
)
WHERE nth <= ${popularity_ranks}
UNION ALL
SELECT '7d', artist_id, window_end, hour_time, nth, plays, listeners
FROM (
  SELECT *, ROW_NUMBER() OVER (
    PARTITION BY window_start, window_end ORDER BY listeners DESC, plays DESC, artist_id) AS nth
  FROM weekly_artists
)
WHERE nth <= ${popularity_ranks};

INSERT INTO artist_popularity
SELECT span, artist_id, CAST(window_end AS TIMESTAMP_LTZ(3)), `rank`, plays, listeners
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY span, artist_id ORDER BY hour_time DESC) AS nth
  FROM artist_charts${charts_until}
)
WHERE nth = 1;
