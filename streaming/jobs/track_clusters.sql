-- The centroids and their scale as numbers on the features' own scale, made once for each model and not for each track.
CREATE TEMPORARY VIEW cluster_places AS
SELECT ARRAY[${weights}] AS weights,
       ARRAY[
${places}
       ] AS places
FROM clusters;

-- Every track that may be used with what it needs to find its cluster. Catalogue and centroids stay in the state for
-- ever: a track that nobody edits is as good as one that changed yesterday.
CREATE TEMPORARY VIEW placed_tracks AS
SELECT /*+ STATE_TTL('t' = '0 s', 'c' = '0 s') */ track_id, audio_features, weights, places
FROM (SELECT * FROM tracks WHERE allow_training
        AND ${sounds_sane}
        AND CHAR_LENGTH(track_id) <= ${identifier_characters}) AS t CROSS JOIN cluster_places AS c;

-- For each centroid one number: the squared distance in 10^-12, times ${most_clusters}, plus the centroid's place, so
-- that the least of them names the nearest; beyond the last centroid it is absent. Where all are absent, no number or
-- beyond all measure, a track has no cluster. A row per centroid and a Top-1 over them would keep every row in state:
-- tried, it was two fifths of the whole job's work.
CREATE TEMPORARY VIEW nearest_clusters AS
SELECT * FROM (
  SELECT track_id, audio_features, ARRAY_MIN(ARRAY[
${squared_distances}
]) AS nearest
  FROM placed_tracks
)
WHERE nearest < ${beyond};

INSERT INTO track_clusters
SELECT track_id, MOD(nearest, ${most_clusters}), SQRT(nearest / ${most_clusters} / 1e12)
FROM nearest_clusters;
