"""How an export fails; apart from the exports themselves, so that who only names it needs no pandas."""


class ExportFailed(Exception):
    """The export was not written, and what stood at its path still stands. The message says why."""
