"""The README of an export: what each file holds, in words for whoever it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A file of the export, and how many lines it has."""

    name: str
    lines: int


_ABOUT: Mapping[str, str] = {
    "plays.jsonl": """Every play that was told of you, from the event log (topic `plays`), which is what everything else
is counted from.

- `event_id`: the play's own id; a play that was sent twice counts once
- `track_id`, `artist_id`: what was played
- `played_at_ms`: when playback began; milliseconds since 1970-01-01 00:00 UTC
- `milliseconds_played`, `track_milliseconds`: how long you heard, and how long the track is (0: unknown)
- `source`: where the play came from; `allow_training`: whether models may learn from it
- `recommendation_id`: the recommendation that led to it, if any
- `surface`, `device`: where in the app, and on what, as the app said it
- `ingested_at_ms`: when the server took it in; `timing`: `live`, or `history` where it was told later""",
    "archive.jsonl": """Your plays once more, each that was counted once, as the play archive holds them for models to
learn from. Where the log is not kept for ever, some of these may be older than any in `plays.jsonl`.

- `played_at`, `ingested_at`: times in UTC; other fields as above, null where unknown""",
    "feedback.jsonl": """Every like, dislike, hide, skip and save, from the event log (topic `feedback`).

- `event_id`, `track_id`, `artist_id`, `recommendation_id`: as above
- `kind`: like, dislike, hide, skip or save
- `given_at_ms`: when; milliseconds since 1970-01-01 00:00 UTC""",
    "rights.jsonl": """What you, or somebody for you, allowed, from the event log (topic `rights`); the last
line holds.

- `allow_training`: whether models may learn from your plays. Without a line they may, unless a play says otherwise""",
    "profile.jsonl": """What the next recommendation would go by: your latest 200 plays and your last word on up to
5,000 tracks, from the store.

- `entry`: `play` or `word`; of a word `kind` is what you said of the track
- `played_at`, `given_at`: times in UTC; other fields as above""",
    "listener_activity.jsonl": """Your days, counted from your plays, from the store (live table `listener_activity`).

- `window_start`: the day's start, UTC; `last_active`: when your last play of the day began
- `sessions`: runs of plays without a long pause; `plays`, `skips`: how many
- `milliseconds_played`: time heard""",
    "dead_letters.jsonl": """Records of yours that could not be counted, and why, from the store (live table
`dead_letters`).

- `reason`, `detail`: why; `noted_at`: when, UTC
- `source_topic`, `source_partition`, `source_offset`: where the record stands in the event log
- `record_key`: you; `record`: the beginning of a record that could not be read, in base64; `records`: how many""",
    "models.jsonl": """What each kept model version learned of your taste, from its files.

- `version`, `created_at`: which model; `serves`: whether it is the one that answers now
- `factors`: numbers without a unit; a track is near to you where the product with its own numbers is large""",
    "tokens.jsonl": """Tokens that speak for you at this server: neither the tokens nor anything they could be made
from.

- `name`, `scopes`: what it is called, and what it may do; `expires_at`: until when, UTC (null: until it is revoked)""",
}

_HEAD = """# What Segue holds of you

Made at {made_at} UTC for the listener `{listener_id}`.

Behind its door Segue does not know you by that name: there `{pseudonym}` stands for you, drawn by chance. In these
files your own id was put back. Each `.jsonl` file holds one JSON object a line; a record that is no JSON is shown as
`{{"unreadable": "…"}}`, its bytes in base64, and what is broken by such a line that says so. This README was written
last: where you can read it, the export is whole.
"""

_TAIL = """## What is not in here

- **What was recommended to you, and why**: this version keeps no record of it. An answer that has more pages is kept
  for ten minutes, under an id of its own and not under yours.
- **Counts of everybody**: charts, trends, artists' hours. Your plays are counted in them; nothing in them names you.
- **Titles and names** of tracks and artists: they are the catalogue's and tell nothing of you.
"""


def readme(listener_id: str, pseudonym: str, *, made_at: datetime, sections: Sequence[Section]) -> str:
    """The text. Raises KeyError for a file that nothing is said of."""
    told = f"{made_at:%Y-%m-%d %H:%M:%S}"
    parts = [_HEAD.format(made_at=told, listener_id=listener_id, pseudonym=pseudonym)]
    for section in sections:
        lines = "1 line" if section.lines == 1 else f"{section.lines:,} lines"
        parts.append(f"## {section.name}: {lines}\n\n{_ABOUT[section.name]}\n")
    return "\n".join([*parts, _TAIL])
