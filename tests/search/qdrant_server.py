"""A stand-in for a Qdrant server: its REST calls, answered by qdrant-client's in-memory mode; it can fail when it is told to."""

import json
import re
from collections import Counter

import httpx
from qdrant_client import QdrantClient, models


class FakeServer:
    """Behind `httpx.MockTransport`.

    Attributes:
        calls: how often each request came, as "METHOD kind".
        failures: for a request, what is answered instead, one after the other: a Response, or an exception.
    """

    def __init__(self, key=None):
        self.engine, self.key = QdrantClient(":memory:"), key
        self.calls, self.failures, self.created, self.upserted, self.headers = Counter(), {}, {}, [], []
        self.queries, self.indexes = [], []

    @property
    def transport(self):
        return httpx.MockTransport(self.answer)

    def answer(self, request):
        self.headers.append(dict(request.headers))
        if self.key is not None and request.headers.get("api-key") != self.key:
            return httpx.Response(401, text="Must provide an API key or an Authorization bearer token")
        name, rest = re.fullmatch(r"/collections/([^/]+)(/.*)?", request.url.path).groups()
        kind = f"{request.method} {rest or '/'}"
        self.calls[kind] += 1
        if self.failures.get(kind):
            failure = self.failures[kind].pop(0)
            if isinstance(failure, Exception):
                raise failure
            return failure
        body = json.loads(request.content) if request.content else {}
        if rest != "/exists" and kind != "PUT /" and not self.engine.collection_exists(name):
            return httpx.Response(404, json={"status": {"error": f"Not found: Collection `{name}` doesn't exist!"}})
        return httpx.Response(200, json={"result": self.result(kind, name, body), "status": "ok", "time": 0.0})

    def result(self, kind, name, body):
        engine, done = self.engine, {"operation_id": 1, "status": "completed"}
        match kind:
            case "GET /exists":
                return {"exists": engine.collection_exists(name)}
            case "GET /":
                told = engine.get_collection(name).model_dump(mode="json")
                # local mode forgets these
                told["config"]["params"] |= {key: self.created.get(key) for key in ("shard_number", "replication_factor")}
                return told
            case "PUT /":
                self.created = body
                config = models.CreateCollection.model_validate(body)
                return engine.create_collection(name, vectors_config=config.vectors, metadata=config.metadata)
            case "DELETE /":
                return engine.delete_collection(name)
            case "PUT /index":
                self.indexes.append(body)
                return done
            case "PUT /points":
                points = models.PointsList.model_validate(body).points
                self.upserted += [point.payload["id"] for point in points]
                engine.upsert(name, points)
                return done
            case "POST /points":
                asked = models.PointRequest.model_validate(body)
                found = engine.retrieve(name, asked.ids, with_payload=asked.with_payload, with_vectors=asked.with_vector)
                return [record.model_dump(mode="json") for record in found]
            case "POST /points/count":
                return {"count": engine.count(name).count}
            case "POST /points/delete":
                engine.delete(name, models.PointIdsList.model_validate(body))
                return done
            case "POST /points/scroll":
                records, offset = engine.scroll(
                    name, limit=body["limit"], offset=body.get("offset"), with_payload=body["with_payload"]
                )
                return {"points": [record.model_dump(mode="json") for record in records], "next_page_offset": offset}
            case "POST /points/query/batch":
                self.queries += body["searches"]
                asked = models.QueryRequestBatch.model_validate(body).searches
                return [{"points": [p.model_dump(mode="json") for p in a.points]} for a in engine.query_batch_points(name, asked)]
        raise AssertionError(f"the stand-in does not know {kind}")
