"""The columns of every table that analytics shows and exports: types, units and meanings, told once.

Frames, CSV, Parquet and Hyper files are all made from these, and so is the data dictionary inside an export.
"""

from typing import Final

from analytics.columns import Column, Kind, Table

_ARTIST_ID: Final = Column("artist_id", Kind.TEXT, "", "The artist's id.")
_ARTIST_NAME: Final = Column("artist_name", Kind.TEXT, "", "The artist's name.")
_TRACK_ID: Final = Column("track_id", Kind.TEXT, "", "The track's id.")
_TITLE: Final = Column("title", Kind.TEXT, "", "The track's title.")


def _engagement(name: str, window: str) -> Table:
    return Table(
        name,
        f"How one artist was heard in one {window}.",
        ("artist_id", "window_start"),
        (
            _ARTIST_ID,
            _ARTIST_NAME,
            Column("window_start", Kind.TIME, "UTC", f"The start of the {window}."),
            Column("plays", Kind.INTEGER, "plays", f"Plays that started in the {window}."),
            Column("unique_listeners", Kind.INTEGER, "listeners", "Different listeners of those plays."),
            Column(
                "returning_share", Kind.REAL, "share, 0 to 1", "Of those listeners, who had played the artist before."
            ),
            Column("milliseconds_played", Kind.INTEGER, "ms", "How long those plays sounded in all."),
            Column(
                "completion_rate", Kind.REAL, "share, 0 to 1", "Time heard over the tracks' length, where it is known."
            ),
            Column("skips", Kind.INTEGER, "plays", "Plays left before 30 s and before half of the track."),
            Column("likes", Kind.INTEGER, "likes", f"Likes given to the artist's tracks in the {window}."),
        ),
    )


ARTIST_ENGAGEMENT: Final = _engagement("artist_engagement", "hour")
ARTIST_ENGAGEMENT_DAYS: Final = _engagement("artist_engagement_days", "day")
"""Apart from the hours, because listeners of hours must not be added up to those of a day."""


def _popularity(subject: str, *columns: Column) -> Table:
    return Table(
        f"{subject}_popularity",
        f"The {subject}s with the most listeners in the last hour, day and week.",
        ("span", f"{subject}_id"),
        (
            Column("span", Kind.TEXT, "", "hour, day (24 hours) or week (7 days)."),
            Column("rank", Kind.INTEGER, "place", "Place within the span, from 1."),
            *columns,
            _ARTIST_ID,
            _ARTIST_NAME,
            Column("window_end", Kind.TIME, "UTC", "When the span ends."),
            Column("plays", Kind.INTEGER, "plays", "Plays in the span."),
            Column("listeners", Kind.INTEGER, "listeners", "Different listeners in the span."),
        ),
    )


TRACK_POPULARITY: Final = _popularity("track", _TRACK_ID, _TITLE)
ARTIST_POPULARITY: Final = _popularity("artist")

TRENDS: Final = Table(
    "trends",
    "A track that is played more in the last 24 h than in its own past.",
    ("track_id", "window_start"),
    (
        _TRACK_ID,
        _TITLE,
        _ARTIST_ID,
        _ARTIST_NAME,
        Column("window_start", Kind.TIME, "UTC", "The hour that ends the 24 h."),
        Column("rank", Kind.INTEGER, "place", "Place within the hour, from 1."),
        Column("plays_24h", Kind.INTEGER, "plays", "Plays in the 24 h."),
        Column("listeners_24h", Kind.INTEGER, "listeners", "Different listeners in the 24 h."),
        Column("baseline_24h", Kind.REAL, "plays per 24 h", "Mean over the seven days before."),
        Column("ratio", Kind.REAL, "times", "Plays over the baseline, the baseline floored."),
        Column("z_score", Kind.REAL, "standard deviations", "How far above the baseline."),
    ),
)

