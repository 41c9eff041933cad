-- Hours of an artist that are far from the artist's own seven days before.
CREATE TABLE anomalies (
  alert_id           STRING,            -- the same however often it is computed
  artist_id          STRING,
  window_start       TIMESTAMP_LTZ(3),  -- the hour's start
  kind               STRING,            -- release_spike, stream_farm or drop
  severity           STRING,            -- low, medium or high
  plays              BIGINT,
  unique_listeners   BIGINT,
  plays_per_listener DOUBLE,
  baseline_plays     DOUBLE,            -- mean plays per hour over the baseline, this hour left out
  z_score            DOUBLE,            -- standard deviations from the baseline, this hour left out
  PRIMARY KEY (alert_id) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = '${tenant}.anomalies',
  'properties.bootstrap.servers' = '${kafka_servers}',
  'key.format' = 'json',
  'value.format' = 'json',
  'value.json.timestamp-format.standard' = 'ISO-8601',
  'properties.compression.type' = 'lz4',
  'sink.buffer-flush.max-rows' = '20000',
  'sink.buffer-flush.interval' = '${refresh_seconds} s'
);
