"""The teacher's passages on disk: encoded once for all methods, languages and processes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..search import ExactIndex

if TYPE_CHECKING:
    from ..data import RetrievalCollection
    from ..models import OpticalTeacherModel


def collection_key(collection: RetrievalCollection, teacher_fingerprint: str = "") -> str:
    """Hash of ids and texts of the passages, and of the teacher that encodes them."""
    digest = hashlib.sha256(teacher_fingerprint.encode())
    for pair in zip(collection.corpus_ids, collection.corpus_texts, strict=True):
        for text in pair:
            digest.update(len(text).to_bytes(4, "little") + text.encode())
    return digest.hexdigest()[:16]


def passage_index(teacher: OpticalTeacherModel, collection: RetrievalCollection, root: Path, *, bf16: bool = False) -> ExactIndex:
    """The index of a collection; its embeddings are kept below `root`, where students that train on passages find them too.

    Args:
        teacher: encodes what is not there yet.
        collection: whose passages.
        root: folder of the teacher's embeddings.
        bf16: in mixed precision, as students are trained.
    """
    import torch

    from ..training.embedding_cache import EmbeddingCache

    processor = teacher.processor
    ids = processor.token_ids(collection.corpus_texts, processor.document_marker, teacher.config.document_length)
    with torch.autocast(teacher.device.type, torch.bfloat16, enabled=bf16):
        cache = EmbeddingCache.build(root, teacher, ids, side="document", batch_size=32)
    embeddings = (cache[row] for row in range(len(cache)))
    return ExactIndex(
        collection.corpus_ids, embeddings, teacher.fingerprint(), collection.corpus_texts, teacher_name=teacher.name_or_path
    )
