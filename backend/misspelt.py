"""Settings that nobody reads, mostly because their names are misspelt: what to say of them."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from backend.settings import Settings

PREFIX = "SEGUE_"

ELSEWHERE = ("SEGUE_MAVEN_REPOSITORY", "SEGUE_TEST_")
"""Variables that are no settings but are read (stack/jars.py, tests), or what their names begin with."""


def variables(environment: Iterable[str]) -> list[str]:
    """A sentence for each SEGUE_… variable that is read by nobody, with the nearest name that is."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    unknown = [
        # Names of settings count in any case, as pydantic reads them.
        name
        for name in sorted(environment)
        if name.upper().startswith(PREFIX) and name.upper() not in known and not name.upper().startswith(ELSEWHERE)
    ]
    return [f"nothing reads {name} of the environment{nearest(name.upper(), known)}" for name in unknown]


def nearest(name: str, known: Collection[str]) -> str:
    """As in "; did you mean tenant?", "" where nothing is near."""
    found = get_close_matches(name, known, n=1, cutoff=0.7)
    return f"; did you mean {found[0]}?" if found else "; segue.example.toml lists every setting"
