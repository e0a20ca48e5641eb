"""Build an index in a Qdrant collection, local or on the stand-in server."""

from hf_optical.search.qdrant_index import QdrantIndex


def remote(server, **options):
    return {"url": "http://cluster:6333", "client_options": {"transport": server.transport}, **options}


def build(collection, where, **options):
    encoder, ids, texts, metadata, _ = collection
    return QdrantIndex.build(encoder, ids, texts, metadata, show_progress_bar=False, **where, **options)
