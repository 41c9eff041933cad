-- One track over the 24 hours that end with the hour of window_start; only the latest such row is kept.
CREATE TABLE track_popularity (
  track_id      STRING,
  artist_id     STRING,
  window_start  TIMESTAMP_LTZ(3),  -- start of the last of the 24 hours
  plays_24h     BIGINT,
  listeners_24h BIGINT,            -- distinct
  plays_8d      BIGINT,            -- the same 24 hours and the seven days before
  PRIMARY KEY (track_id) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = '${tenant}.track_popularity',
  'properties.bootstrap.servers' = '${kafka_servers}',
  'key.format' = 'json',
  'value.format' = 'json',
  'value.json.timestamp-format.standard' = 'ISO-8601',
  'properties.compression.type' = 'lz4',
  'sink.buffer-flush.max-rows' = '20000',
  'sink.buffer-flush.interval' = '${refresh_seconds} s'
);
