"""Writes the settings reference from their class: `python -m backend.settings_reference > segue.example.toml`."""

import sys
import textwrap

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from backend.settings import Settings

_HEADER = """\
# Every setting of Segue with its default. Copy the lines you change into segue.toml, or set the environment variable
# SEGUE_NAME. A command's flag wins over the environment, the environment over segue.toml, segue.toml over the embedded
# stack that runs on this machine. Secrets (pinecone_api_key, token, kafka_password, store_password) belong into the
# environment, or passwords into files of their own.
"""


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is None or value is PydanticUndefined:
        return '""'
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else f'"{value}"'


def _entry(name: str, field: FieldInfo) -> str:
    value = str(field.default).lower() if isinstance(field.default, bool) else _default(field)
    about = textwrap.fill(field.description or "", 116, initial_indent="# ", subsequent_indent="# ")
    return f"\n{about}\n# {name} = {value}\n"


def reference() -> str:
    """The whole file."""
    return _HEADER + "".join(_entry(name, field) for name, field in Settings.model_fields.items())


if __name__ == "__main__":
    sys.stdout.write(reference())
