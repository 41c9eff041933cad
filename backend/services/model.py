"""The current model version, swapped between requests."""

import logging

from backend.domain.errors import SegueError
from backend.ports.models import ModelRepository, ModelVersion

_log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
"""Between two looks at the pointer."""


class CurrentModel:
    """Holds the version pointed to. A request takes `version` once and keeps it to its end.

    A new version that cannot be loaded is logged and passed over: the one before stays.
    """

    def __init__(self, repository: ModelRepository) -> None:
        self._repository = repository
        self._version: ModelVersion | None = None
        self._refused: str | None = None

    @property
    def version(self) -> ModelVersion | None:
        """The version to answer with; None where none is published (or none could be loaded)."""
        return self._version

    @property
    def refused(self) -> bool:
        """Whether the version pointed to could not be loaded, so that an older one or none answers."""
        return self._refused is not None

    def refresh(self) -> None:
        """Follow the pointer."""
        name: str | None = None
        try:
            name = self._repository.current()
            if name is None or (self._version is not None and name == self._version.version):
                self._refused = None
                return
            self._version = self._repository.load(name)
            self._refused = None
            _log.info("model version %s answers from now on", name)
        except (SegueError, OSError, ValueError) as error:
            if self._refused != (name or ""):
                _log.error("model version %s cannot be used: %s", name, error)
            self._refused = name or ""
