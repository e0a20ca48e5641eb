"""Read a segment: its files mapped into memory when it is opened, read when they are needed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .index_error import IndexFormatError
from .int8_scan import Int8Block
from .manifest import SegmentEntry
from .segment_writer import EMBEDDINGS, IDS, LENGTHS, METADATA, ORDER, SCALES, SPANS, TEXT_OFFSETS, TEXTS, StoredDocument
from .token_spans import Span


class Segment:
    """Documents of one segment, told by their place in it: 0, 1, ...

    Args:
        folder: of the index. entry: the segment in its manifest. dim, dtype: of the index.

    Raises:
        IndexFormatError: a file is missing or has another size than the manifest says.
    """

    def __init__(self, folder: Path, entry: SegmentEntry, dim: int, dtype: str) -> None:
        self.folder, self.entry, self._dim = folder / entry.name, entry, dim
        for name, stored in entry.files.items():
            try:
                size = (self.folder / name).stat().st_size
            except FileNotFoundError:
                raise MissingFileError(
                    f"{self.folder / name} is missing ({stored.bytes:,} bytes by the manifest): restore it from a copy, or build "
                    "the index again."
                ) from None
            if size != stored.bytes:
                raise IndexFormatError(
                    f"{self.folder / name} has {size:,} bytes, {stored.bytes:,} by the manifest: restore it from a copy, or build "
                    "the index again."
                )

        # mapped at once: what a writer deletes later stays readable here; torch keeps no file descriptor
        tokens, documents = entry.tokens, entry.documents
        self.values = self._map(EMBEDDINGS, getattr(torch, dtype), tokens, dim)  # as stored, documents by length
        self.scales = self._map(SCALES, torch.float32, tokens) if SCALES in entry.files else None  # of int8 values
        self._spans = self._map(SPANS, torch.uint16, tokens, 2)
        self._stored_lengths = self._map(LENGTHS, torch.int32, documents)
        self._stored_order = self._map(ORDER, torch.int32, documents)
        self._text_offsets = self._map(TEXT_OFFSETS, torch.int64, documents + 1)
        self._texts, self._ids, self._metadata = (
            self._map(name, torch.uint8, entry.files[name].bytes) for name in (TEXTS, IDS, METADATA)
        )

    def __len__(self) -> int:
        return self.entry.documents

    def _map(self, name: str, dtype: torch.dtype, *shape: int) -> Tensor:
        size = math.prod(shape)
        if size * dtype.itemsize != self.entry.files[name].bytes:
            raise IndexFormatError(f"{self.folder / name}: its size does not fit {shape} values: build the index again.")
        if not size:
            return torch.empty(shape, dtype=dtype)
        try:
            return torch.from_file(str(self.folder / name), shared=False, size=size, dtype=dtype).view(shape)
        except RuntimeError as error:
            if (self.folder / name).exists():
                raise OSError(f"{self.folder / name} cannot be mapped into memory ({error})") from None
            raise MissingFileError(f"{self.folder / name} is missing: it was there a moment ago.") from None

    @cached_property
    def _lengths(self) -> np.ndarray:
        return self._stored_lengths.numpy().astype(np.int64)

    @cached_property
    def _order(self) -> np.ndarray:
        """Places of the documents as they are stored."""
        return self._stored_order.numpy().astype(np.int64)

    @cached_property
    def _starts(self) -> np.ndarray:
        """First token of the document at each place."""
        lengths = self._lengths[self._order]
        starts = np.empty(len(self), dtype=np.int64)
        starts[self._order] = np.cumsum(lengths) - lengths
        return starts

    @cached_property
    def ids(self) -> list[str]:
        return self._read_json(IDS, self._ids)

    @cached_property
    def metadata(self) -> list[dict[str, Any]]:
        return self._read_json(METADATA, self._metadata)

    def _read_json(self, name: str, stored: Tensor) -> list[Any]:
        try:
            read = json.loads(stored.numpy().tobytes())
        except ValueError as error:
            read, why = None, f" ({error})"
        else:
            why = ""
        if not isinstance(read, list) or len(read) != len(self):
            raise IndexFormatError(
                f"{self.folder / name} is damaged{why}: `optical index --verify` names all damage; restore the file from a copy, "
                "or build the index again."
            )
        return read

    def text(self, place: int) -> str:
        start, stop = self._text_offsets[place : place + 2].tolist()
        return self._texts[start:stop].numpy().tobytes().decode()

    def rows(self, place: int) -> slice:
        start = int(self._starts[place])
        return slice(start, start + int(self._lengths[place]))

    def embeddings(self, place: int) -> Tensor:
        """`(tokens, d)` float32 of a document."""
        return self.restored(self.rows(place))

    def restored(self, rows: slice) -> Tensor:
        values = self.values[rows].float()
        return values if self.scales is None else values * self.scales[rows, None]

    def spans(self, place: int) -> list[Span]:
        """Where in the text each token of a document stands."""
        return [(start, stop) for start, stop in self._spans[self.rows(place)].tolist()]

    def document(self, place: int) -> StoredDocument:
        """A document as it is stored."""
        rows = self.rows(place)
        scales = None if self.scales is None else self.scales[rows]
        return StoredDocument(self.ids[place], self.text(place), self.metadata[place], self.values[rows], scales, self.spans(place))

    def blocks(self, tokens: int) -> Iterator[tuple[Tensor, slice, int]]:
        """Documents of one length, about so many tokens at a time: their places, their rows, their length."""
        lengths = self._lengths[self._order]
        bounds = np.flatnonzero(np.diff(lengths, prepend=-1, append=-1))
        row = 0
        for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            length = int(lengths[start])
            step = max(1, tokens // max(1, length))
            for first in range(start, stop, step):
                last = min(first + step, stop)
                if length:
                    yield torch.from_numpy(self._order[first:last]), slice(row, row + (last - first) * length), length
                row += (last - first) * length

    def int8_block(self, rows: slice, length: int) -> Int8Block:
        """Stored int8 values as they are."""
        values = self.values[rows].view(-1, length, self._dim)
        none = torch.zeros(len(values))
        return Int8Block(values, self.scales[rows].view(-1, length), none, none + self.entry.max_norm)


class MissingFileError(IndexFormatError, FileNotFoundError):
    """A file of an index is not there."""
