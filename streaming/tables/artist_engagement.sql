-- One artist in one hour.
CREATE TABLE artist_engagement (
  artist_id           STRING,
  window_start        TIMESTAMP_LTZ(3),  -- the hour's start
  plays               BIGINT,
  unique_listeners    BIGINT,
  milliseconds_played BIGINT,
  completion_rate     DOUBLE,            -- heard over possible milliseconds of tracks of known length, 0..1
  skips               BIGINT,            -- plays under 30 s of a longer track
  PRIMARY KEY (artist_id, window_start) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = '${tenant}.artist_engagement',
  'properties.bootstrap.servers' = '${kafka_servers}',
  'key.format' = 'json',
  'key.json.timestamp-format.standard' = 'ISO-8601',
  'value.format' = 'json',
  'value.json.timestamp-format.standard' = 'ISO-8601',
  'properties.compression.type' = 'lz4',
  'sink.buffer-flush.max-rows' = '20000',
  'sink.buffer-flush.interval' = '${refresh_seconds} s'
);
