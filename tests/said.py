"""A job's statements as one text, as people would type them."""

from collections.abc import Sequence


def said(script: Sequence[str]) -> str:
    """Each statement with its semicolon."""
    return "".join(f"{statement};\n" for statement in script)
