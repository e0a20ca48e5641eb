"""LanceDB's multivector IVF_PQ with refine beside exact search of the same, replicated documents."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search_systems import K, embedding_bytes, found, replicated, write_index
from torch import Tensor

from hf_optical.search import DiskIndex

logger = logging.getLogger(__name__)

_QUERIES = 10
# (partitions probed, refine factor), until the recall is reached.
_RECALL, _SETTINGS = 0.99, ((10, 10), (20, 30), (40, 50), (80, 100))


def approximate(documents: Sequence[Tensor], queries: Sequence[Tensor], folder: Path, copies: int) -> dict[str, Any]:
    """Recall@10 against exact search, milliseconds of one query, bytes, seconds to build; None where lancedb is not installed."""
    try:
        import lancedb
        import pyarrow as pa
    except ImportError:
        return {"missing": "lancedb"}
    collection, asked = list(replicated(documents, copies)), queries[:_QUERIES]
    index = write_index(folder / "exact", collection, "float16")
    exact = found(DiskIndex.open(index.folder, cache_bytes=2**34))
    best, rows = exact(asked), []
    rows.append({"system": "DiskIndex float16, exact", "bytes": embedding_bytes(index), **_times(exact, asked), "recall": 1.0})

    dim = collection[0].shape[1]
    schema = pa.schema([("id", pa.int64()), ("vector", pa.list_(pa.list_(pa.float32(), dim)))])

    def batches() -> Any:
        for start in range(0, len(collection), 2048):
            part = collection[start : start + 2048]
            vectors = pa.array([list(document.numpy()) for document in part], schema.field("vector").type)
            yield pa.record_batch([pa.array(range(start, start + len(part))), vectors], schema=schema)

    started = time.perf_counter(), time.process_time()
    table = lancedb.connect(folder / "lance").create_table("passages", batches(), schema=schema)
    table.create_index(metric="cosine", vector_column_name="vector", index_type="IVF_PQ", num_sub_vectors=dim // 4)
    build = {"build_seconds": round(time.perf_counter() - started[0]), "build_cpu_seconds": round(time.process_time() - started[1])}
    size = sum(file.stat().st_size for file in (folder / "lance").rglob("*") if file.is_file())

    for probes, refine in _SETTINGS:

        def search(asked: Sequence[Tensor], probes: int = probes, refine: int = refine) -> list[list[int]]:
            answers = (table.search(list(q.numpy())).nprobes(probes).refine_factor(refine).limit(K).select(["id"]) for q in asked)
            return [[row["id"] for row in answer.to_list()] for answer in answers]

        recall = statistics.mean(len(set(a) & set(b)) / len(a) for a, b in zip(best, search(asked), strict=True))
        name = f"LanceDB IVF_PQ, {probes} probes, refined {refine}-fold"
        rows.append({"system": name, "bytes": size, **_times(search, asked), "recall": round(recall, 3), **build})
        logger.warning("%s", rows[-1])
        if recall >= _RECALL:
            break
    return {"passages": len(documents) * copies, "queries": len(asked), "rows": rows}


def _times(search: Any, queries: Sequence[Tensor]) -> dict[str, float]:
    seconds = []
    for query in queries:
        started = time.perf_counter(), time.process_time()
        search([query])
        seconds.append((time.perf_counter() - started[0], time.process_time() - started[1]))
    wall, cpu = (round(1000 * statistics.median(values), 1) for values in zip(*seconds, strict=True))
    return {"ms": wall, "cpu_ms": cpu}
