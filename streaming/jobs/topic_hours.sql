-- Features are summed in millionths: sums of integers are the same in whatever order they are made and taken back.
CREATE TEMPORARY VIEW clustered_tracks AS
SELECT track_id,
       MOD(nearest, ${most_clusters}) AS cluster,
       CAST(ROUND(audio_features.danceability * 1e6) AS BIGINT) AS danceability,
       CAST(ROUND(audio_features.energy * 1e6) AS BIGINT) AS energy,
       CAST(ROUND(audio_features.valence * 1e6) AS BIGINT) AS valence,
       CAST(ROUND(audio_features.acousticness * 1e6) AS BIGINT) AS acousticness,
       CAST(ROUND(audio_features.instrumentalness * 1e6) AS BIGINT) AS instrumentalness,
       CAST(ROUND(audio_features.liveness * 1e6) AS BIGINT) AS liveness,
       CAST(ROUND(audio_features.speechiness * 1e6) AS BIGINT) AS speechiness,
       CAST(ROUND(audio_features.tempo * 1e6) AS BIGINT) AS tempo,
       CAST(ROUND(audio_features.loudness * 1e6) AS BIGINT) AS loudness
FROM nearest_clusters;

INSERT INTO topic_hours
SELECT /*+ STATE_TTL('h' = '${state_days} d', 'c' = '0 s') */
       cluster,
       CAST(hour_start AS TIMESTAMP_LTZ(3)),
       SUM(plays),
       SUM(plays * danceability) / 1e6 / SUM(plays),
       SUM(plays * energy) / 1e6 / SUM(plays),
       SUM(plays * valence) / 1e6 / SUM(plays),
       SUM(plays * acousticness) / 1e6 / SUM(plays),
       SUM(plays * instrumentalness) / 1e6 / SUM(plays),
       SUM(plays * liveness) / 1e6 / SUM(plays),
       SUM(plays * speechiness) / 1e6 / SUM(plays),
       SUM(plays * tempo) / 1e6 / SUM(plays),
       SUM(plays * loudness) / 1e6 / SUM(plays)
FROM (SELECT track_id, hour_start, charted_plays AS plays FROM track_hours WHERE charted_plays > 0) AS h
JOIN clustered_tracks AS c ON h.track_id = c.track_id
GROUP BY cluster, hour_start;
