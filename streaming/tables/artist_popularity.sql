-- The artists most listened to over 1 hour, 24 hours and 7 days, as track_popularity.
CREATE TABLE artist_popularity (
  span       STRING,            -- 1h (every hour), 24h (every chart_step_hours) or 7d (every midnight)
  artist_id  STRING,
  window_end TIMESTAMP_LTZ(3),  -- where the span ends, exclusive
  `rank`     BIGINT,            -- from 1 within span and window_end: most listeners, then plays, then id
  plays      BIGINT,
  listeners  BIGINT,            -- distinct; over 7d the sum of each day's: one listener counts at most seven times
  PRIMARY KEY (span, artist_id) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.artist_popularity',
  ${upsert_kafka}
);
