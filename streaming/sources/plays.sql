-- Topic `plays`: what the ingest service appended, as backend/ports/records.py writes it.
-- A record without event_id is a heartbeat: it moves event time on and counts for nothing.
CREATE TABLE plays (
  event_id            STRING,
  listener_id         STRING,
  track_id            STRING,
  artist_id           STRING,
  played_at_ms        BIGINT,   -- when playback started, milliseconds since 1970 UTC
  milliseconds_played INT,
  track_milliseconds  INT,      -- 0 where unknown: the play counts, but neither as a skip nor for completion
  source              STRING,
  allow_training      BOOLEAN,
  recommendation_id   STRING,
  surface             STRING,
  device              STRING,
  ingested_at_ms      BIGINT,   -- the server's clock
  source_partition INT METADATA FROM 'partition' VIRTUAL,
  source_offset BIGINT METADATA FROM 'offset' VIRTUAL,
  appended_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  -- A play cannot happen after it was told: a phone whose clock is ahead must not push event time on for everybody.
  -- Times that no calendar of ours holds (before 1970, after 2199) are none: a record of them would end the job for ever.
  event_ms AS CASE WHEN LEAST(played_at_ms, ingested_at_ms) BETWEEN 0 AND 7258118399999
                   THEN LEAST(played_at_ms, ingested_at_ms) END,
  event_time AS CAST(TO_TIMESTAMP_LTZ(
    CASE WHEN LEAST(played_at_ms, ingested_at_ms) BETWEEN 0 AND 7258118399999
         THEN LEAST(played_at_ms, ingested_at_ms) END, 3) AS TIMESTAMP(3)),  -- UTC
  arrival AS PROCTIME(),
  WATERMARK FOR event_time AS event_time - INTERVAL '${lateness_minutes}' MINUTE
) WITH (
  'connector' = 'kafka',
  'topic' = '${tenant}.plays',
  'properties.bootstrap.servers' = '${kafka_servers}',
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.idle-timeout' = '${idle_seconds} s',
  'format' = 'json',
  'json.ignore-parse-errors' = 'true',
  -- The whole object is read before its fields are: else a row is made of what stood before, and after, bytes that are no
  -- text, and no letter could say of which records (jobs/dead_letters.sql).
  'json.decode.json-parser.enabled' = 'false'
);
