-- The tracks most listened to over 1 hour, 24 hours and 7 days. Per span the latest window that a track entered is
-- kept: the chart is the rows whose window_end is the newest of the span.
CREATE TABLE track_popularity (
  span       STRING,            -- 1h (every hour), 24h (every chart_step_hours) or 7d (every midnight)
  track_id   STRING,
  artist_id  STRING,
  window_end TIMESTAMP_LTZ(3),  -- where the span ends, exclusive
  `rank`     BIGINT,            -- from 1 within span and window_end: most listeners, then plays, then id
  plays      BIGINT,
  listeners  BIGINT,            -- distinct
  PRIMARY KEY (span, track_id) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.track_popularity',
  ${upsert_kafka}
);
