"""A server on loopback that answers as Pinecone's documented HTTP API 2026-07 does, for the real client to talk to.

Documented at docs.pinecone.io: the reference of the data plane, operation limits, error handling. Of it there is what
a dense index with metric "dotproduct" and the vectors' API need. Scores are exact where the service's are approximate.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from tests.pinecone_double import INDEX, KEY, PineconeDouble, Records, Refusal, admits

BATCH_RECORDS, BATCH_BYTES = 1_000, 2 * 1024 * 1024
IDS_AT_ONCE = 1_000
TOP_K = 10_000
METADATA_BYTES = 40 * 1024
PAGE = 100


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: PineconeDouble

    def log_message(self, *_: object) -> None:
        """Silence: `requests` keeps them."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.double.requests.append(f"{self.command} {parts.path}")
        fault = self.double.fault(parts.path)
        if fault:
            time.sleep(fault.seconds)
        try:
            if fault and not fault.after_the_deed and fault.status != 200:
                raise Refusal(fault.status, "the double was told to fail", code=14)
            if self.headers.get("Api-Key") != KEY:
                raise Refusal(401, "Invalid API Key")
            said = self._route(parts.path, parse_qs(parts.query), body)
            if fault and fault.status != 200:
                raise Refusal(fault.status, "done, but the double was told to fail", code=14)
            self._send(200, said)
        except Refusal as refusal:
            message = {"code": refusal.code, "message": str(refusal), "details": []}
            if parts.path.startswith("/indexes"):
                codes = {404: "NOT_FOUND", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED"}
                message = {
                    "error": {"code": codes.get(refusal.status, "UNKNOWN"), "message": str(refusal)},
                    "status": refusal.status,
                }
            self._send(refusal.status, message, fault.retry_after if fault else None)

    def _send(self, status: int, said: object, retry_after: str | None = None) -> None:
        content = json.dumps(said).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if retry_after is not None:
                self.send_header("Retry-After", retry_after)
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client's deadline was over: nobody listens any more

    def _route(self, path: str, query: dict[str, list[str]], body: bytes) -> object:
        if path == f"/indexes/{INDEX}":
            return self._describe()
        if path.startswith("/indexes/"):
            raise Refusal(404, f"Resource {path.removeprefix('/indexes/')} not found")
        routes: dict[str, Callable[[dict[str, Any]], object]] = {
            "/vectors/upsert": lambda said: self._upsert(said, len(body)),
            "/query": self._query,
            "/vectors/delete": self._delete,
            "/describe_index_stats": lambda _: self._stats(),
        }
        if self.command == "POST" and path in routes:
            return routes[path](json.loads(body))
        if self.command == "GET" and path == "/vectors/fetch":
            return self._fetch(query)
        if self.command == "GET" and path == "/vectors/list":
            return self._list(query)
        if path == "/namespaces" or path.startswith("/namespaces/"):
            return self._namespaces(unquote(path.removeprefix("/namespaces").lstrip("/")))
        raise Refusal(404, f"no such path {path}", code=5)

    def _describe(self) -> object:
        vector = {"type": "dense_vector", "dimension": self.double.dimension, "metric": self.double.metric}
        return {
            "name": INDEX,
            "host": self.double.url,
            "schema": {"fields": {"_values": vector}},
            "deployment": {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"},
            "deletion_protection": "disabled",
            "status": {"ready": True, "state": "Ready"},
        }

    def _upsert(self, said: dict[str, Any], size: int) -> object:
        if size > BATCH_BYTES:
            raise Refusal(400, f"Request size {size}B exceeds the maximum supported size of {BATCH_BYTES}B", code=11)
        if not 1 <= len(said["vectors"]) <= BATCH_RECORDS:
            raise Refusal(400, f"Vector count {len(said['vectors'])} is not within 1 and {BATCH_RECORDS}", code=11)
        records = {}
        for one in said["vectors"]:
            values, metadata = one["values"], one.get("metadata", {})
            self._check_values(values)
            if not one["id"].isascii() or not 1 <= len(one["id"]) <= 512:
                raise Refusal(400, "Vector ID must be ASCII of 1 to 512 characters")
            if not any(values):
                raise Refusal(400, "Dense vectors must contain at least one non-zero value.")
            if len(json.dumps(metadata)) > METADATA_BYTES:
                raise Refusal(400, f"Metadata size exceeds the limit of {METADATA_BYTES} bytes per vector")
            if any(value is None or isinstance(value, dict) for value in metadata.values()):
                raise Refusal(400, "Metadata value must be a string, number, boolean or list of strings")
            records[one["id"]] = {"id": one["id"], "values": values, "metadata": metadata}
        self.double.upsert(said.get("namespace", ""), records)
        return {"upsertedCount": len(records)}

    def _check_values(self, values: list[float]) -> None:
        if len(values) != self.double.dimension:
            raise Refusal(
                400,
                f"Vector dimension {len(values)} does not match the dimension of the index {self.double.dimension}",
            )

    def _records(self, namespace: str) -> Records:
        shown = self.double.shown()
        if namespace not in shown and self.double.unknown_namespace_is_404:
            raise Refusal(404, "Namespace not found", code=5)
        return shown.get(namespace, {})

    def _query(self, said: dict[str, Any]) -> object:
        self._check_values(said["vector"])
        if not 1 <= said["topK"] <= TOP_K:
            raise Refusal(400, f"top_k must be between 1 and {TOP_K}")
        namespace = said.get("namespace", "")
        wanted = said.get("filter", {})
        held = [one for one in self._records(namespace).values() if admits(wanted, one["metadata"])]
        matches = []
        if held:
            scores = np.array([one["values"] for one in held]) @ np.array(said["vector"])
            for place in np.argsort(-scores, kind="stable")[: said["topK"]]:
                match = {"id": held[place]["id"], "score": float(scores[place]), "values": []}
                matches.append(match | ({"metadata": held[place]["metadata"]} if said.get("includeMetadata") else {}))
        return {"matches": matches, "namespace": namespace, "usage": {"readUnits": 1}}

    def _fetch(self, query: dict[str, list[str]]) -> object:
        ids, namespace = query.get("ids", []), query.get("namespace", [""])[0]
        if not 1 <= len(ids) <= IDS_AT_ONCE:
            raise Refusal(400, f"ids must be 1 to {IDS_AT_ONCE}")
        records = self._records(namespace)
        found = {one: records[one] for one in ids if one in records}
        return {"vectors": found, "namespace": namespace, "usage": {"readUnits": 1}}

    def _list(self, query: dict[str, list[str]]) -> object:
        namespace, prefix = query.get("namespace", [""])[0], query.get("prefix", [""])[0]
        after = query.get("paginationToken", [""])[0]
        ids = sorted(one for one in self._records(namespace) if one.startswith(prefix) and one > after)
        page = ids[: int(query.get("limit", [str(PAGE)])[0])]
        paging = {"pagination": {"next": page[-1]}} if len(page) < len(ids) else {}
        return {"vectors": [{"id": one} for one in page], "namespace": namespace, **paging}

    def _delete(self, said: dict[str, Any]) -> object:
        namespace, ids = said.get("namespace", ""), said.get("ids")
        if namespace not in self.double.shown():
            raise Refusal(404, "Namespace not found", code=5)
        if ids is not None and not 1 <= len(ids) <= IDS_AT_ONCE:
            raise Refusal(400, f"ids must be 1 to {IDS_AT_ONCE}")
        if ids is None and not said.get("deleteAll"):
            raise Refusal(400, "one of ids, deleteAll or filter is needed")
        self.double.delete(namespace, ids)
        return {}

    def _stats(self) -> object:
        shown = self.double.shown()
        return {
            "namespaces": {name: {"vectorCount": len(records)} for name, records in shown.items()},
            "dimension": self.double.dimension,
            "indexFullness": 0,
            "totalVectorCount": sum(map(len, shown.values())),
            "metric": self.double.metric,
            "vectorType": "dense",
        }

    def _namespaces(self, name: str) -> object:
        shown = self.double.shown()
        # The service writes counts of namespaces as texts.
        known = {one: {"name": one, "record_count": str(len(records))} for one, records in sorted(shown.items())}
        if not name:
            return {"namespaces": list(known.values()), "total_count": len(known)}
        if name not in known:
            raise Refusal(404, "Namespace not found", code=5)
        if self.command == "DELETE":
            self.double.delete(name, None)
            return {}
        return known[name]


@contextmanager
def pinecone_server(double: PineconeDouble) -> Iterator[PineconeDouble]:
    """The double, listening at `double.url` until the block ends."""
    handler = type("Handler", (_Handler,), {"double": double})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        double.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield double
        finally:
            server.shutdown()
            thread.join()
