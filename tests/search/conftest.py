"""A collection for the engine index, and a stand-in for its server."""

import pytest

from hf_optical.search import index_writer
from hf_optical.search.token_spans import NO_SPAN

from .encoder import Encoder, unit


@pytest.fixture
def encoder(tiny_teacher, monkeypatch):
    """`encoder(documents)` makes an encoder, and texts for it. Spans are another test's."""
    monkeypatch.setattr(index_writer, "document_spans", lambda processor, texts: [[NO_SPAN] * 1000 for _ in texts])

    def make(documents, **settings):
        texts = [f"text {i}" for i in range(len(documents))]
        return Encoder(tiny_teacher, dict(zip(texts, documents, strict=True)), **settings), texts

    return make


@pytest.fixture
def collection(tiny_teacher, monkeypatch):
    """`collection(lengths)`: encoder, ids, texts, metadata and embeddings. Spans are another test's."""
    for module in (pytest.importorskip("hf_optical.search.qdrant_writer"), index_writer):
        monkeypatch.setattr(module, "document_spans", lambda processor, texts: [[NO_SPAN] * 1000 for _ in texts])

    def make(lengths=(3, 5, 2, 7, 4, 6), dim=16, fingerprint="0123456789abcdef"):
        documents = unit(lengths, dim)
        texts = [f"text {i}" for i in range(len(documents))]
        encoder = Encoder(tiny_teacher, dict(zip(texts, documents, strict=True)), dim, fingerprint)
        metadata = [{"even": i % 2 == 0, "number": i, "half": i / 2, "a.b": "xyz"[i % 3]} for i in range(len(documents))]
        return encoder, [f"d{i}" for i in range(len(documents))], texts, metadata, documents

    return make


@pytest.fixture
def server(monkeypatch):
    from .qdrant_server import FakeServer

    monkeypatch.setattr("hf_optical.search.qdrant_connection.time.sleep", lambda seconds: None)
    return FakeServer()
