"""The teacher's passages on disk: encoded once for all methods, languages and processes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..search import ExactIndex

if TYPE_CHECKING:
    from ..data import RetrievalCollection
    from ..models import OpticalTeacherModel

_PASSAGES_PER_CHUNK = 1024


def collection_key(collection: RetrievalCollection, teacher_fingerprint: str = "") -> str:
    """Hash of ids and texts of the passages, and of the teacher that encodes them."""
    digest = hashlib.sha256(teacher_fingerprint.encode())
    for pair in zip(collection.corpus_ids, collection.corpus_texts, strict=True):
        for text in pair:
            digest.update(len(text).to_bytes(4, "little") + text.encode())
    return digest.hexdigest()[:16]


def passage_index(teacher: OpticalTeacherModel, collection: RetrievalCollection, file: Path) -> ExactIndex:
    """The index of a collection; its embeddings are kept in the file (float16) for the next call."""
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file
    from transformers.utils import logging as hf_logging

    if not file.exists():
        texts, parts, lengths = collection.corpus_texts, [], []
        with hf_logging.tqdm(total=len(texts), desc="encoding passages", unit="text", disable=len(texts) < 1000) as progress:
            for start in range(0, len(texts), _PASSAGES_PER_CHUNK):
                chunk = teacher.encode_document(texts[start : start + _PASSAGES_PER_CHUNK], show_progress_bar=False)
                lengths += [len(embeddings) for embeddings in chunk]
                parts.append(torch.cat(chunk).half().cpu())
                progress.update(len(chunk))
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        tensors = {"embeddings": torch.cat(parts), "lengths": torch.tensor(lengths)}
        save_file(tensors, partial, {"teacher": teacher.fingerprint()})
        partial.replace(file)
    with safe_open(file, framework="pt") as stored:
        fingerprint = stored.metadata()["teacher"]
        embeddings = stored.get_tensor("embeddings").split(stored.get_tensor("lengths").tolist())
    return ExactIndex(collection.corpus_ids, embeddings, fingerprint, collection.corpus_texts, teacher_name=teacher.name_or_path)
