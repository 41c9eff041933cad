-- The windows that several tables share. charted_: without plays that may not be used for charts or training.

-- Each artist's full hours.
CREATE TEMPORARY VIEW artist_hours AS
SELECT artist_id,
       window_start AS hour_start,
       window_end,
       window_time AS hour_time,
       COUNT(*) AS plays,
       COUNT(DISTINCT listener_id) AS listeners,
       COUNT(*) FILTER (WHERE allow_training) AS charted_plays,
       COUNT(DISTINCT listener_id) FILTER (WHERE allow_training) AS charted_listeners
FROM TABLE(TUMBLE(TABLE timely_plays, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
GROUP BY artist_id, window_start, window_end, window_time;

-- Each track's full hours; first_place is where the first of its plays stands, as partition * 2^44 + offset.
CREATE TEMPORARY VIEW track_hours AS
SELECT track_id,
       artist_id,
       window_start AS hour_start,
       window_end,
       window_time AS hour_time,
       COUNT(*) AS plays,
       COUNT(DISTINCT listener_id) AS listeners,
       COUNT(*) FILTER (WHERE allow_training) AS charted_plays,
       COUNT(DISTINCT listener_id) FILTER (WHERE allow_training) AS charted_listeners,
       MIN(source_partition * 17592186044416 + source_offset) AS first_place,
       MIN(ingested_at_ms) AS first_ingested_ms
FROM TABLE(TUMBLE(TABLE timely_plays, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
GROUP BY track_id, artist_id, window_start, window_end, window_time;

-- Each track's 24 hours, every ${chart_step_hours} hours: each step more is one more row and one more merge a track.
CREATE TEMPORARY VIEW track_days AS
SELECT track_id,
       artist_id,
       window_start,
       window_end,
       window_time AS hour_time,
       COUNT(*) AS plays,
       COUNT(DISTINCT listener_id) AS listeners
FROM TABLE(HOP(
  (SELECT * FROM timely_plays WHERE allow_training), DESCRIPTOR(event_time),
  INTERVAL '${chart_step_hours}' HOUR, INTERVAL '24' HOUR))
GROUP BY track_id, artist_id, window_start, window_end, window_time;

-- Each artist's, as track_days.
CREATE TEMPORARY VIEW artist_days AS
SELECT artist_id,
       window_start,
       window_end,
       window_time AS hour_time,
       COUNT(*) AS plays,
       COUNT(DISTINCT listener_id) AS listeners
FROM TABLE(HOP(
  (SELECT * FROM timely_plays WHERE allow_training), DESCRIPTOR(event_time),
  INTERVAL '${chart_step_hours}' HOUR, INTERVAL '24' HOUR))
GROUP BY artist_id, window_start, window_end, window_time;
