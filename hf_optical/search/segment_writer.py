"""Write a segment: a folder of flat files that is there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor

from .manifest import FileEntry, SegmentEntry, checksum, sync_folder
from .token_spans import Span

EMBEDDINGS, SCALES, LENGTHS, ORDER, SPANS = "embeddings.bin", "scales.bin", "lengths.bin", "order.bin", "spans.bin"
IDS, TEXTS, TEXT_OFFSETS, METADATA, ENTRY = "ids.json", "texts.bin", "text_offsets.bin", "metadata.json", "segment.json"
# Spans are stored in 16 bits: a token that ends further into its text has none.
_FURTHEST = 2**16 - 1


@dataclass
class StoredDocument:
    """A document as it is stored.

    Attributes:
        values: `(tokens, d)` float16, or int8 with `scales` `(tokens,)` float32.
        spans: where each token stands in the text.
    """

    id: str
    text: str
    metadata: dict[str, Any]
    values: Tensor
    scales: Tensor | None
    spans: Sequence[Span]

    @classmethod
    def quantise(
        cls, id: str, text: str, metadata: dict[str, Any], embeddings: Tensor, spans: Sequence[Span], dtype: str
    ) -> StoredDocument:
        """From float32 embeddings."""
        if dtype == "float16":
            if embeddings.numel() and embeddings.abs().amax() > torch.finfo(torch.float16).max:
                raise ValueError(f"document {id!r} has embeddings beyond the range of float16: normalise them.")
            return cls(id, text, metadata, embeddings.half(), None, spans)
        scales = embeddings.abs().amax(1).clamp_min(1e-30) / 127 if len(embeddings) else torch.empty(0)
        values = (embeddings / scales[:, None]).round().clamp(-127, 127).to(torch.int8)
        return cls(id, text, metadata, values, scales, spans)

    def restored(self) -> Tensor:
        """`(tokens, d)` float32."""
        return self.values.float() if self.scales is None else self.values.float() * self.scales[:, None]


def write_segment(folder: Path, name: str, documents: Sequence[StoredDocument]) -> SegmentEntry:
    """Write the documents as segment `name` of the index in `folder`.

    Their embeddings are stored in the order of their lengths, so that a search takes many of one length at a time, as they lie.
    """
    beside = folder / f".{name}.{uuid4().hex[:8]}.tmp"
    beside.mkdir()
    try:
        entry = _write_files(beside, name, documents)
        content = asdict(entry)
        _write(beside / ENTRY, json.dumps(content | {"checksum": checksum(content)}).encode())
        sync_folder(beside)
        try:
            os.rename(beside, folder / name)
        except OSError:  # another process was quicker: the name tells the content, so both are alike
            if read_entry(folder, name) is None:
                raise
        sync_folder(folder)
        return entry
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def read_entry(folder: Path, name: str) -> SegmentEntry | None:
    """The entry of a segment that was written whole, None if there is none. Looks at sizes alone: see `is_undamaged`."""
    try:
        content = json.loads((folder / name / ENTRY).read_text(encoding="utf-8"))
        if content.pop("checksum", None) not in (None, checksum(content)):  # None: written before there was one
            return None
        entry = SegmentEntry.from_dict(content)
        whole = all((folder / name / file).stat().st_size == stored.bytes for file, stored in entry.files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return entry if whole else None


def is_undamaged(folder: Path, name: str) -> bool:
    """Whether a segment is there, and every byte of its files is the one that was written. Reads them all."""
    entry = read_entry(folder, name)
    return entry is not None and all(FileEntry.of(folder / name / file) == stored for file, stored in entry.files.items())


def _write_files(folder: Path, name: str, documents: Sequence[StoredDocument]) -> SegmentEntry:
    lengths = np.array([len(document.values) for document in documents], dtype=np.int32)
    order = np.argsort(lengths, kind="stable").astype(np.int32)
    by_length = [documents[i] for i in order]
    norms = [document.restored().norm(dim=1).amax().item() for document in documents if len(document.values)]
    texts = [document.text.encode() for document in documents]
    spans = [np.array(document.spans, dtype=np.int64).reshape(-1, 2) for document in by_length]
    spans = np.concatenate(spans) if spans else np.empty((0, 2), dtype=np.int64)
    spans[spans[:, 1] > _FURTHEST] = 0
    contents = {
        EMBEDDINGS: (document.values.numpy().tobytes() for document in by_length),
        LENGTHS: [lengths.tobytes()],
        ORDER: [order.tobytes()],
        SPANS: [spans.astype(np.uint16).tobytes()],
        IDS: [json.dumps([document.id for document in documents], ensure_ascii=False).encode()],
        TEXTS: texts,
        TEXT_OFFSETS: [np.cumsum([0, *map(len, texts)], dtype=np.int64).tobytes()],
        METADATA: [json.dumps([document.metadata for document in documents], ensure_ascii=False).encode()],
    }
    if documents and documents[0].scales is not None:
        contents[SCALES] = (document.scales.numpy().tobytes() for document in by_length)
    for file, pieces in contents.items():
        _write(folder / file, *pieces)
    files = {file: FileEntry.of(folder / file) for file in contents}
    return SegmentEntry(name, len(documents), int(lengths.sum()), max(norms, default=0.0), files)


def _write(file: Path, *pieces: bytes) -> None:
    with file.open("wb") as out:
        out.writelines(pieces)
        out.flush()
        os.fsync(out.fileno())
