-- Plays that may be used, each event id once, the first to arrive. Of the listener nothing goes on.
CREATE TEMPORARY VIEW fed_plays AS
SELECT track_id, artist_id, played_at_ms, milliseconds_played, track_milliseconds, ${skip} AS is_skip, surface,
       source_partition, source_offset, appended_at
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY arrival) AS nth
  FROM (
    SELECT ${play_columns},
           source_partition, source_offset, appended_at, arrival
    FROM (
      SELECT ${tokens} AS tokens, ${event_ms} AS event_ms, source_partition, source_offset, appended_at, arrival
      FROM appended_plays
      WHERE record IS NOT NULL
    )
    WHERE tokens IS NOT NULL AND event_ms IS NOT NULL
  )
)
WHERE nth = 1 AND allow_training;

-- Which cluster each track is in, at any moment.
CREATE TEMPORARY VIEW placed AS
SELECT track_id, cluster, placed_at
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY track_id ORDER BY placed_at DESC) AS nth FROM placements)
WHERE nth = 1;

INSERT INTO topic_feeds
SELECT '${tenant}.topic_feed_' || CAST(cluster AS STRING), 'track', cluster, track_id, CAST(NULL AS STRING),
       CAST(NULL AS TIMESTAMP_LTZ(3)), CAST(NULL AS INT), CAST(NULL AS INT), CAST(NULL AS BOOLEAN),
       CAST(NULL AS STRING), CAST(NULL AS INT), CAST(NULL AS BIGINT), placed_at
FROM placements
WHERE track_id IS NOT NULL AND cluster BETWEEN 0 AND ${most_clusters} - 1
UNION ALL
SELECT '${tenant}.topic_feed_' || CAST(t.cluster AS STRING), 'play', t.cluster, p.track_id, p.artist_id,
       TO_TIMESTAMP_LTZ(p.played_at_ms, 3), p.milliseconds_played, p.track_milliseconds, p.is_skip, p.surface,
       p.source_partition, p.source_offset, p.appended_at
FROM fed_plays AS p JOIN placed FOR SYSTEM_TIME AS OF p.appended_at AS t ON t.track_id = p.track_id
WHERE t.cluster BETWEEN 0 AND ${most_clusters} - 1;
