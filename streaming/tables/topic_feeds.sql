-- On request (setting topic_feeds): what happens in each topic, for other programs to follow. A row goes to the Kafka topic
-- of its cluster, `topic_feed_0` and so on, keyed by the track and kept for seven days. Each play that may be used is
-- there once a delivery, a restart may deliver again; of two rows with the same source_partition and source_offset one
-- is a repetition. No row names a listener.
CREATE TABLE topic_feeds (
  feed                STRING METADATA FROM 'topic',  -- the Kafka topic
  kind                STRING,            -- track: from now on it is in this topic; play: it was played
  cluster             BIGINT,            -- as in track_clusters; for a play that of its track when the log took the play
  track_id            STRING,
  artist_id           STRING NULL,       -- this and the following of a play only: the main artist
  played_at           TIMESTAMP_LTZ(3) NULL,
  milliseconds_played INT NULL,
  track_milliseconds  INT NULL,
  is_skip             BOOLEAN NULL,
  surface             STRING NULL,       -- where in the app
  source_partition    INT NULL,          -- where in topic plays the play stands
  source_offset       BIGINT NULL,
  noted_at            TIMESTAMP_LTZ(3)   -- when the log took the play, or the track's place
) WITH (
  'connector' = 'kafka',
  'topic' = '${topic_feeds}',
  'properties.bootstrap.servers' = '${kafka_servers}'${kafka_login},
  'key.format' = 'raw',
  'key.fields' = 'track_id',
  'value.format' = 'json',
  'value.json.timestamp-format.standard' = 'ISO-8601',
  'value.json.encode.ignore-null-fields' = 'true',
  'properties.compression.type' = 'lz4',
  'properties.max.request.size' = '${longest_row}'
);
