"""Domain values as messages of the contract, for clients that send them."""

from segue.v1 import catalogue_pb2, play_pb2

from backend.domain.plays import Play
from backend.domain.rights import Source
from backend.domain.tracks import Artist, AudioFeatures, Track

_SOURCES = {source: f"SOURCE_{source.name}" for source in Source}


def artist_message(artist: Artist) -> catalogue_pb2.Artist:
    """An artist as the catalogue calls take it."""
    return catalogue_pb2.Artist(
        artist_id=artist.artist_id,
        name=artist.name,
        tags=artist.tags,
        source=_SOURCES[artist.source],
        allow_training=artist.allow_training,
    )


def track_message(track: Track) -> catalogue_pb2.Track:
    """A track as the catalogue calls take it."""
    features = track.audio_features
    return catalogue_pb2.Track(
        track_id=track.track_id,
        title=track.title,
        artist_ids=track.artist_ids,
        album=track.album,
        released_on=track.released_on,
        duration_milliseconds=track.duration_milliseconds,
        tags=track.tags,
        audio_features=None if features is None else audio_features_message(features),
        source=_SOURCES[track.source],
        allow_training=track.allow_training,
    )


def play_message(play: Play) -> play_pb2.Play:
    """A play as RecordPlays takes it; the artist and the track's length stay out: the server knows them."""
    message = play_pb2.Play(
        event_id=play.event_id,
        listener_id=play.listener_id,
        track_id=play.track_id,
        milliseconds_played=play.milliseconds_played,
        source=_SOURCES[play.source],
        allow_training=play.allow_training,
        recommendation_id=play.recommendation_id,
        timing=f"TIMING_{play.timing.name}",
    )
    message.played_at.FromDatetime(play.played_at)
    if play.surface or play.device:
        message.context.surface, message.context.device = play.surface, play.device
    return message


def audio_features_message(features: AudioFeatures) -> catalogue_pb2.AudioFeatures:
    """How a track sounds, as the catalogue calls take it."""
    return catalogue_pb2.AudioFeatures(
        danceability=features.danceability,
        energy=features.energy,
        valence=features.valence,
        acousticness=features.acousticness,
        instrumentalness=features.instrumentalness,
        liveness=features.liveness,
        speechiness=features.speechiness,
        tempo=features.tempo,
        loudness=features.loudness,
        estimated=features.estimated,
    )
