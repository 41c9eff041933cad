-- Every record with how far it is behind the newest event time of its partition so far. Whether a play is too late is
-- decided by the log alone: it is behind what stands before it in its partition. Watermarks depend on the pace of
-- reading, and so would the tables; this way a replay drops the same plays (docs/adr/0004-streaming-sql.md).
CREATE TEMPORARY VIEW ordered_plays AS
SELECT event_id, listener_id, track_id, artist_id, played_at_ms, milliseconds_played, track_milliseconds, source,
       allow_training, recommendation_id, surface, device, ingested_at_ms, event_ms, event_time,
       source_partition, source_offset, ${arrival} AS arrival,
       MAX(event_ms) OVER (
         PARTITION BY source_partition ORDER BY ${arrival} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
       ) - event_ms AS behind_ms
FROM plays;

-- Complete plays (identifiers are there and not too long), with whether each is its listener's first of its artist. Asked
-- before the deduplication, which spreads one listener's plays over subtasks and so loses their order.
CREATE TEMPORARY VIEW complete_plays AS
SELECT *, COUNT(*) OVER (
  PARTITION BY artist_id, listener_id ORDER BY arrival ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
) = 1 AS is_first_of_artist
FROM ordered_plays
WHERE CHAR_LENGTH(event_id) <= ${identifier_characters} AND CHAR_LENGTH(listener_id) <= ${identifier_characters}
  AND CHAR_LENGTH(track_id) <= ${identifier_characters} AND CHAR_LENGTH(artist_id) <= ${identifier_characters}
  AND event_ms IS NOT NULL AND milliseconds_played IS NOT NULL;

-- Each event id once, the first to arrive. Everything below reads this view; the plan shares one deduplication.
CREATE TEMPORARY VIEW counted_plays AS
SELECT event_id, listener_id, track_id, artist_id, played_at_ms, milliseconds_played, track_milliseconds, source,
       allow_training, recommendation_id, surface, device, ingested_at_ms, event_ms, event_time,
       source_partition, source_offset, arrival, behind_ms, is_first_of_artist,
       ${skip} AS is_skip
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY arrival) AS nth
  FROM complete_plays
)
WHERE nth = 1;

-- Those that windows take.
CREATE TEMPORARY VIEW timely_plays AS
SELECT * FROM counted_plays WHERE behind_ms <= ${lateness_minutes} * 60000;

CREATE TEMPORARY VIEW counted_likes AS
SELECT event_id, listener_id, artist_id, given_at_ms
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY ${arrival}) AS nth
  FROM feedback
  WHERE kind = 'like' AND CHAR_LENGTH(event_id) <= ${identifier_characters}
    AND CHAR_LENGTH(artist_id) <= ${identifier_characters} AND given_at_ms IS NOT NULL
)
WHERE nth = 1;
