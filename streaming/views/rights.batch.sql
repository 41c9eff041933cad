-- Whose plays may not be used for charts or training as things stand now, whatever the plays themselves say; each once.
CREATE TEMPORARY VIEW withheld_tracks AS
SELECT record_key AS track_id FROM track_rights WHERE NOT allow_training
UNION
SELECT t.record_key
FROM (SELECT record_key, artist_id FROM track_rights CROSS JOIN UNNEST(artist_ids) AS named (artist_id)) AS t
JOIN artist_rights AS a ON a.record_key = t.artist_id
WHERE NOT a.allow_training;

CREATE TEMPORARY VIEW withheld_listeners AS
SELECT record_key AS listener_id FROM listener_rights WHERE NOT allow_training;
