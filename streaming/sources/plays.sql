-- Topic `plays`: what the ingest service appended, as bytes; views/plays.sql takes them apart (backend/ports/flat.py).
-- A record whose event_id is null is a heartbeat: it moves event time on and counts for nothing.
CREATE TABLE plays (
  record BYTES,
  source_partition INT METADATA FROM 'partition' VIRTUAL,
  source_offset BIGINT METADATA FROM 'offset' VIRTUAL,
  appended_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  -- A play cannot happen after it was told, nor be told after the log has it: no clock that is ahead, a phone's or a
  -- server's, may push event time on for everybody. What is more than an hour ahead of the log, or what no calendar of
  -- ours holds, has no event time: it would end the job, or make all that follows too late, for ever.
  event_time AS CAST(TO_TIMESTAMP_LTZ(${event_ms}, 3) AS TIMESTAMP(3)),  -- UTC
  arrival AS PROCTIME(),
  WATERMARK FOR event_time AS event_time - INTERVAL '${lateness_minutes}' MINUTE
) WITH (
  'connector' = 'kafka',
  'topic' = '${tenant}.plays',
  'properties.bootstrap.servers' = '${kafka_servers}'${kafka_login},
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.idle-timeout' = '${idle_seconds} s',
  'format' = 'raw'
);
