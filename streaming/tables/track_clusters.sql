-- The nearest cluster of every track whose audio features are known and may be used.
CREATE TABLE track_clusters (
  track_id STRING,
  cluster  BIGINT,  -- place in the list of centroids, from 0
  distance DOUBLE,  -- Euclidean, in standard deviations
  PRIMARY KEY (track_id) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.track_clusters',
  ${upsert_kafka}
);
