"""Options that commands share, and how they become settings."""

import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from backend import misspelt
from backend.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else, on stdout.")]
Home = Annotated[
    Path | None, typer.Option("--home", help="Folder of state, logs and data (SEGUE_HOME; default .segue).")
]


def settings(home: Path | None = None, **flags: object) -> Settings:
    """Settings with the flags that were given (not None) before everything else. Raises pydantic.ValidationError.

    Variables that nobody reads are told on stderr.
    """
    for sentence in misspelt.variables(os.environ):
        logging.getLogger(__name__).warning("! %s", sentence)
    given = {name: value for name, value in {"home": home, **flags}.items() if value is not None}
    return Settings(**given)  # type: ignore[arg-type] # pydantic checks each value and names the wrong one
