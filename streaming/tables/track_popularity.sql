-- The tracks most listened to over 1 hour, 24 hours and 7 days. Per span the latest window that a track entered is
-- kept: the chart is the rows whose window_end is the newest of the span. 7d is the sum of its days, without those of
-- fewer listeners than an item needs to be charted: no row tells of fewer people.
CREATE TABLE track_popularity (
  span       STRING,            -- 1h (every hour), 24h (every chart_step_hours) or 7d (every midnight)
  track_id   STRING,
  artist_id  STRING,
  window_end TIMESTAMP_LTZ(3),  -- where the span ends, exclusive
  `rank`     BIGINT,            -- from 1 within span and window_end: most listeners, then plays, then id
  plays      BIGINT,
  listeners  BIGINT,            -- distinct; over 7d the sum of each day's: one listener counts at most seven times
  PRIMARY KEY (span, track_id) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.track_popularity',
  ${upsert_kafka}
);