ANOMALIES: Final = Table(
    "anomalies",
    "An hour of an artist or a track that is far from its own past.",
    ("alert_id",),
    (
        Column("alert_id", Kind.TEXT, "", "The same for the same subject, hour and kind."),
        Column("subject", Kind.TEXT, "", "artist or track."),
        _ARTIST_ID,
        _ARTIST_NAME,
        Column("track_id", Kind.TEXT, "", "The track's id; empty where the subject is an artist."),
        Column("title", Kind.TEXT, "", "The track's title; empty where the subject is an artist."),
        Column("window_start", Kind.TIME, "UTC", "The start of the hour."),
        Column("kind", Kind.TEXT, "", "release_spike, stream_farm or drop."),
        Column("direction", Kind.TEXT, "", "up or down."),
        Column("severity", Kind.TEXT, "", "low, medium or high."),
        Column("plays", Kind.INTEGER, "plays", "Plays in the hour."),
        Column("unique_listeners", Kind.INTEGER, "listeners", "Different listeners in the hour."),
        Column(
            "plays_per_listener", Kind.REAL, "plays per listener", "Few listeners with many plays look like a farm."
        ),
        Column("baseline_plays", Kind.REAL, "plays per hour", "Mean of the days before, this hour left out."),
        Column("z_score", Kind.REAL, "standard deviations", "How far from the baseline, this hour left out."),
        Column("baseline_per_listener", Kind.REAL, "plays per listener", "As usual; absent without a past."),
        Column("z_per_listener", Kind.REAL, "standard deviations", "How far plays per listener are from usual."),
        Column(
            "seasonal_plays", Kind.REAL, "plays per hour", "Mean of the same hour of the week over four weeks before."
        ),
        Column("seasonal_z", Kind.REAL, "standard deviations", "How far from that mean; absent without a past."),
    ),
)

LISTENER_ACTIVITY: Final = Table(
    "listener_activity",
    "What one listener did on one day.",
    ("listener_id", "window_start"),
    (
        Column(
            "listener_id",
            Kind.TEXT,
            "",
            "The listener: a pseudonym, or the app's own id where the token has the scope identities.",
        ),
        Column("window_start", Kind.TIME, "UTC", "The start of the day."),
        Column("sessions", Kind.INTEGER, "sessions", "Runs of plays without a long pause."),
        Column("plays", Kind.INTEGER, "plays", "Plays of those sessions."),
        Column("skips", Kind.INTEGER, "plays", "Plays left before 30 s and before half of the track."),
        Column("milliseconds_played", Kind.INTEGER, "ms", "How long those plays sounded in all."),
        Column("last_active", Kind.TIME, "UTC", "When the last of those plays started."),
    ),
)

_SHARE: Final = "share, 0 to 1"
TOPIC_HOURS: Final = Table(
    "topic_hours",
    "How one topic (a cluster of tracks that sound alike) was played in one hour; features are means over plays.",
    ("cluster", "window_start"),
    (
        Column("cluster", Kind.INTEGER, "", "The cluster's number; numbers hold until clusters are made anew."),
        Column("window_start", Kind.TIME, "UTC", "The start of the hour."),
        Column("plays", Kind.INTEGER, "plays", "Plays of its tracks in the hour."),
        Column("danceability", Kind.REAL, _SHARE, "How well one can dance to it."),
        Column("energy", Kind.REAL, _SHARE, "How loud, fast and dense it feels."),
        Column("valence", Kind.REAL, _SHARE, "How cheerful it sounds."),
        Column("acousticness", Kind.REAL, _SHARE, "How acoustic it sounds."),
        Column("instrumentalness", Kind.REAL, _SHARE, "How little it is sung."),
        Column("liveness", Kind.REAL, _SHARE, "How much an audience is heard."),
        Column("speechiness", Kind.REAL, _SHARE, "How much it is spoken."),
        Column("tempo", Kind.REAL, "beats per minute", "How fast it is."),
        Column("loudness", Kind.REAL, "dBFS", "How loud it is."),
    ),
)
FEATURES: Final = tuple(column.name for column in TOPIC_HOURS.columns if column.unit == _SHARE)
"""The audio features of topics that are shares, which one scale can show."""

