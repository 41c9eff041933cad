-- Of topic `tracks` what a backfill asks: whether plays of the track may count in charts, as the catalogue says now.
CREATE TABLE track_rights (
  record_key     STRING,         -- the track
  allow_training BOOLEAN,
  artist_ids     ARRAY<STRING>,  -- all of them: where one of them may not, the track may not
  PRIMARY KEY (record_key) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = '${tenant}.tracks',
  'properties.bootstrap.servers' = '${kafka_servers}'${kafka_login},
  'key.format' = 'raw',
  'value.format' = 'json',
  'value.json.ignore-parse-errors' = 'true',
  'value.json.decode.json-parser.enabled' = 'false',  -- the whole object or nothing, as the sink reads it
  'value.fields-include' = 'EXCEPT_KEY'
);
