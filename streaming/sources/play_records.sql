-- Topic `plays` once more, as bytes: the JSON format passes over what is no JSON at all, dead_letters must not.
CREATE TABLE play_records (
  record BYTES,
  source_partition INT METADATA FROM 'partition' VIRTUAL,
  source_offset BIGINT METADATA FROM 'offset' VIRTUAL,
  appended_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL
) WITH (
  'connector' = 'kafka',
  'topic' = '${tenant}.plays',
  'properties.bootstrap.servers' = '${kafka_servers}',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'raw'
);
