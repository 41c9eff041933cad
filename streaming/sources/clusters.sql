-- Compacted topic `clusters`: one record, the centroids that the promoted model's training found, and the statistics
-- that bring a track's audio features onto the centroids' scale. One record, so that a new model replaces all at once.
CREATE TABLE clusters (
  record_key STRING,
  version    STRING,                -- of the model
  means      ARRAY<DOUBLE>,         -- of each feature, in the order of tracks.audio_features
  deviations ARRAY<DOUBLE>,         -- standard deviations
  centroids  ARRAY<ARRAY<DOUBLE>>,  -- per cluster, each feature less its mean, over its deviation
  PRIMARY KEY (record_key) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = '${tenant}.clusters',
  'properties.bootstrap.servers' = '${kafka_servers}'${kafka_login},
  'key.format' = 'raw',
  'value.format' = 'json',
  'value.json.ignore-parse-errors' = 'true',
  'value.json.decode.json-parser.enabled' = 'false',  -- the whole object or nothing, as the sink reads it
  'value.fields-include' = 'EXCEPT_KEY'
);
