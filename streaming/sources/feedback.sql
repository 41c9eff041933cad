-- Topic `feedback`: what listeners said about tracks.
CREATE TABLE feedback (
  event_id          STRING,
  listener_id       STRING,
  track_id          STRING,
  artist_id         STRING,
  kind              STRING,   -- like, dislike, hide, skip or save
  given_at_ms       BIGINT,   -- milliseconds since 1970 UTC
  recommendation_id STRING,
  source_offset BIGINT METADATA FROM 'offset' VIRTUAL,
  arrival AS PROCTIME()
) WITH (
  'connector' = 'kafka',
  'topic' = '${tenant}.feedback',
  'properties.bootstrap.servers' = '${kafka_servers}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json',
  'json.ignore-parse-errors' = 'true'
);
