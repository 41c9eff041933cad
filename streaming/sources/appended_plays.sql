-- Topic `plays` once more, in the order in which the log took the records: a play's topic is that of its track by then.
CREATE TABLE appended_plays (
  record BYTES,
  source_partition INT METADATA FROM 'partition' VIRTUAL,
  source_offset BIGINT METADATA FROM 'offset' VIRTUAL,
  appended_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  arrival AS PROCTIME(),
  WATERMARK FOR appended_at AS appended_at
) WITH (
  'connector' = 'kafka',
  'topic' = '${tenant}.plays',
  'properties.bootstrap.servers' = '${kafka_servers}'${kafka_login},
  'scan.startup.mode' = 'earliest-offset',
  'scan.watermark.idle-timeout' = '${idle_seconds} s',
  'format' = 'raw'
);
