CREATE TEMPORARY VIEW letters AS
-- 1. No JSON object at all.
SELECT 'malformed' AS reason,
       CAST(source_partition AS BIGINT) AS source_partition,
       source_offset,
       CAST(NULL AS STRING) AS record_key,
       record,
       'not a JSON object' AS detail,
       CAST(1 AS BIGINT) AS records,
       appended_at AS noted_at
FROM play_records
WHERE NOT DECODE(record, 'UTF-8') IS JSON OBJECT
UNION ALL
-- 2. JSON without what a play needs (a heartbeat needs its times only).
SELECT 'malformed', CAST(source_partition AS BIGINT), source_offset, listener_id, CAST(NULL AS BYTES),
       'a field is missing or of the wrong type: ' || CASE
         WHEN played_at_ms IS NULL THEN 'played_at_ms' WHEN ingested_at_ms IS NULL THEN 'ingested_at_ms'
         WHEN event_id IS NULL THEN 'event_id' WHEN listener_id IS NULL THEN 'listener_id'
         WHEN track_id IS NULL THEN 'track_id' WHEN artist_id IS NULL THEN 'artist_id'
         ELSE 'milliseconds_played' END,
       CAST(1 AS BIGINT), TO_TIMESTAMP_LTZ(ingested_at_ms, 3)
FROM plays
WHERE event_ms IS NULL
   OR (event_id IS NULL AND listener_id IS NOT NULL)
   OR (event_id IS NOT NULL
       AND (listener_id IS NULL OR track_id IS NULL OR artist_id IS NULL OR milliseconds_played IS NULL))
UNION ALL
-- 3. Behind the newest play of its partition by more than the windows wait: counted by artist_engagement and kept in
-- the archive, left out of every windowed table.
SELECT 'too_late', CAST(source_partition AS BIGINT), source_offset, listener_id, CAST(NULL AS BYTES),
       CAST(behind_ms / 60000 AS STRING) || ' minutes behind what its partition held already',
       CAST(1 AS BIGINT), TO_TIMESTAMP_LTZ(ingested_at_ms, 3)
FROM counted_plays
WHERE behind_ms > ${lateness_minutes} * 60000
UNION ALL
-- 4. Plays of a track that the catalogue does not hold, one row a track; the row goes when the track comes.
SELECT /*+ STATE_TTL('p' = '${state_days} d', 't' = '0 s') */
       'unknown_track', p.first_place / 17592186044416, MOD(p.first_place, 17592186044416), CAST(NULL AS STRING),
       CAST(NULL AS BYTES), 'track ' || p.track_id || ' is not in the catalogue', p.plays,
       TO_TIMESTAMP_LTZ(p.first_ingested_ms, 3)
FROM (
  SELECT track_id, SUM(plays) AS plays, MIN(first_place) AS first_place, MIN(first_ingested_ms) AS first_ingested_ms
  FROM track_hours
  GROUP BY track_id
) AS p
LEFT JOIN tracks AS t ON t.record_key = p.track_id
WHERE t.record_key IS NULL;

INSERT INTO dead_letters
SELECT reason, source_partition, source_offset, record_key, record, detail, records, noted_at FROM letters;
