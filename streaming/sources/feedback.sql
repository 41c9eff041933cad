-- Topic `feedback`: what listeners said about tracks, as bytes; views/plays.sql takes them apart.
CREATE TABLE feedback (
  record BYTES,
  source_offset BIGINT METADATA FROM 'offset' VIRTUAL,
  arrival AS PROCTIME()
) WITH (
  'connector' = 'kafka',
  'topic' = '${tenant}.feedback',
  'properties.bootstrap.servers' = '${kafka_servers}'${kafka_login},
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'raw'
);
