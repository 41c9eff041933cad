"""HetRec 2011 Last.fm as `segue bench quality` is measured on it: who played which artist, tags and friends."""

from pathlib import Path

from backend.domain.errors import InvalidInput, Violation
from bench.pairs import numbered, read_pairs, read_values
from training.data.dataset import Interactions, interactions
from training.data.side import SideInformation, friends_of, tagging_of

FILES = ("user_artists.dat", "user_taggedartists.dat", "user_friends.dat")


def read(folder: Path) -> tuple[Interactions, SideInformation]:
    """The interactions, and what is known beside them. Raises InvalidInput where a file is missing."""
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise InvalidInput(
            [Violation("data", f"{folder} has no {name}; give the folder with --data") for name in missing]
        )
    artists, taggings, friendships = (folder / name for name in FILES)
    plays = numbered(read_pairs(artists).pairs)[0]
    side = SideInformation(
        tagging=tagging_of(read_values(taggings, ("listener", "item", "tag"))[0], plays.listener_ids, plays.track_ids),
        friends=friends_of(read_values(friendships, ("listener", "friend"))[0], plays.listener_ids),
    )
    return interactions(plays), side
