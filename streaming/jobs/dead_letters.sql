-- Records of which the JSON format of table plays makes no row: exactly those, or a record is lost, or told twice. The
-- format reads one object and nothing behind it, in UTF-8 (a byte order mark before it does no harm), UTF-16 or UTF-32;
-- text may hold control characters, and of UTF-8 it asks only that as many bytes follow as the first one promises. Sound
-- UTF-8 is asked for first: what comes after costs the odd ones only. ISO-8859-1 gives each byte as one character; where
-- a byte belongs to none, one is put that JSON has no place for.
CREATE TEMPORARY VIEW unread_records AS
SELECT record, source_partition, source_offset, appended_at
FROM play_records
WHERE record IS NULL OR NOT (
  (ENCODE(DECODE(record, 'UTF-8'), 'UTF-8') = record AND DECODE(record, 'UTF-8') IS JSON OBJECT)
  OR REGEXP_REPLACE(
       REGEXP_REPLACE(
         REGEXP_REPLACE(
           REGEXP_REPLACE(DECODE(record, 'ISO-8859-1'), '^\xEF\xBB\xBF', ''),
           '[\t\n\r]', ' '),
         '[\x00-\x1F]|[\xC0-\xDF][\x80-\xBF]|[\xE0-\xEF][\x80-\xBF]{2}|[\xF0-\xF7][\x80-\xBF]{3}', '_'),
       '[\x80-\xFF]', U&'\0001') IS JSON OBJECT
  OR TRIM(LEADING U&'\FEFF' FROM DECODE(record, 'UTF-16LE')) IS JSON OBJECT
  OR TRIM(LEADING U&'\FEFF' FROM DECODE(record, 'UTF-16BE')) IS JSON OBJECT
  OR TRIM(LEADING U&'\FEFF' FROM DECODE(record, 'UTF-32LE')) IS JSON OBJECT
  OR TRIM(LEADING U&'\FEFF' FROM DECODE(record, 'UTF-32BE')) IS JSON OBJECT
);

CREATE TEMPORARY VIEW letters AS
-- 1. No JSON object at all. Of a long record the letter keeps the beginning, its size and its hash: a letter of all of
-- it would be longer than Kafka takes.
SELECT 'malformed' AS reason,
       CAST(source_partition AS BIGINT) AS source_partition,
       source_offset,
       CAST(NULL AS STRING) AS record_key,
       ENCODE(LEFT(DECODE(record, 'ISO-8859-1'), ${letter_bytes}), 'ISO-8859-1') AS record,
       CASE WHEN record IS NULL THEN 'no value'
            WHEN CHAR_LENGTH(DECODE(record, 'ISO-8859-1')) <= ${letter_bytes} THEN 'not a JSON object'
            ELSE 'not a JSON object: ' || CAST(CHAR_LENGTH(DECODE(record, 'ISO-8859-1')) AS STRING)
                 || ' bytes, of which the first ${letter_bytes} are kept, SHA-256 ' || SHA256(record) END AS detail,
       CAST(1 AS BIGINT) AS records,
       appended_at AS noted_at
FROM unread_records
UNION ALL
-- 2. JSON without what a play needs (a heartbeat needs its times only), or with identifiers longer than the contract
-- lets them be: each is a key of tables, and Kafka takes no row of any length.
SELECT 'malformed', CAST(source_partition AS BIGINT), source_offset, LEFT(listener_id, ${identifier_characters}),
       CAST(NULL AS BYTES),
       'a field is missing, of the wrong type or too long: ' || CASE
         WHEN played_at_ms IS NULL THEN 'played_at_ms' WHEN ingested_at_ms IS NULL THEN 'ingested_at_ms'
         WHEN event_ms IS NULL THEN 'played_at_ms (from 1970 to 2199)'
         WHEN event_id IS NULL OR CHAR_LENGTH(event_id) > ${identifier_characters} THEN 'event_id'
         WHEN listener_id IS NULL OR CHAR_LENGTH(listener_id) > ${identifier_characters} THEN 'listener_id'
         WHEN track_id IS NULL OR CHAR_LENGTH(track_id) > ${identifier_characters} THEN 'track_id'
         WHEN artist_id IS NULL OR CHAR_LENGTH(artist_id) > ${identifier_characters} THEN 'artist_id'
         ELSE 'milliseconds_played' END,
       CAST(1 AS BIGINT), appended_at
FROM plays
WHERE event_ms IS NULL
   OR (event_id IS NULL AND listener_id IS NOT NULL)
   OR (event_id IS NOT NULL
       AND (listener_id IS NULL OR track_id IS NULL OR artist_id IS NULL OR milliseconds_played IS NULL
            OR CHAR_LENGTH(event_id) > ${identifier_characters} OR CHAR_LENGTH(listener_id) > ${identifier_characters}
            OR CHAR_LENGTH(track_id) > ${identifier_characters} OR CHAR_LENGTH(artist_id) > ${identifier_characters}))
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
