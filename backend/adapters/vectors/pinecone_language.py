"""What Segue says in Pinecone's terms: ids, metadata, filters, and batches that are not too large."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from backend.domain.errors import Unavailable
from backend.ports.vectors import Facets, Filter

BATCH_RECORDS = 1_000
BATCH_BYTES = 2_000_000
BYTES_PER_NUMBER = 24
"""The longest a float32 gets in JSON, with its comma."""
BYTES_AROUND = 200
"""JSON around a record, and its share of what is around them all."""
ID_LENGTH = 512
METADATA_BYTES = 40_000

_PLAIN = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def stored_id(one: str) -> str:
    """The id as Pinecone takes it, in ASCII: the rest, and the percent sign, as in a URL. Raises ValueError."""
    stored = quote(one, safe=_PLAIN)
    if not 1 <= len(stored) <= ID_LENGTH:
        raise ValueError(f"id {one[:40]!r}… has {len(stored)} characters; Pinecone takes 1 to {ID_LENGTH}")
    return stored


def metadata(facets: Facets, dimension: int) -> dict[str, Any]:
    """Facets and a vector's length before it was padded; what is not known is left out, as Pinecone has no null."""
    said: dict[str, Any] = {"dimension": dimension}
    if facets.tags:
        said["tags"] = list(facets.tags)
    if facets.artists:
        said["artists"] = list(facets.artists)
    if facets.source:
        said["source"] = facets.source
    if facets.year is not None:
        said["year"] = facets.year
    return said


def condition(where: Filter, dimension: int) -> dict[str, Any]:
    """Pinecone's filter for these facets and vectors of this length."""
    asked: list[dict[str, Any]] = [{"dimension": {"$eq": dimension}}]
    for name, values in (("tags", where.tags), ("artists", where.artists), ("source", where.sources)):
        if values:
            asked.append({name: {"$in": sorted(values)}})
    if where.first_year is not None:
        asked.append({"year": {"$gte": where.first_year}})
    if where.last_year is not None:
        asked.append({"year": {"$lte": where.last_year}})
    return {"$and": asked}


def dimension_of(said: Mapping[str, object] | None) -> int:
    """The length a vector had before it was padded. Raises Unavailable where the record is not one of ours."""
    dimension = (said or {}).get("dimension")
    if not isinstance(dimension, int | float):
        raise Unavailable("Pinecone holds a record that Segue did not write: publish a new model version")
    return int(dimension)


def batches(ids: Sequence[str], said: Sequence[Mapping[str, Any]], dimension: int) -> Iterator[slice]:
    """Places that fit one request each; `ids` and `said` are as they are sent. Raises ValueError for one too large."""
    start, size = 0, 0
    for place, (one, about) in enumerate(zip(ids, said, strict=True)):
        length = len(json.dumps(about))
        if length > METADATA_BYTES:
            raise ValueError(
                f"facets of {one} take {length} bytes; Pinecone takes {METADATA_BYTES}: fewer tags, please"
            )
        record = dimension * BYTES_PER_NUMBER + len(one) + length + BYTES_AROUND
        if place - start == BATCH_RECORDS or (size + record > BATCH_BYTES and place > start):
            yield slice(start, place)
            start, size = place, 0
        size += record
    yield slice(start, len(ids))
