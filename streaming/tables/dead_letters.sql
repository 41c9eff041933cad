-- Records that could not be taken over, and why: plays that a table could not count, as Flink found them, and records of
-- every other topic that are not what they should be, as the sink did. Of a record that could not be read the first 4 KiB
-- are kept, and of a longer one its size and SHA-256 in `detail`.
CREATE TABLE dead_letters (
  reason           STRING,            -- malformed, ahead, unknown_track or too_late
  source_topic     STRING,            -- topic of the record: plays, or one of those that the sink reads
  source_partition BIGINT,            -- where in the topic the record stands
  source_offset    BIGINT,
  record_key       STRING NULL,       -- the listener, or the record's own key, where it could be read
  record           BYTES NULL,        -- the original, where it could not (base64 in JSON)
  detail           STRING,            -- what is wrong
  records          BIGINT,            -- how many records the row stands for: all plays of one unknown track, else 1
  noted_at         TIMESTAMP_LTZ(3),  -- when the record was appended or ingested
  PRIMARY KEY (reason, source_topic, source_partition, source_offset) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.dead_letters',
  ${upsert_kafka}
);
