-- Compacted topic `tracks`: the catalogue, the last record of a track counts. Only what the jobs need is read.
CREATE TABLE tracks (
  record_key     STRING,
  track_id       STRING,
  allow_training BOOLEAN,
  -- How the track sounds, absent where nobody knows: shares in 0..1, tempo in beats per minute, loudness in dBFS.
  audio_features ROW<
    danceability DOUBLE, energy DOUBLE, valence DOUBLE, acousticness DOUBLE, instrumentalness DOUBLE,
    liveness DOUBLE, speechiness DOUBLE, tempo DOUBLE, loudness DOUBLE>,
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
