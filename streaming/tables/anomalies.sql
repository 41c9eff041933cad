-- Hours of an artist or a track that are far from its own seven days before.
CREATE TABLE anomalies (
  alert_id              STRING,            -- of subject and hour: the same however often it is computed
  subject               STRING,            -- artist or track
  artist_id             STRING,
  track_id              STRING NULL,       -- absent where the subject is the artist
  window_start          TIMESTAMP_LTZ(3),  -- the hour's start
  kind                  STRING,            -- release_spike (broad audience), stream_farm (few listeners) or drop
  direction             STRING,            -- up or down, of the plays
  severity              STRING,            -- low, medium or high
  plays                 BIGINT,
  unique_listeners      BIGINT,
  plays_per_listener    DOUBLE,
  baseline_plays        DOUBLE,            -- mean plays per hour over the seven days, this hour left out, silence as 0
  z_score               DOUBLE,            -- of the plays: standard deviations from the baseline, this hour left out
  baseline_per_listener DOUBLE NULL,       -- mean plays per listener over the heard hours of the week, this one left out
  z_per_listener        DOUBLE NULL,       -- of plays per listener; absent with less than three such hours
  seasonal_plays        DOUBLE NULL,       -- mean plays of the same hour of the week, up to four weeks back
  seasonal_z            DOUBLE NULL,       -- of the plays, from that; absent in the first week
  PRIMARY KEY (alert_id) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.anomalies',
  ${upsert_kafka}
);
