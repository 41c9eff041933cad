-- The tracks that rise most, looked at every chart_step_hours, against their own seven days before.
CREATE TABLE trends (
  track_id      STRING,
  artist_id     STRING,
  window_start  TIMESTAMP_LTZ(3),  -- start of the last of the 24 hours
  `rank`        BIGINT,            -- from 1 within the window
  plays_24h     BIGINT,
  listeners_24h BIGINT,            -- distinct
  baseline_24h  DOUBLE,            -- mean plays per 24 h over the seven days before; days of too few listeners count as 0
  ratio         DOUBLE,            -- plays_24h over the baseline, the baseline floored at 1
  z_score       DOUBLE,            -- standard deviations above the baseline
  PRIMARY KEY (track_id, window_start) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.trends',
  ${upsert_kafka}
);
