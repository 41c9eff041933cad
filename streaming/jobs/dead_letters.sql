CREATE TEMPORARY VIEW letters AS
-- 1. Records that are no play and no heartbeat (backend/ports/flat.py says what is), and those that are ahead of the
-- log's own clock. Of one that could not be read at all the letter keeps the beginning, and of a long one its size and
-- its hash: a letter of all of it would be longer than Kafka takes. ISO-8859-1 gives each byte as one character.
SELECT CASE WHEN is_ahead THEN 'ahead' ELSE 'malformed' END AS reason,
       CAST(source_partition AS BIGINT) AS source_partition,
       source_offset,
       CASE WHEN is_flat THEN ${record_listener} END AS record_key,
       CASE WHEN NOT is_flat THEN ENCODE(LEFT(DECODE(record, 'ISO-8859-1'), ${letter_bytes}), 'ISO-8859-1') END AS record,
       CASE WHEN is_ahead THEN 'more than an hour ahead of the log: played_at_ms and ingested_at_ms'
            WHEN is_flat THEN 'a field is missing or not what it should be: '
              || COALESCE(${bad_field}, 'played_at_ms and ingested_at_ms (from 1970 to 2199), or one that stands twice')
            WHEN CHAR_LENGTH(DECODE(record, 'ISO-8859-1')) <= ${letter_bytes} THEN 'not one flat JSON object in UTF-8'
            ELSE 'not one flat JSON object in UTF-8: ' || CAST(CHAR_LENGTH(DECODE(record, 'ISO-8859-1')) AS STRING)
                 || ' bytes, of which the first ${letter_bytes} are kept, SHA-256 ' || SHA256(record) END AS detail,
       CAST(1 AS BIGINT) AS records,
       appended_at AS noted_at
FROM (
  SELECT record, source_partition, source_offset, appended_at, ${is_flat} AS is_flat,
         event_ms IS NULL AND (tokens IS NOT NULL OR ${is_heartbeat}) AND ${told_ms} <= ${latest_ms} AS is_ahead
  FROM ordered_records
  WHERE event_ms IS NULL OR (tokens IS NULL AND NOT ${is_heartbeat})
)
UNION ALL
-- 2. Behind the newest play of its partition by more than the windows wait: counted by artist_engagement and kept in
-- the archive, left out of every windowed table. History is never too late: a backfill brings it.
SELECT 'too_late', CAST(source_partition AS BIGINT), source_offset, listener_id, CAST(NULL AS BYTES),
       CAST(behind_ms / 60000 AS STRING) || ' minutes behind what its partition held already',
       CAST(1 AS BIGINT), TO_TIMESTAMP_LTZ(ingested_at_ms, 3)
FROM counted_plays
WHERE behind_ms > ${lateness_minutes} * 60000 AND NOT is_history
UNION ALL
-- 3. Plays of a track that the catalogue does not hold, one row a track; the row goes when the track comes, also where
-- hours of it have left the state of catalogued_hours.
SELECT /*+ STATE_TTL('p' = '${state_days} d', 't' = '0 s') */
       'unknown_track', p.first_place / 17592186044416, MOD(p.first_place, 17592186044416), CAST(NULL AS STRING),
       CAST(NULL AS BYTES), 'track ' || p.track_id || ' is not in the catalogue', p.plays,
       TO_TIMESTAMP_LTZ(p.first_ingested_ms, 3)
FROM (
  SELECT track_id, SUM(plays) AS plays, MIN(first_place) AS first_place, MIN(first_ingested_ms) AS first_ingested_ms
  FROM catalogued_hours
  WHERE known_id IS NULL
  GROUP BY track_id
) AS p
LEFT JOIN tracks AS t ON t.record_key = p.track_id
WHERE t.record_key IS NULL;

INSERT INTO dead_letters
SELECT reason, 'plays', source_partition, source_offset, record_key, record, detail, records, noted_at FROM letters;
