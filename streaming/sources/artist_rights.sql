-- Of topic `artists` what a backfill asks: whether plays of the artist may count in charts, as the catalogue says now.
CREATE TABLE artist_rights (
  record_key     STRING,  -- the artist
  allow_training BOOLEAN,
  PRIMARY KEY (record_key) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = '${tenant}.artists',
  'properties.bootstrap.servers' = '${kafka_servers}'${kafka_login},
  'key.format' = 'raw',
  'value.format' = 'json',
  'value.json.ignore-parse-errors' = 'true',
  'value.json.decode.json-parser.enabled' = 'false',  -- the whole object or nothing, as the sink reads it
  'value.fields-include' = 'EXCEPT_KEY'
);
