"""How latency, memory, disk and opening time of an index on disk grow with the collection."""

from __future__ import annotations

import logging
import multiprocessing
import shutil
import statistics
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from search_systems import K, copies_for, embedding_bytes, replicated, write_segments
from torch import Tensor

from hf_optical.search import DiskIndex
from hf_optical.search.manifest import Manifest

logger = logging.getLogger(__name__)

_QUERIES = 5
# Of memory, kept free of what is prepared for scanning.
_KEPT_FREE = 3 * 2**30


def growth(documents: Sequence[Tensor], queries: Sequence[Tensor], folder: Path, sizes: Sequence[int]) -> dict[str, Any]:
    """int8 on disk, the documents replicated with noise; stops where the disk would be full, and says so."""
    place = folder / "growth"
    per_document = statistics.mean(len(document) for document in documents) * (documents[0].shape[1] + 8)
    source = replicated(documents, copies_for(max(sizes), len(documents)))
    segments, written, rows, left_out = [], 0, [], []
    for size in sorted(sizes):
        if (size - written) * per_document > 0.8 * shutil.disk_usage(folder).free:
            left_out.append(size)
            continue
        started = time.process_time()
        segments += write_segments(place, islice(source, size - written), "int8", first=written)
        written = size
        Manifest("0" * 16, "", documents[0].shape[1], "int8", 1, segments).write(place)
        row: dict[str, Any] = {"passages": size, "write_cpu_seconds": round(time.process_time() - started)}
        started = time.perf_counter()
        index = DiskIndex.open(place)
        row["open_ms"] = round(1000 * (time.perf_counter() - started), 1)
        row["bytes"] = embedding_bytes(index)
        for name, cache in (("mapped", 0), ("prepared", row["bytes"])):
            if cache and cache + _KEPT_FREE > _available():
                row[name] = None
                continue
            with multiprocessing.get_context("spawn").Pool(1) as process:  # what it holds is its own
                row[name] = process.apply(measured, (place, cache, [query.numpy() for query in queries[:32]]))
        del index
        rows.append(row)
        logger.warning("%s", row)
    shutil.rmtree(place, ignore_errors=True)
    return {"rows": rows, "left_out": left_out}


def measured(place: Path, cache: int, arrays: Sequence[np.ndarray]) -> dict[str, float]:
    """Memory that the index takes after a first search, and milliseconds of one query and of 32."""
    torch.set_num_threads(1)
    queries = [torch.from_numpy(array) for array in arrays]
    before = _anonymous()
    index = DiskIndex.open(place, cache_bytes=cache)
    index.search(queries[:1], K)
    found: dict[str, float] = {"memory": _anonymous() - before}
    for count in (1, 32):
        seconds = []
        for number in range(_QUERIES if count == 1 else 1):
            started = time.perf_counter(), time.process_time()
            index.search(queries[number : number + count], K)
            seconds.append((time.perf_counter() - started[0], time.process_time() - started[1]))
        wall, cpu = (1000 * statistics.median(values) for values in zip(*seconds, strict=True))
        found |= {f"{count}": round(wall, 1), f"{count} cpu": round(cpu, 1)}
    return found


def _anonymous() -> int:
    """Memory of this process without mapped files, bytes."""
    return _field("/proc/self/status", "RssAnon")


def _available() -> int:
    return _field("/proc/meminfo", "MemAvailable")


def _field(file: str, name: str) -> int:
    for line in Path(file).read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"{file} has no {name}: this table needs Linux.")
