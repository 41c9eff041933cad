-- Every record that is there still, with how far it is behind the newest event time of its partition so far. Whether a play is too late is
-- decided by the log alone: it is behind what stands before it in its partition. Watermarks depend on the pace of
-- reading, and so would the tables; this way a replay drops the same plays (docs/adr/0004-streaming-sql.md).
-- A record without a value takes away the one of its key (EventLog.forget): it is nothing itself.
-- A play's tokens, NULL of anything else, are cut out before the window: behind it they are not cut out again for each
-- column.
CREATE TEMPORARY VIEW ordered_records AS
SELECT record, source_partition, source_offset, appended_at, event_time, arrival, tokens,
       ${ms_of_event_time} AS event_ms,
       (${ms_of_newest}) - (${ms_of_event_time}) AS behind_ms
FROM (
  SELECT record, source_partition, source_offset, appended_at, event_time, ${arrival} AS arrival, ${tokens} AS tokens,
         MAX(CAST(event_time AS TIMESTAMP(3))) OVER (
           PARTITION BY source_partition ORDER BY ${arrival} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
         ) AS newest
  FROM plays
  WHERE record IS NOT NULL
);

-- The plays among them; heartbeats are none, and what is neither has a letter (jobs/dead_letters.sql).
CREATE TEMPORARY VIEW sound_plays AS
SELECT ${play_columns},
       event_ms, event_time, source_partition, source_offset, arrival, behind_ms
FROM ordered_records
WHERE tokens IS NOT NULL AND event_ms IS NOT NULL;

-- With whether each play is its listener's first of its artist: asked before the deduplication, which spreads one
-- listener's plays over subtasks and so loses their order.
CREATE TEMPORARY VIEW complete_plays AS
SELECT *, COUNT(*) OVER (
  PARTITION BY artist_id, listener_id ORDER BY arrival ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
) = 1 AS is_first_of_artist
FROM sound_plays;

-- Each event id once, the first to arrive. Everything below reads this view; the plan shares one deduplication. A backfill
-- asks again whether a play may be used for charts and training: track, artists or listener may say no by now.
CREATE TEMPORARY VIEW counted_plays AS
SELECT event_id, listener_id, track_id, artist_id, played_at_ms, milliseconds_played, track_milliseconds, source,
       ${may_train}, recommendation_id, surface, device, ingested_at_ms, event_ms, event_time,
       ${is_history} AS is_history, source_partition, source_offset, arrival, behind_ms, is_first_of_artist,
       ${skip} AS is_skip
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY arrival) AS nth
  FROM complete_plays
)${with_rights}
WHERE nth = 1;

-- Those that windows take; in a backfill history, too, whatever stands before it.
CREATE TEMPORARY VIEW timely_plays AS
SELECT * FROM counted_plays WHERE behind_ms <= ${lateness_minutes} * 60000${or_history};

-- Likes; of feedback that is not what it should be the sink writes the letter.
CREATE TEMPORARY VIEW counted_likes AS
SELECT event_id, listener_id, artist_id, given_at_ms
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY arrival) AS nth
  FROM (
    SELECT ${feedback_columns}, ${arrival} AS arrival FROM feedback WHERE ${is_feedback}
  )
  WHERE kind = 'like'
)
WHERE nth = 1;
