-- Every track that may be used, its features less the published means, over the published deviations.
CREATE TEMPORARY VIEW normalised_tracks AS
SELECT track_id,
       centroids,
       ARRAY[
         (audio_features.danceability - means[1]) / deviations[1],
         (audio_features.energy - means[2]) / deviations[2],
         (audio_features.valence - means[3]) / deviations[3],
         (audio_features.acousticness - means[4]) / deviations[4],
         (audio_features.instrumentalness - means[5]) / deviations[5],
         (audio_features.liveness - means[6]) / deviations[6],
         (audio_features.speechiness - means[7]) / deviations[7],
         (audio_features.tempo - means[8]) / deviations[8],
         (audio_features.loudness - means[9]) / deviations[9]
       ] AS place
FROM (SELECT * FROM tracks WHERE allow_training AND audio_features.tempo IS NOT NULL), clusters;

CREATE TEMPORARY VIEW nearest_clusters AS
SELECT track_id, cluster, distance
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY track_id ORDER BY distance, cluster) AS nth
  FROM (
    SELECT track_id,
           CAST(nth_centroid - 1 AS BIGINT) AS cluster,
           SQRT(
             POWER(place[1] - centroid[1], 2) + POWER(place[2] - centroid[2], 2) + POWER(place[3] - centroid[3], 2)
             + POWER(place[4] - centroid[4], 2) + POWER(place[5] - centroid[5], 2) + POWER(place[6] - centroid[6], 2)
             + POWER(place[7] - centroid[7], 2) + POWER(place[8] - centroid[8], 2) + POWER(place[9] - centroid[9], 2)
           ) AS distance
    FROM normalised_tracks CROSS JOIN UNNEST(centroids) WITH ORDINALITY AS listed (centroid, nth_centroid)
  )
)
WHERE nth = 1;

INSERT INTO track_clusters SELECT track_id, cluster, distance FROM nearest_clusters;
