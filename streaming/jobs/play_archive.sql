-- Every play, each event id once, the first to arrive; a file becomes visible with the checkpoint that covers it, hence
-- exactly once. Deduplicated by itself, as counted_plays is: what that view knows beside it (whose first play of an artist
-- it is) would be state that names listeners, for nothing.
INSERT INTO play_archive
SELECT event_id, listener_id, track_id, artist_id, TO_TIMESTAMP_LTZ(played_at_ms, 3), milliseconds_played,
       track_milliseconds, source, ${may_train}, recommendation_id, surface, device,
       TO_TIMESTAMP_LTZ(ingested_at_ms, 3), DATE_FORMAT(event_time, 'yyyy-MM-dd')
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY arrival) AS nth
  FROM sound_plays
)${with_rights}
WHERE nth = 1;
