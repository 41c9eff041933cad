-- One listener in one day. A session ends with silence (session_minutes) and counts whole for the day it began in.
CREATE TABLE listener_activity (
  listener_id         STRING,
  window_start        TIMESTAMP_LTZ(3),  -- the day's start, UTC
  sessions            BIGINT,
  plays               BIGINT,
  skips               BIGINT,            -- plays left before 30 s and before half of the track; none of unknown length
  milliseconds_played BIGINT,
  last_active         TIMESTAMP_LTZ(3),  -- start of the last play of those sessions
  PRIMARY KEY (listener_id, window_start) NOT ENFORCED
) WITH (
  'topic' = '${tenant}.listener_activity',
  ${upsert_kafka}
);
