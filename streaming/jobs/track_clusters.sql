-- Every track that may be used, its features less the published means, over the published deviations. Catalogue and
-- centroids stay in the state for ever: a track that nobody edits is as good as one that changed yesterday.
CREATE TEMPORARY VIEW normalised_tracks AS
SELECT /*+ STATE_TTL('t' = '0 s', 'c' = '0 s') */
       track_id,
       audio_features,
       centroids,
       (audio_features.danceability - means[1]) / deviations[1] AS x1,
       (audio_features.energy - means[2]) / deviations[2] AS x2,
       (audio_features.valence - means[3]) / deviations[3] AS x3,
       (audio_features.acousticness - means[4]) / deviations[4] AS x4,
       (audio_features.instrumentalness - means[5]) / deviations[5] AS x5,
       (audio_features.liveness - means[6]) / deviations[6] AS x6,
       (audio_features.speechiness - means[7]) / deviations[7] AS x7,
       (audio_features.tempo - means[8]) / deviations[8] AS x8,
       (audio_features.loudness - means[9]) / deviations[9] AS x9
FROM (SELECT * FROM tracks WHERE allow_training
        AND ${sounds_sane}
        AND CHAR_LENGTH(track_id) <= ${identifier_characters}) AS t CROSS JOIN clusters AS c;

-- For each centroid one number: the squared distance in 10^-12, times ${most_clusters}, plus the centroid's place, so
-- that the least of them names the nearest; beyond the last centroid, and where the distance is no number or beyond all
-- measure, it is absent, and a track without any has no cluster. A row per centroid and a Top-1 over them would keep
-- every row in state: tried, it was two fifths of the whole job's work.
CREATE TEMPORARY VIEW nearest_clusters AS
SELECT * FROM (
  SELECT track_id, audio_features, ARRAY_MIN(ARRAY[
${squared_distances}
]) AS nearest
  FROM normalised_tracks
)
WHERE nearest IS NOT NULL;

INSERT INTO track_clusters
SELECT track_id, MOD(nearest, ${most_clusters}), SQRT(nearest / ${most_clusters} / 1e12)
FROM nearest_clusters;