TOPICS: Final = Table(
    "topics",
    "A cluster of tracks that sound alike, of the model version that serves; each is followed by those within it.",
    ("topic_id",),
    (
        Column("topic_id", Kind.TEXT, "", "Stays with the topic from one model version to the next."),
        Column("parent_topic_id", Kind.TEXT, "", "The topic that it is within; empty on the upper level."),
        Column("name", Kind.TEXT, "", "How it sounds, and the tags that tell it from the topics beside it."),
        Column("tracks", Kind.INTEGER, "tracks", "How many it has."),
        Column("tags", Kind.TEXT, "", "What tells it from the topics beside it, most telling first."),
        Column("tempo", Kind.REAL, "beats per minute", "The mean of its tracks."),
        Column("loudness", Kind.REAL, "dBFS", "The mean of its tracks."),
        Column("cluster", Kind.REAL, "", "Its number in topic_hours; absent on the lower level."),
    ),
)

TOPIC_TRACKS: Final = Table(
    "topic_tracks",
    "The tracks of one topic, those that people play now first.",
    ("track_id",),
    (
        Column("place", Kind.INTEGER, "place", "From 1."),
        _TRACK_ID,
        _TITLE,
        Column("artists", Kind.TEXT, "", "The artists' names."),
        Column("why", Kind.TEXT, "", "Why it stands here; empty where nobody played it."),
    ),
)

DEAD_LETTERS: Final = Table(
    "dead_letters",
    "A record that could not be taken over; for an unknown track one row stands for all its plays.",
    ("reason", "source_topic", "source_partition", "source_offset"),
    (
        Column("reason", Kind.TEXT, "", "malformed, unknown_track, too_late or ahead."),
        Column("noted_at", Kind.TIME, "UTC", "When it was sent."),
        Column("detail", Kind.TEXT, "", "What was wrong."),
        Column("records", Kind.INTEGER, "records", "How many records the letter stands for."),
        Column("record_key", Kind.TEXT, "", "The listener's id or the record's key, where it has one.", optional=True),
        Column("source_topic", Kind.TEXT, "", "The topic it stands in: plays, or what else the sink reads."),
        Column("source_partition", Kind.INTEGER, "", "Its partition of that topic."),
        Column("source_offset", Kind.INTEGER, "", "Its offset in that partition."),
        Column("record", Kind.TEXT, "", "The record's bytes in base64, where they are kept.", optional=True),
    ),
)

DEAD_LETTER_COUNTS: Final = Table(
    "dead_letter_counts",
    "How many records of one topic stand in dead_letters for one reason.",
    ("reason", "source_topic"),
    (
        Column("reason", Kind.TEXT, "", "malformed, unknown_track, too_late or ahead."),
        Column("source_topic", Kind.TEXT, "", "The topic the records stand in."),
        Column("records", Kind.INTEGER, "records", "Records of all its letters."),
    ),
)

RECOMMENDATIONS: Final = Table(
    "recommendations",
    "What one listener may like next.",
    ("track_id",),
    (
        Column("place", Kind.INTEGER, "place", "From 1, best first."),
        _TRACK_ID,
        _TITLE,
        Column("artists", Kind.TEXT, "", "The artists' names."),
        Column("score", Kind.REAL, "", "Larger is better; comparable within one answer only."),
        Column("why", Kind.TEXT, "", "The reasons in words, strongest first."),
    ),
)

REASONS: Final = Table(
    "reasons",
    "Each source's part in a recommendation.",
    ("track_id", "source"),
    (
        Column("place", Kind.INTEGER, "place", "The recommendation's place."),
        _TRACK_ID,
        _TITLE,
        Column("source", Kind.TEXT, "", "factors, content, trend, linear, audio, latent, name or mood."),
        Column("rank", Kind.INTEGER, "place", "Place in that source's list, from 1."),
        Column("share", Kind.REAL, "share, 0 to 1", "The source's part of the score."),
        Column("text", Kind.TEXT, "", "The reason in words."),
    ),
)
