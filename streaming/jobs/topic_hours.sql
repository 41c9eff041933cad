-- Every track of the catalogue, with its cluster where it has one. Features are summed in millionths: sums of integers
-- are the same in whatever order they are made and taken back.
CREATE TEMPORARY VIEW catalogued_tracks AS
SELECT /*+ STATE_TTL('t' = '0 s', 'n' = '0 s') */
       record_key AS known_id,
       MOD(nearest, ${most_clusters}) AS cluster,
       ${feature_millionths}
FROM (SELECT record_key FROM tracks) AS t LEFT JOIN nearest_clusters AS n ON n.track_id = t.record_key;

-- Each track's hours with what the catalogue knows of it; known_id is NULL where it knows nothing.
CREATE TEMPORARY VIEW catalogued_hours AS
SELECT /*+ STATE_TTL('h' = '${state_days} d', 'c' = '0 s') */ *
FROM track_hours AS h LEFT JOIN catalogued_tracks AS c ON h.track_id = c.known_id;

INSERT INTO topic_hours
SELECT cluster,
       CAST(hour_start AS TIMESTAMP_LTZ(3)),
       SUM(charted_plays),
       SUM(charted_plays * danceability) / 1e6 / SUM(charted_plays),
       SUM(charted_plays * energy) / 1e6 / SUM(charted_plays),
       SUM(charted_plays * valence) / 1e6 / SUM(charted_plays),
       SUM(charted_plays * acousticness) / 1e6 / SUM(charted_plays),
       SUM(charted_plays * instrumentalness) / 1e6 / SUM(charted_plays),
       SUM(charted_plays * liveness) / 1e6 / SUM(charted_plays),
       SUM(charted_plays * speechiness) / 1e6 / SUM(charted_plays),
       SUM(charted_plays * tempo) / 1e6 / SUM(charted_plays),
       SUM(charted_plays * loudness) / 1e6 / SUM(charted_plays)
FROM catalogued_hours
WHERE cluster IS NOT NULL AND charted_plays > 0
GROUP BY cluster, hour_start;
