-- Topic `track_clusters` as it is written: each record puts a track into a cluster from then on. That of a track which
-- has none any more is passed over. A silent partition holds nobody up for long: clusters change when a model is promoted.
CREATE TABLE placements (
  track_id  STRING,
  cluster   BIGINT,
  placed_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  WATERMARK FOR placed_at AS placed_at
) WITH (
  'connector' = 'kafka',
  'topic' = '${tenant}.track_clusters',
  'properties.bootstrap.servers' = '${kafka_servers}'${kafka_login},
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.idle-timeout' = '5 s',
  'format' = 'json',
  'json.ignore-parse-errors' = 'true'
);
