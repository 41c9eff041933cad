-- How many records stand in dead_letters, by reason.
CREATE TABLE dead_letter_counts (
  reason  STRING,
  records BIGINT,
  PRIMARY KEY (reason) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.dead_letter_counts',
  ${upsert_kafka}
);
