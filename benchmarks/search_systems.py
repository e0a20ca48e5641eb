"""Exact late-interaction search over the same embeddings: ours, and what it is compared with, each as a function of queries."""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hf_optical.search import DiskIndex, ExactIndex
from hf_optical.search.index_writer import DOCUMENTS_PER_SEGMENT
from hf_optical.search.manifest import Manifest, SegmentEntry
from hf_optical.search.segment_writer import StoredDocument, write_segment

# Queries in, the positions of the ten best documents out.
System = Callable[[Sequence[Tensor]], list[list[int]]]
K = 10


def write_segments(folder: Path, documents: Iterable[Tensor], dtype: str, first: int = 0) -> list[SegmentEntry]:
    """Segments of an index of these embeddings, without texts."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for part in _batched(documents, DOCUMENTS_PER_SEGMENT):
        stored = []
        for embeddings in part:
            stored.append(StoredDocument.quantise(str(first), "", {}, embeddings.float(), [(0, 0)] * len(embeddings), dtype))
            first += 1
        entries.append(write_segment(folder, f"segment-{first:010}", stored))
    return entries


def write_index(folder: Path, documents: Sequence[Tensor], dtype: str) -> DiskIndex:
    """A DiskIndex of embeddings that are there already; ids are positions."""
    shutil.rmtree(folder, ignore_errors=True)
    entries = write_segments(folder, documents, dtype)
    Manifest("0" * 16, "", documents[0].shape[1], dtype, 1, entries).write(folder)
    return DiskIndex.open(folder)


def embedding_bytes(index: DiskIndex) -> int:
    """Of embeddings and their scales, without texts and ids."""
    names = ("embeddings.bin", "scales.bin")
    return sum(entry.bytes for segment in index.manifest.segments for name, entry in segment.files.items() if name in names)


def _batched(documents: Iterable[Tensor], size: int) -> Iterator[Sequence[Tensor]]:
    part: list[Tensor] = []
    for document in documents:
        part.append(document)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part


def found(index: ExactIndex | DiskIndex) -> System:
    return lambda queries: [[int(i) for i, _ in hits] for hits in index.search(queries, K)]


def systems(documents: Sequence[Tensor], folder: Path, with_qdrant: bool) -> tuple[dict[str, System], list[str]]:
    """By name; and what is not installed."""
    documents = [document.float() for document in documents]
    all_systems = {
        "ExactIndex": found(ExactIndex([str(i) for i in range(len(documents))], documents, "")),
        "DiskIndex float16": found(write_index(folder / "float16", documents, "float16")),
        "DiskIndex int8": found(write_index(folder / "int8", documents, "int8")),
        "sentence-transformers maxsim, list": _maxsim_of_list(documents),
        "sentence-transformers maxsim, padded once": _maxsim_padded_once(documents),
    }
    missing = []
    try:
        all_systems["maxsim-cpu"] = _maxsim_cpu(documents)
    except ImportError:
        missing.append("maxsim-cpu")
    if with_qdrant:
        try:
            all_systems["Qdrant local"] = _qdrant(documents)
        except ImportError:
            missing.append("qdrant-client")
    return all_systems, missing


def _top(scores: Tensor) -> list[list[int]]:
    return scores.topk(min(K, scores.shape[1])).indices.tolist()


def _maxsim_of_list(documents: list[Tensor]) -> System:
    """As `MultiVectorEncoder.similarity` calls it, with documents in the order of their lengths, which spares padding."""
    from sentence_transformers.util import maxsim

    order = sorted(range(len(documents)), key=lambda i: len(documents[i]))
    by_length = [documents[i] for i in order]

    def search(queries: Sequence[Tensor]) -> list[list[int]]:
        return [[order[i] for i in row] for row in _top(maxsim(list(queries), by_length))]

    return search


def _maxsim_padded_once(documents: list[Tensor], tokens: int = 8192) -> System:
    """Blocks of like length padded before the first query, so that no query pays for it: the most favourable use we found."""
    from sentence_transformers.util import maxsim

    order = sorted(range(len(documents)), key=lambda i: len(documents[i]))
    blocks, start = [], 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * len(documents[order[stop]]) <= tokens:
            stop += 1
        part = [documents[i] for i in order[start:stop]]
        padded = torch.nn.utils.rnn.pad_sequence(part, batch_first=True)
        mask = torch.arange(padded.shape[1]) < torch.tensor([[len(document)] for document in part])
        blocks.append((padded, None if mask.all() else mask))
        start = stop

    def search(queries: Sequence[Tensor]) -> list[list[int]]:
        scores = [maxsim(list(queries), padded, b_mask=mask) for padded, mask in blocks]
        return [[order[i] for i in row] for row in _top(torch.cat(scores, dim=1))]

    return search


def _maxsim_cpu(documents: list[Tensor]) -> System:
    import maxsim_cpu

    arrays = [np.ascontiguousarray(document.numpy()) for document in documents]

    def search(queries: Sequence[Tensor]) -> list[list[int]]:
        scores = [torch.from_numpy(np.asarray(maxsim_cpu.maxsim_scores_variable(q.numpy(), arrays))) for q in queries]
        return _top(torch.stack(scores))

    return search


def _qdrant(documents: list[Tensor]) -> System:
    """Local mode, in memory."""
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    together = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    dim = documents[0].shape[1]
    vectors = models.VectorParams(size=dim, distance=models.Distance.DOT, multivector_config=together)
    client.create_collection("passages", vectors_config=vectors)
    for start in range(0, len(documents), 256):
        part = documents[start : start + 256]
        points = [models.PointStruct(id=start + i, vector=document.tolist()) for i, document in enumerate(part)]
        client.upsert("passages", points)

    def search(queries: Sequence[Tensor]) -> list[list[int]]:
        requests = [models.QueryRequest(query=query.tolist(), limit=K) for query in queries]
        return [[point.id for point in answer.points] for answer in client.query_batch_points("passages", requests)]

    return search


def replicated(documents: Sequence[Tensor], copies: int, noise: float = 0.02) -> Iterator[Tensor]:
    """The documents, then again and again with a little noise in every component, each token of length one; float32."""
    generator = torch.Generator().manual_seed(0)
    for copy in range(copies):
        for document in documents:
            document = document.float()
            if copy:
                document = document + noise * torch.randn(document.shape, generator=generator)
            yield torch.nn.functional.normalize(document, dim=1)


def copies_for(size: int, documents: int) -> int:
    return math.ceil(size / documents)


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Deleted at the end, whatever happens: it may hold gigabytes."""
    parent.mkdir(parents=True, exist_ok=True)
    try:
        yield parent
    finally:
        shutil.rmtree(parent, ignore_errors=True)
