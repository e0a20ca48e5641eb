"""Documents as points of a Qdrant collection, and back; and many of them sent at once."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import torch
from torch import Tensor

from .document import Document
from .qdrant_settings import VECTOR

# Ids of points are made from ids of documents within this name space.
_NAMESPACE = uuid5(NAMESPACE_URL, "https://huggingface.co/hf_optical/documents")
# Of a JSON request: a server takes 32 MB unless told otherwise.
_BYTES_PER_REQUEST = 12_000_000
_BYTES_PER_VALUE = 13
_POINTS_PER_REQUEST = 256


def point_id(document_id: str) -> str:
    """The UUID5 of a document's id: the same document is the same point, whoever sends it."""
    return str(uuid5(_NAMESPACE, document_id))


def digest(text: str, metadata: dict[str, Any], student: str = "") -> str:
    """Tells whether a document that is there is the one that would be sent, by the same student (fingerprint) or the teacher."""
    content = json.dumps([text, metadata, *([student] if student else [])], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def to_point(document: Document, student: str = "") -> Any:
    """A `PointStruct`. A document without a token is stored without a vector: no search finds it.

    Args:
        student: fingerprint of the one that encoded it, if one did.
    """
    from qdrant_client import models

    payload = {
        "id": document.id,
        "text": document.text,
        "metadata": document.metadata,
        "spans": list(chain.from_iterable(document.spans)),
        "digest": digest(document.text, document.metadata, student),
    }
    # nine decimals are finer than float32 is for all but tiny values, and half as long as Python writes them
    vectors = {VECTOR: document.embeddings.double().round(decimals=9).tolist()} if len(document.embeddings) else {}
    return models.PointStruct(id=point_id(document.id), vector=vectors, payload=payload)


def to_document(record: Any, dim: int) -> Document:
    """From a point with payload and vectors."""
    payload, spans = record.payload, record.payload.get("spans") or []
    stored = (record.vector or {}).get(VECTOR) if isinstance(record.vector, dict) else None
    embeddings: Tensor = torch.tensor(stored, dtype=torch.float32) if stored else torch.empty(0, dim)
    spans = list(zip(spans[::2], spans[1::2], strict=True))
    return Document(payload["id"], payload["text"], payload.get("metadata") or {}, embeddings, spans)


def requests(documents: Iterable[Document], student: str = "") -> Iterator[list[Any]]:
    """Points in portions that a server takes in one request."""
    points: list[Any] = []
    size = 0
    for document in documents:
        expected = document.embeddings.numel() * _BYTES_PER_VALUE + 2 * len(document.text)
        if points and (size + expected > _BYTES_PER_REQUEST or len(points) == _POINTS_PER_REQUEST):
            yield points
            points, size = [], 0
        points.append(to_point(document, student))
        size += expected
    if points:
        yield points


def send_all(
    portions: Iterable[list[Any]], send: Callable[[list[Any]], Any], parallel: int, sent: Callable[[int], Any] = lambda number: None
) -> None:
    """Call `send` with every portion, several at a time, while the next ones are made; `sent` with the size of each done one.

    The first failure ends it; what was sent by then stays sent.
    """
    waiting: deque[tuple[int, Future]] = deque()

    def finish() -> None:
        number, future = waiting.popleft()
        future.result()
        sent(number)

    with ThreadPoolExecutor(max(1, parallel), thread_name_prefix="qdrant-upload") as pool:
        try:
            for portion in portions:
                waiting.append((len(portion), pool.submit(send, portion)))
                if len(waiting) >= 2 * parallel:
                    finish()
            while waiting:
                finish()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
