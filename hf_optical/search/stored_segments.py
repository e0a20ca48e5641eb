"""What the manifest of an index names: its segments, and which of their documents are deleted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from .index_error import IndexFormatError
from .manifest import FileEntry, Manifest
from .metadata_filter import Filter, matches
from .segment import Segment


def open_segments(folder: Path, manifest: Manifest) -> list[Segment]:
    return [Segment(folder, entry, manifest.dim, manifest.dtype) for entry in manifest.segments]


def deleted_positions(folder: Path, manifest: Manifest) -> np.ndarray:
    """Of the deleted documents, ascending, int64."""
    if manifest.deleted is None:
        return np.empty(0, dtype=np.int64)
    name, entry, count = manifest.deleted
    file = folder / name
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        data = b""
    if len(data) != 8 * count or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise IndexFormatError(f"{file} is missing or damaged: restore it from a copy, or build the index again.")
    return np.frombuffer(data, dtype=np.int64)


def hidden_places(segments: Sequence[Segment], deleted: np.ndarray, filter: Filter | None) -> Iterator[np.ndarray]:
    """For each segment the places of documents that are not to be found: deleted, or the filter is not true of them."""
    start = 0
    for segment in segments:
        low, high = np.searchsorted(deleted, [start, start + len(segment)])
        places = deleted[low:high] - start
        if filter is not None:
            out = [place for place, metadata in enumerate(segment.metadata) if not matches(metadata, filter)]
            places = np.union1d(places, np.array(out, dtype=np.int64))
        yield places
        start += len(segment)


def live_ids(folder: Path, manifest: Manifest) -> list[str]:
    """Ids of the documents that are not deleted, in their order."""
    gone = set(deleted_positions(folder, manifest).tolist())
    ids = [i for segment in open_segments(folder, manifest) for i in segment.ids]
    return [i for position, i in enumerate(ids) if position not in gone]


def damages(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Reads every file: a line for each that is damaged or missing."""
    files = [(f"{segment.name}/{name}", entry) for segment in manifest.segments for name, entry in segment.files.items()]
    if manifest.deleted:
        files.append(manifest.deleted[:2])
    for name, entry in tqdm(files, desc="checking", unit="file", disable=None):
        file = folder / name
        if not file.is_file():
            yield f"{file} is missing"
        elif (found := FileEntry.of(file)) != entry:
            yield f"{file} is damaged (SHA-256 {found.sha256[:16]}…, by the manifest {entry.sha256[:16]}…)"
