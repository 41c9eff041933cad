-- Every counted play; a file becomes visible with the checkpoint that covers it, hence exactly once.
INSERT INTO play_archive
SELECT event_id, listener_id, track_id, artist_id, TO_TIMESTAMP_LTZ(played_at_ms, 3), milliseconds_played,
       track_milliseconds, source, allow_training, recommendation_id, surface, device,
       TO_TIMESTAMP_LTZ(ingested_at_ms, 3), DATE_FORMAT(event_time, 'yyyy-MM-dd')
FROM counted_plays;
