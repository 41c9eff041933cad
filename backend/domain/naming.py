"""Whether something that is kept names one of some listeners: in text, in bytes, or in the kept record of a letter."""

from base64 import b64decode
from collections.abc import Collection, Mapping


def named_in_bytes(value: bytes, listener_ids: Collection[bytes]) -> bytes | None:
    """One of the listeners whose id stands anywhere in these bytes."""
    return next((one for one in listener_ids if one in value), None)


def named_in_row(columns: Mapping[str, object], listener_ids: Collection[str]) -> str | None:
    """One of the listeners that a row of a live table names: as its listener, in a letter's text, or in its record.

    `record` is base64, as rows and result topics have it; what is none names nobody.
    """
    told = [str(columns.get(name) or "") for name in ("listener_id", "record_key", "detail")]
    found = next((one for one in listener_ids for text in told if one in text), None)
    record = columns.get("record")
    if found is not None or not isinstance(record, str):
        return found
    try:
        kept = b64decode(record, validate=True)
    except ValueError:
        return None
    named = named_in_bytes(kept, [one.encode() for one in listener_ids])
    return named.decode() if named else None
