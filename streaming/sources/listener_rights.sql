-- Compacted topic `rights`: whether models and charts may learn of a listener, the past included. Backfills ask it.
CREATE TABLE listener_rights (
  record_key     STRING,  -- the listener's pseudonym
  allow_training BOOLEAN,
  PRIMARY KEY (record_key) NOT ENFORCED
) WITH (
  'connector' = 'upsert-kafka',
  'topic' = '${tenant}.rights',
  'properties.bootstrap.servers' = '${kafka_servers}'${kafka_login},
  'key.format' = 'raw',
  'value.format' = 'json',
  'value.json.ignore-parse-errors' = 'true',
  'value.json.decode.json-parser.enabled' = 'false',  -- the whole object or nothing, as the sink reads it
  'value.fields-include' = 'EXCEPT_KEY'
);
