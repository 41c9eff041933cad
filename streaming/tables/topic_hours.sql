-- One cluster of tracks in one hour: how much it is played and how what is played sounds. All hours follow the current
-- assignment of tracks to clusters.
CREATE TABLE topic_hours (
  cluster          BIGINT,            -- as in track_clusters
  window_start     TIMESTAMP_LTZ(3),  -- the hour's start
  plays            BIGINT,
  danceability     DOUBLE NULL,       -- this and the following: means weighted by plays; shares 0..1
  energy           DOUBLE NULL,
  valence          DOUBLE NULL,
  acousticness     DOUBLE NULL,
  instrumentalness DOUBLE NULL,
  liveness         DOUBLE NULL,
  speechiness      DOUBLE NULL,
  tempo            DOUBLE NULL,       -- beats per minute
  loudness         DOUBLE NULL,       -- dBFS
  PRIMARY KEY (cluster, window_start) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.topic_hours',
  ${upsert_kafka}
);
