-- Every counted play, exactly once, as Parquet partitioned by day: what training reads.
CREATE TABLE play_archive (
  event_id            STRING,
  listener_id         STRING,
  track_id            STRING,
  artist_id           STRING,
  played_at           TIMESTAMP_LTZ(3),
  milliseconds_played INT,
  track_milliseconds  INT,
  source              STRING,
  allow_training      BOOLEAN,
  recommendation_id   STRING,
  surface             STRING,
  device              STRING,
  ingested_at         TIMESTAMP_LTZ(3),
  `day`               STRING             -- of event time, UTC, YYYY-MM-DD
) PARTITIONED BY (`day`) WITH (
  'connector' = 'filesystem',
  'path' = '${archive}',
  'format' = 'parquet',
  'parquet.compression' = 'SNAPPY',
  'parquet.utc-timezone' = 'true',
  'parquet.write.int64.timestamp' = 'true',
  'parquet.timestamp.time.unit' = 'millis'
);
