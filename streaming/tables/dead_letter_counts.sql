-- How many records stand in dead_letters, by reason and topic.
CREATE TABLE dead_letter_counts (
  reason       STRING,
  source_topic STRING,
  records      BIGINT,
  PRIMARY KEY (reason, source_topic) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.dead_letter_counts',
  ${upsert_kafka}
);
