"""Tokens of the tokens file that are bound to listeners: what an erasure takes away, and an export tells of."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from backend.domain.errors import Unavailable
from backend.ports.tokens import BoundToken
from backend.rpc import token_file


class FolderBoundTokens:
    """`BoundTokens` in a folder's `tokens.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, is_theirs: Callable[[str], bool]) -> Sequence[BoundToken]:
        """See `BoundTokens.of`."""
        with _used():
            entries = token_file.read(self._folder / token_file.FILE).entries
        return [
            BoundToken(name=one.name, scopes=tuple(sorted(map(str, one.scopes))), expires_at=one.expires_at)
            for one in entries
            if one.listener_id and is_theirs(one.listener_id)
        ]

    def revoke(self, is_theirs: Callable[[str], bool]) -> int:
        """See `BoundTokens.revoke`. An entry that names them goes also where it is wrong otherwise."""
        with _used(), token_file.changing(self._folder) as file:
            raw = token_file.read_raw(file)
            others = [one for one in raw if not (bound := _bound_to(one)) or not is_theirs(bound)]
            if len(others) < len(raw):
                token_file.write(file, others)
            return len(raw) - len(others)


@contextmanager
def _used() -> Iterator[None]:
    """Raises Unavailable where the machine does not give, or take, the file at the moment."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"the tokens file cannot be used: {error}") from error


def _bound_to(raw: object) -> str:
    """The listener whom an entry names, as it stands in the file; "" where none."""
    found = raw.get("listener_id") if isinstance(raw, dict) else None
    return found if isinstance(found, str) else ""
