"""Which tracks belong to which topic of a version, the most played first; a track costs some 40 bytes of memory."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backend.domain.topics import Topic

Rows = NDArray[np.int64]
"""Numbers of tracks in the order of a version's track ids."""


class TrackIds:
    """Ids as the file of a version holds them: sorted, one a line. They are taken out of its bytes when asked for."""

    def __init__(self, lines: bytes) -> None:
        self._lines = lines
        self._ends = np.flatnonzero(np.frombuffer(lines, dtype=np.uint8) == ord("\n"))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int) -> str:
        return self._line(row).decode()

    def lines(self) -> list[bytes]:
        """All of them, taken out."""
        return self._lines.split(b"\n")[:-1]

    def row(self, track_id: str) -> int | None:
        """Which it is; None where it is none of them."""
        wanted = track_id.encode()
        row = bisect_left(range(len(self)), wanted, key=self._line)
        return row if row < len(self) and self._line(row) == wanted else None

    def _line(self, row: int) -> bytes:
        begin = int(self._ends[row - 1]) + 1 if row else 0
        return self._lines[begin : int(self._ends[row])]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicTracks:
    """The topics of a version, each of the upper level followed by those within it, and their tracks.

    `places` (tracks,) int16 says of each of `track_ids` which of `topics` it is in, the lowest one; -1: in none.
    `plays` (tracks,) int32 are the plays that the version learned from.
    """

    topics: Sequence[Topic]
    track_ids: TrackIds
    places: NDArray[np.int16]
    plays: NDArray[np.int32]
    _numbers: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        numbers = {topic.topic_id: number for number, topic in enumerate(self.topics)}
        object.__setattr__(self, "_numbers", numbers)

    def topic(self, topic_id: str) -> Topic | None:
        """The topic of this id, if there is one."""
        number = self._numbers.get(topic_id)
        return None if number is None else self.topics[number]

    def topics_of(self, track_id: str) -> tuple[str, ...]:
        """Ids of the topics that a track is in, the lowest first; () where it is in none."""
        row = self.track_ids.row(track_id)
        place = -1 if row is None else int(self.places[row])
        if place < 0:
            return ()
        topic = self.topics[place]
        return (topic.topic_id, topic.parent_id) if topic.parent_id else (topic.topic_id,)

    def rows(self, topic_id: str) -> Rows:
        """The tracks of a topic and of those within it, the most played first; of equals by id."""
        own = [number for number, one in enumerate(self.topics) if topic_id in (one.topic_id, one.parent_id)]
        rows = np.flatnonzero(np.isin(self.places, own))
        return rows[np.argsort(-self.plays[rows], kind="stable")]
