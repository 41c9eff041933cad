-- One artist in one hour, and in one day.
CREATE TABLE artist_engagement (
  artist_id           STRING,
  span                STRING,            -- hour or day
  window_start        TIMESTAMP_LTZ(3),  -- the hour's or day's start, UTC
  plays               BIGINT,
  unique_listeners    BIGINT,
  returning_share     DOUBLE NULL,       -- share of those listeners who had played the artist before the window, 0..1
  milliseconds_played BIGINT,
  completion_rate     DOUBLE NULL,       -- heard over possible milliseconds of tracks of known length, 0..1
  skips               BIGINT,            -- plays left before 30 s and before half of the track; none of unknown length
  likes               BIGINT,            -- likes given in the window
  PRIMARY KEY (artist_id, span, window_start) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.artist_engagement',
  ${upsert_kafka}
);
